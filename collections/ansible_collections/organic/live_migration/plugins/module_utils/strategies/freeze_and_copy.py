# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switchover that all copying strategies share: freeze, switch the addresses, dump, send, have it restored.

Everything here is downtime. What can be done before the freeze or after the process runs is done there.
"""

from __future__ import annotations

from typing import ClassVar

from .. import typed
from ..criu import images, interrupted_waits, packet_sockets, reservations
from ..criu.worker import POST_DUMP
from ..host import cpu_time, file_snapshot, files, processes
from ..host.sleeps import SleepReader
from ..host.steps import now_ms
from ..memory.pager import Answer
from ..network import netlink, tun, tun_packets, unread_datagrams
from ..session import channel, messages, states, watchdog
from ..session.channel import Message
from ..session.stall import STALL_TIMEOUT_S, StallDetector, SwitchoverDeadline
from .base import Strategy
from .context import SourceContext

_UNCORK_EVERY_S = 0.001
_ACCEPT_TIMEOUT_S = 2.0
"""How long the process may take to accept connections that are established, and to read netlink messages."""


class FreezeAndCopy(Strategy):
    """A strategy that stops the process and has it restored from images."""

    final_command: ClassVar[str]
    """The pager's command in the freeze: ``final_send`` the remaining pages, or only the ``final_bitmap`` of them."""

    def switch_over(self, source: SourceContext) -> Message:
        control, pager, steps, timeout_s = source.control, source.pager, source.steps, source.plan.timeout_s
        self._enter(source)
        stall = self._freeze(source)
        with steps.step("switch_network"):
            # packets that arrive until the target has announced itself are still received, and dumped with the socket
            source.outgoing.bind()
            source.links.suppress_arp()
            control.send(messages.SWITCH)
            sockets = netlink.NetlinkSockets.of(source.freezer.tree)
            sockets.check()
            control.expect(messages.SWITCHED, STALL_TIMEOUT_S)
            source.mac_change = source.links.drop_mac()
            source.incoming.bind()
            if sockets:  # the process must not be notified of the loss of its own address
                source.mac_change.join()
                sockets.drain()
        with steps.step("dump"):
            archive, gone, unread = self._dump(source, stall)

        def on_progress(progress: Answer) -> None:
            source.memory.report(progress)
            stall.check()

        with steps.step("restore"):
            # the target must not take old pages for new ones
            pager.expect("lists", timeout_s, on_progress)
            arrived = unread + source.incoming.copies() + source.syn_hold.copies()
            self._send_images(source, archive, gone, arrived)
            self._finish_dump(source, stall)
            handed_over = source.stream.bytes_sent + control.blob_bytes_sent
            stall = StallDetector(source.bytes_moved, source.current_step, at_work_bytes=handed_over)

            def on_pages() -> None:  # they are sent meanwhile, and CRIU may need some
                pager.look(source.memory.report)
                stall.check()

            restored = control.expect(messages.RESTORED, timeout_s, on_pages)
        with steps.step("final_memory"):
            source.final = pager.expect("final", timeout_s, on_progress)
        return restored

    def _enter(self, source: SourceContext) -> None:
        """The last steps in which the process still runs."""
        source.record.cpu_limit = {**cpu_time.limits(source.container), **source.record.cpu_limit}
        source.record.save(states.SWITCHOVER)
        source.progress.set_state(states.SWITCHOVER)
        with source.steps.step("read_sockets"):
            tree = processes.tree(source.root.pid)
            source.sockets.read(tree)
            source.tasks.read(tree)
            source.reserving = reservations.holders(tree)
        with source.steps.step("scan_mappings"):
            source.pager.order("snapshot_vmas")  # CRIU then need not walk all pages
            source.pager.expect("snapshot_vmas", source.plan.timeout_s)
        watchdog.raise_priority()
        with source.steps.step("drain_accept_queue"):
            self._hold_connections(source)  # new ones wait, while the process accepts those that are established
            unread_datagrams.drain_accept_queue(source.root.pid, _ACCEPT_TIMEOUT_S)
            tree = processes.tree(source.root.pid)
            netlink.NetlinkSockets.of(tree).await_read(_ACCEPT_TIMEOUT_S)
            source.waits.read(tree)
        # threads that have used up their time could neither be frozen nor dumped
        cpu_time.lift(source.record.cpu_limit)

    def _hold_connections(self, source: SourceContext) -> None:
        source.syn_hold.start()

    def _freeze(self, source: SourceContext) -> StallDetector:
        """Stop the process, for a limited time, and have the pager begin with the rest of its memory."""
        stall = StallDetector(source.bytes_moved, source.current_step)
        source.deadline = SwitchoverDeadline(
            self.longest_switchover_ms(source.plan), source.plan.options.switchover_timeout_ms, source.current_step
        )
        source.deadline.start()
        source.frozen_at_ms = source.waits.frozen_at_ms = now_ms()
        with source.steps.step("freeze"):
            source.freezer.freeze()
        source.pager.order(self.final_command)
        return stall

    def _dump(self, source: SourceContext, stall: StallDetector) -> tuple[bytes, list[str], bytes]:
        """Dump, and meanwhile pack the files that changed since they were sent; :meth:`_finish_dump` must follow.

        Returns:
            The files, the names of removed ones, and the datagrams that the process has not read.
        """
        tree = source.freezer.tree  # of many threads it takes 10 us each to find it
        unread = unread_datagrams.unread(tree)
        source.pager.expect("hints", source.plan.timeout_s)

        def keep_uncorked() -> None:
            channel.uncork(source.stream.plain)
            stall.check()

        source.criu.begin_dump()
        self._start_readers(source)
        devices = tun.attached(tree)
        tun.check_same(source.tuns, devices)
        source.tun_paths = {
            (processes.pid_inside(one.pid), one.number): tun.key_of(name) for name, one in devices.items()
        }
        source.unread_tun = tun_packets.take_unread(source.tuns, devices)
        mapped, suspects = files.mapped_shared(tree), file_snapshot.open_for_writing(tree, source.snapshot)
        changed, gone = source.files.changes(source.snapshot, mapped, suspects)
        archive = source.files.pack(changed, gone, mapped)
        source.socket_states = source.sockets.refresh(tree)
        source.task_attributes = source.tasks.refresh(tree)
        source.ipc_rest = source.ipc.refresh(tree)
        criu, timeout_s = source.criu, source.plan.timeout_s
        criu.run_until(POST_DUMP, timeout_s, on_poll=keep_uncorked, poll_interval_s=_UNCORK_EVERY_S)
        return archive, gone, unread

    @staticmethod
    def _finish_dump(source: SourceContext, stall: StallDetector) -> None:
        """Have CRIU let go of the processes, which takes some 10 us for each thread and each connection."""
        source.criu.run_until(None, source.plan.timeout_s, on_poll=stall.check)
        source.is_dumped = True

    def _start_readers(self, source: SourceContext) -> None:
        """While CRIU works: of the packets that are held."""
        source.outgoing.start_reader()
        source.incoming.start_reader()

    def _send_images(self, source: SourceContext, archive: bytes, gone: list[str], arrived: bytes) -> dict[str, bytes]:
        """Send CRIU's images, and all that goes with them, as one message; returns the images by name.

        Args:
            source: whose process is dumped.
            archive: of changed files.
            gone: names of removed files.
            arrived: packets to inject.
        """
        named = images.read(source.images)
        named["files.img"] = images.with_relative_timers(named["files.img"])
        named["files.img"] = packet_sockets.with_links(named["files.img"], source.link_numbers)
        core = f"core-{processes.pid_inside(source.root.pid)}.img"
        named[core] = images.without_parent_death_signal(named[core])
        sleeps = SleepReader(processes.tree(source.root.pid))
        named = interrupted_waits.with_restarted_waits(named, self._left_of(sleeps), source.waits)
        named = images.with_named_files(named, source.tun_paths)
        named = reservations.without_accounting(named, source.reserving)
        names = [(name, len(content)) for name, content in named.items()]
        packets = tun_packets.pack(source.unread_tun)
        parts = [archive, *named.values(), packets, arrived]
        sizes = {"archive_bytes": len(archive), "tun_bytes": len(packets), "arrived_bytes": len(arrived)}
        sockets = [typed.to_dict(state) for state in source.socket_states]
        source.control.send(
            messages.IMAGES,
            b"".join(parts),
            images=names,
            gone=gone,
            finished_by=self.name,
            sockets=sockets,
            tasks=[typed.to_dict(one) for one in source.task_attributes],
            sleeps=[typed.to_dict(one) for one in sleeps.found],
            ipc=typed.to_dict(source.ipc_rest),
            **sizes,
        )
        return named

    def _left_of(self, sleeps: SleepReader) -> interrupted_waits.Left:
        """In post-copy, memory that the target lacks cannot be written before the process runs."""
        return (lambda _tid, _address: False) if self.needs_source_after_commit else sleeps.read
