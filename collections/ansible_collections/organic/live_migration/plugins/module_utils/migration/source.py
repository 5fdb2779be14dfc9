# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's end of a migration: freeze, dump, hand over, and, until the commit, be able to take it all back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..criu import images
from ..criu.worker import CriuWorker
from ..engines.docker import NO_RESTART, DockerEngine
from ..errors import Cancelled, MigrationError, PeerFailed, PeerLost, ProcessEnded
from ..host import commands, cpu_throttle, files, libc, processes
from ..host.container import Container
from ..host.files import FileSet, Snapshot
from ..host.freezer import Freezer
from ..host.steps import Steps, now_ms
from ..memory.pager import Answer, SourcePager
from ..network import interfaces, netlink, tcp_repair, tun, tun_packets, unread_datagrams
from ..network.address_switch import AddressSwitch
from ..network.interfaces import Interface
from ..network.ip_config import IpConfig
from ..network.packet_hold import InboundHold, OutgoingHold, PacketHold, SynHold, remove_rules
from ..session import channel, journal, watchdog
from ..session.channel import Channel, PageStream
from ..session.journal import MigrationRecord
from ..session.options import HYBRID, POST_COPY, PRE_COPY, Plan
from ..session.progress import ACTIVE, CANCELLED, COMPLETED, FAILED, POSTCOPY_ACTIVE, SWITCHOVER, Progress
from ..session.stall import STALL_TIMEOUT_S, StallDetector
from ..strategies.memory_transfer import MemoryTransfer

_DEPARTED = signal.SIGRTMIN + 1
_UNCORK_EVERY_S = 0.001
_ACCEPT_S = 2.0
"""For so long the process may take to accept the connections that are open."""
CONTAINER_EXIT_TIMEOUT_S = 5.0
"""More than the container's init takes to end after the NF, and the engine to notice it."""
_MAX_FILES_BYTES = 1 << 30
_METADATA_BYTES = 64 << 20
"""Size of the source's image file system: all but the pages, which go out at once."""


@dataclass
class Armed:
    """What is made before the freeze and needed after it."""

    control: Channel
    stream: PageStream
    pager: SourcePager
    files: FileSet
    snapshot: Snapshot
    links: AddressSwitch
    incoming: InboundHold
    outgoing: OutgoingHold
    syn_hold: SynHold
    criu: CriuWorker
    images: int
    withdrawal: threading.Thread | None = None
    tuns: list[tun.Device] = field(default_factory=list)
    tun_paths: dict[tuple[int, int], str] = field(default_factory=dict)
    unread_tun: list[tun_packets.Packet] = field(default_factory=list)
    final: Answer = field(default_factory=dict)
    """What the pager did in the freeze."""

    @property
    def holds(self) -> list[PacketHold]:
        return [self.incoming, self.outgoing, self.syn_hold]


class Source:
    """One migration as the source host sees it.

    Args:
        plan: the controller's orders.
        addresses: of the target host, in the order in which they are tried.
        port: of the target's agent.
        engine: of this host.
    """

    def __init__(self, plan: Plan, addresses: list[str], port: int, engine: DockerEngine) -> None:
        self._plan = plan
        self._addresses = addresses
        self._port = port
        self._engine = engine
        self._steps = Steps()
        description = engine.inspect(plan.name)
        if description is None or not description["State"]["Pid"]:
            raise ProcessEnded(f"Container '{plan.name}' ended before its migration began.")
        self._container = Container(description["State"]["Pid"])
        self._nf = processes.ProcessId.of(self._container.nf_root())
        self._freezer = Freezer(self._container.freezer_group())
        self._record = MigrationRecord(
            plan.migration_id,
            "source",
            plan.name,
            description["Id"],
            plan.peer,
            nf_pid=self._nf.pid,
            nf_start_time=self._nf.start_time,
            init_pid=self._container.init.pid,
            init_start_time=self._container.init.start_time,
            freezer=str(self._freezer.parent),
            restart_policy=description["HostConfig"]["RestartPolicy"],
        )
        self._armed: Armed | None = None
        self._frozen_at_ms = 0.0
        self._post_copy = plan.options.strategy in (POST_COPY, HYBRID)

    def run(self) -> watchdog.Result:
        """Migrate; returns when the source is released, or the process runs here again as if nothing had been.

        Raises:
            MigrationError: another run works on this container, or has left it frozen.
        """
        lock = os.open(self._freezer.parent, os.O_RDONLY)  # held by worker and guardian until both have ended
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MigrationError(
                f"Container '{self._plan.name}' is in another migration; wait until it ended."
            ) from None
        if self._freezer.directory.exists():
            raise MigrationError(
                f"Container '{self._plan.name}' was left frozen by a migration; run the same one again."
            )
        return watchdog.run_with_watchdog(self._migrate, self._rescue)

    def _migrate(self) -> watchdog.Result:
        self._record.adopt()
        self._record.save()
        self._open_progress()
        try:
            with self._steps.step("connect"):
                control, stream, for_pager = self._memory.connect()
            self._armed = self._arm(control, stream, for_pager)
            self._progress.check()
            if self._plan.options.strategy in (PRE_COPY, HYBRID):
                self._copy_while_running(self._armed)
            if self._plan.options.pause_before_switchover:
                self._pause(self._armed)
            self._progress.check()
            restored = self._switch_over(self._armed)
            self._progress.check()
            self._record.post_copy = self._post_copy
            self._record.save(journal.COMMITTED)
        except (MigrationError, OSError, ValueError) as error:
            return self._roll_back(error)
        return self._commit(self._armed, restored)

    def _open_progress(self) -> None:
        self._progress = Progress(self._record.directory, self._plan.facts)
        self._memory = MemoryTransfer(self._plan, self._addresses, self._port, self._nf.pid, self._progress)

    # Before the freeze: everything that can be done while the process runs

    def _arm(self, control: Channel, stream: PageStream, for_pager: list[socket.socket]) -> Armed:
        self._progress.set_state(ACTIVE)
        with self._steps.step("files"):
            moving = FileSet(self._container, self._container.mounts())
            snapshot = moving.snapshot()
            if snapshot.size_bytes > _MAX_FILES_BYTES:
                raise MigrationError(
                    f"The container's own layer and its tmpfs mounts hold {snapshot.size_bytes >> 20} MiB of files; "
                    f"at most {_MAX_FILES_BYTES >> 20} MiB are taken along. Put the large ones on a shared volume."
                )
            control.send("files", moving.pack(sorted(snapshot.files)), gone=sorted(snapshot.removed))
            control.expect("unpacked", self._plan.timeout_s)
        with self._steps.step("setup"):
            self._engine.set_restart_policy(self._record.container_id, NO_RESTART)
            here = interfaces.read_interfaces(self._container.init.pid)
            self._record.interfaces = [interface.as_dict() for interface in here]
            self._record.save(journal.ACTIVE)
            links = AddressSwitch(self._container.init.pid, here)
            names = [interface.name for interface in here]
            incoming = InboundHold(self._container.init.pid, names, self._plan.migration_id)
            incoming.install()
            outgoing = OutgoingHold(self._container.init.pid, names, self._plan.migration_id)
            outgoing.install()
            syn_hold = SynHold(self._container.init.pid, names, self._plan.migration_id)
            syn_hold.install()
            tree = processes.tree(self._nf.pid)
            tuns = tun.read(tree)
            control.send(
                "arm",
                programs=processes.programs(tree),
                tuns=[device.as_dict() for device in tuns],
                nf_pid=processes.pid_inside(self._nf.pid),
                highest_pid=processes.highest_pid_inside(self._nf.pid),
                streams=self._container.standard_streams(self._nf.pid),
                interfaces=self._record.interfaces,
            )
            self._freezer.collect(self._nf.pid)
            pager = self._memory.start_pager(for_pager)
            criu, images = self._arm_dump(stream.plain, pager)
            armed = Armed(
                control, stream, pager, moving, snapshot, links, incoming, outgoing, syn_hold, criu, images, tuns=tuns
            )
            self._armed = armed  # known to a roll back from here on
            control.expect("armed", self._plan.timeout_s)
        return armed

    def _arm_dump(self, pages: socket.socket, pager: SourcePager) -> tuple[CriuWorker, int]:
        """Start CRIU up to the point where it would stop the process; returns it and its image directory."""
        directory = self._record.images
        directory.mkdir(mode=0o700)
        libc.mount_tmpfs(str(directory), _METADATA_BYTES)
        images = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        freezer = os.open(self._freezer.directory, os.O_RDONLY | os.O_DIRECTORY)
        criu = CriuWorker(
            self._container,
            images,
            "dump",
            [pages.fileno()],
            timens_pid=self._nf.pid,
            freezer_fd=freezer,
            hints=pager.hints,
        )
        try:
            criu.start_dump(processes.pid_inside(self._nf.pid), freezer, pages.fileno())
        except MigrationError:
            criu.close()
            raise
        return criu, images

    def _copy_while_running(self, armed: Armed) -> None:
        with self._steps.step("precopy"):
            finish_with_postcopy = self._memory.copy_while_running(armed.pager, self._throttle)
        self._post_copy = self._post_copy or finish_with_postcopy
        self._refresh_files(armed)

    def _throttle(self, percent: int) -> None:
        throttle = cpu_throttle.Throttle(self._container)
        if not self._record.cpu_limit:
            self._record.cpu_limit = throttle.settings()
            self._record.save()
        throttle.set(percent, self._record.cpu_limit)
        self._progress.update(throttle_percent=percent)

    def _refresh_files(self, armed: Armed) -> None:
        """Send the files that changed while the memory was copied; few are then left for the downtime."""
        with self._steps.step("files_delta"):
            now = armed.files.snapshot()
            changed, gone = now.diff(armed.snapshot, set())
            if changed or gone:
                armed.control.send("files", armed.files.pack(changed), gone=gone)
                armed.control.expect("unpacked", self._plan.timeout_s)
            armed.snapshot = now

    def _pause(self, armed: Armed) -> None:
        """Wait for the user's word; then send what was written meanwhile, lest the downtime be longer for it."""
        with self._steps.step("pre_switchover"):
            self._progress.await_continue(self._plan.timeout_s)
            self._progress.set_state(ACTIVE)
            if self._plan.options.strategy in (PRE_COPY, HYBRID):
                self._memory.round(armed.pager, 0, self._plan.timeout_s)
            self._refresh_files(armed)

    # From the freeze to the commit: the downtime

    def _switch_over(self, armed: Armed) -> channel.Message:
        """Freeze, dump and have it restored; returns the target's word that the process stands there, stopped."""
        self._record.save(journal.SWITCHOVER)
        self._progress.set_state(SWITCHOVER)
        with self._steps.step("scan_mappings"):
            armed.pager.order("learn")  # what CRIU need not find out then
            armed.pager.expect("learn", self._plan.timeout_s)
        watchdog.raise_priority()
        with self._steps.step("drain_accept_queue"):
            armed.syn_hold.start()  # new connections wait, while the process accepts those that are open
            unread_datagrams.drain_accept_queue(self._nf.pid, _ACCEPT_S)
            netlink.NetlinkSockets.of(processes.tree(self._nf.pid)).await_read(_ACCEPT_S)
        self._frozen_at_ms = now_ms()
        standstill = StallDetector(lambda: self._bytes_moved(armed))
        with self._steps.step("freeze"):
            self._freezer.freeze()
        armed.pager.order("final lists" if self._post_copy else "final all")
        with self._steps.step("switch_network"):
            # what arrives here until the target has announced itself is still taken in, and dumped with the socket
            armed.outgoing.bind()
            armed.links.suppress_arp()
            armed.control.send("switch")
            listeners = netlink.NetlinkSockets.of(processes.tree(self._nf.pid))
            listeners.check()
            armed.control.expect("switched", STALL_TIMEOUT_S)
            armed.withdrawal = armed.links.drop_mac()
            armed.incoming.bind()
            if listeners:  # nor shall the process hear of the way its address goes
                armed.withdrawal.join()
                listeners.drain()
        with self._steps.step("dump"):
            archive, gone, unread = self._dump(armed, standstill)

        def on_progress(progress: Answer) -> None:
            self._memory.report(progress)
            standstill.check()

        with self._steps.step("restore"):
            # the target must not take old pages for new ones
            armed.pager.expect("lists", self._plan.timeout_s, on_progress)
            self._send_images(armed, archive, gone, unread, self._post_copy)
            handed_over = armed.stream.bytes_sent + armed.control.blob_bytes_sent
            standstill = StallDetector(lambda: self._bytes_moved(armed), at_work_bytes=handed_over)

            def look_on_pages() -> None:  # they go on meanwhile, and CRIU may need some
                armed.pager.look(self._memory.report)
                standstill.check()

            restored = armed.control.expect("restored", self._plan.timeout_s, look_on_pages)
        with self._steps.step("final_memory"):
            armed.final = armed.pager.expect("final", self._plan.timeout_s, on_progress)
        return restored

    def _dump(self, armed: Armed, standstill: StallDetector) -> tuple[bytes, list[str], bytes]:
        """Dump, and meanwhile pack the files that changed since they were copied.

        Returns:
            These, what is gone, and the datagrams that the process has not read.
        """
        tree = processes.tree(self._nf.pid)
        unread = unread_datagrams.unread(tree)
        armed.pager.expect("hints", self._plan.timeout_s)

        def keep_uncorked() -> None:
            channel.uncork(armed.stream.plain)
            standstill.check()

        armed.criu.answer()
        armed.outgoing.start_reader()
        armed.incoming.start_reader()
        self._take_tuns(armed, tree)
        changed, gone = armed.files.snapshot().diff(armed.snapshot, files.mapped_shared(tree))
        archive = armed.files.pack(changed)
        armed.criu.run_until(None, self._plan.timeout_s, on_poll=keep_uncorked, poll_interval_s=_UNCORK_EVERY_S)
        return archive, gone, unread

    def _bytes_moved(self, armed: Armed) -> int:
        """All that has left this host for the other one since the freeze, and before."""
        return armed.control.bytes_sent + armed.stream.bytes_sent + self._memory.sent.acked_bytes

    @staticmethod
    def _take_tuns(armed: Armed, tree: list[int]) -> None:
        """What its TUN devices have not given to the process so far, and where CRIU has the descriptors of them."""
        devices = tun.attached(tree)
        tun.check_same(armed.tuns, devices)
        armed.tun_paths = {
            (processes.pid_inside(one.pid), one.number): tun.key_of(name) for name, one in devices.items()
        }
        armed.unread_tun = tun_packets.take_unread(armed.tuns, devices)

    @staticmethod
    def _send_images(armed: Armed, archive: bytes, gone: list[str], unread: bytes, post_copy: bool) -> None:
        named = images.read(armed.images)
        named["files.img"] = images.with_relative_timers(named["files.img"])
        named = images.with_named_files(named, armed.tun_paths)
        names = [(name, len(content)) for name, content in named.items()]
        packets = tun_packets.pack(armed.unread_tun)
        arrived = unread + armed.incoming.packets + armed.syn_hold.packets
        parts = [archive, *named.values(), packets, arrived]
        sizes = {"archive_bytes": len(archive), "tun_bytes": len(packets), "arrived_bytes": len(arrived)}
        armed.control.send("images", b"".join(parts), images=names, gone=gone, post_copy=post_copy, **sizes)

    # After it

    def _commit(self, armed: Armed, restored: channel.Message) -> watchdog.Result:
        """Past the commit point, that was written down: the process never runs on this host again."""
        try:
            with self._steps.step("run"):
                armed.control.send("commit")
                running = armed.control.expect("running", 30)
            downtime_ms = now_ms() - self._frozen_at_ms
            if self._post_copy:
                with contextlib.suppress(MigrationError):  # a pager that is lost is replaced there: see _push
                    self._memory.start_push(armed.pager)
            watchdog.restore_priority()
        except MigrationError as error:
            # the target may or may not run; the process stays frozen here until somebody has asked the target
            _link_down(self._record)
            if self._post_copy and isinstance(error, PeerLost):
                with contextlib.suppress(MigrationError):
                    self._memory.push(it_runs=False)  # or maybe it does, and needs them
            return {**watchdog.failure(error), "in_doubt": True}
        self._memory.report_done(armed.final)
        dump = armed.criu.statistics()
        fault = None
        _link_down(self._record)
        if self._post_copy:
            fault = self._copy_after()
            if fault is not None and not isinstance(fault, PeerFailed):
                return self._undecided(fault)
        with self._steps.step("release"):
            madvise_changed = self._has_madvise_changed(armed)
            bytes_sent = armed.stream.bytes_sent + armed.control.blob_bytes_sent + self._memory.sent.bytes
            armed.criu.close()
            if self._memory.pager is not None:
                self._memory.pager.close()
            release(self._record, self._engine)
            for hold in armed.holds:
                hold.discard()
        if fault is not None:
            return self._lost(fault)
        with self._steps.step("target_cleanup"):
            finished = self._await_finished(self._memory.control or armed.control)
        self._progress.update(remaining_bytes=0)
        self._progress.set_state(COMPLETED)
        return {
            "ok": True,
            "status": journal.COMPLETED,
            "process_downtime_ms": round(downtime_ms, 2),
            "bytes_sent": bytes_sent,
            "steps": self._steps.list,
            "target_steps": restored.fields["steps"],
            "held_packets": running.fields["held_packets"],
            "statistics": self._progress.as_dict(),
            "criu": {"dump": dump, "restore": finished.get("criu", {})},
            "commands": {"source": commands.history(), "target": finished.get("commands", [])},
            "ended_on_target": bool(finished.get("ended")),
            "madvise_changed": madvise_changed,
        }

    def _has_madvise_changed(self, armed: Armed) -> bool:
        """Whether the process gave other advice about its memory (madvise(2)) between what was learned and the freeze.

        To see that takes the walk over all pages that the freeze was spared.
        """
        if self._memory.pager is not armed.pager:
            return False  # another pager does not know what was learned
        try:
            armed.pager.order("verify")
            return bool(armed.pager.expect("verify", self._plan.timeout_s)["changed"])
        except MigrationError:
            return False  # it is gone, and the process runs elsewhere

    # Post-copy: the process runs on the target, its pages are still here

    def _copy_after(self) -> MigrationError | None:
        """Send what is left, as it is asked for and one after the other; returns why that could not be done."""
        self._record.save(journal.POSTCOPY)
        self._progress.set_state(POSTCOPY_ACTIVE)
        with self._steps.step("postcopy"):
            try:
                self._memory.push()
            except MigrationError as error:
                return error
        return None

    def _undecided(self, fault: MigrationError) -> watchdog.Result:
        """The target may have had all it needs, and run on; the frozen copy is kept until it was asked."""
        self._progress.set_state(FAILED)
        return {**watchdog.failure(fault), "in_doubt": True, "statistics": self._progress.as_dict()}

    def _lost(self, fault: MigrationError) -> watchdog.Result:
        """The target has said that it stopped the process."""
        self._progress.set_state(FAILED)
        told = MigrationError(
            f"{fault} The process cannot run without the rest of its memory: it was stopped on {self._plan.peer}, and "
            "its old copy here must not run any more. Its state is lost; start it anew.",
            **fault.details,
        )
        return {**watchdog.failure(told), "stopped": True, "statistics": self._progress.as_dict()}

    @staticmethod
    def _await_finished(control: Channel) -> dict[str, Any]:
        try:
            return control.expect("finished", 30).fields
        except MigrationError:
            return {}  # the process runs there, which is what counts; the target's guardian tidies up
        finally:
            control.close()

    def _roll_back(self, error: Exception) -> watchdog.Result:
        """Before the commit point every failure ends here: the process runs on, with its connections."""
        with self._steps.step("rollback"):
            ended = not self._nf.alive  # whatever failed then, failed for that
            error = self._ask_target_why(error)
            if self._memory.pager is not None:
                self._memory.pager.close()
            roll_back(self._record, self._engine, self._armed)
        if ended or not self._nf.alive:  # a frozen v1 group holds back a SIGKILL
            error = ProcessEnded(
                f"The process of '{self._plan.name}' ended or was killed while it was being migrated ({error}). Its "
                "container stays on this host, and is started anew if its restart policy says so.",
                **(error.details if isinstance(error, MigrationError) else {}),
            )
        result = watchdog.failure(error)
        self._progress.set_state(CANCELLED if isinstance(error, Cancelled) else FAILED)
        result["status"] = CANCELLED if isinstance(error, Cancelled) else FAILED
        result["statistics"] = self._progress.as_dict()
        result["steps"] = self._steps.list
        if self._frozen_at_ms:
            result["process_downtime_ms"] = round(now_ms() - self._frozen_at_ms, 2)
        result["commands"] = {"source": commands.history(), "target": []}
        return result

    def _ask_target_why(self, error: Exception) -> Exception:
        """Tell the target to undo its part; what it knows of the failure is added."""
        control = self._memory.control
        if control is None or isinstance(error, PeerLost):
            if control is not None:
                control.close()
            return error
        if isinstance(error, PeerFailed):
            control.close()
            return error
        try:
            control.send("abort")
            told = control.expect("aborted", 10).fields
        except PeerFailed as target_error:
            return error if isinstance(error, (Cancelled, OSError)) else target_error
        except MigrationError:
            return error
        finally:
            control.close()
        if told.get("fault") and not isinstance(error, Cancelled):
            return PeerFailed(str(told["fault"]), **channel.as_details(told.get("details")))
        return error

    def _rescue(self) -> watchdog.Result:
        """What the guardian does when its worker died. In post-copy it goes on with the copying."""
        if not self._record.path.exists():
            return {"in_doubt": True}  # it was settled, this way or that
        current = MigrationRecord.load(self._record.path)
        if not current.post_copy:
            return rescue(current)
        self._record = current
        current.take_over()
        watchdog.reap_or_kill_children()
        self._open_progress()
        if current.state == journal.COMMITTED:
            try:
                self._memory.reconnect()
            except MigrationError:
                return rescue(current)  # it may never have run there
        _link_down(current)
        fault = self._copy_after()
        self._memory.disconnect()
        if fault is not None and not isinstance(fault, PeerFailed):
            return self._undecided(fault)
        release(current, self._engine)
        if fault is not None:
            return self._lost(fault)
        self._progress.set_state(COMPLETED)
        return {"ok": True, "status": COMPLETED, "statistics": self._progress.as_dict()}


def release(source: MigrationRecord, engine: DockerEngine) -> None:
    """End the process that has moved away, and the container with it; may be repeated."""
    _link_down(source)  # or the end of the process would end its clients' connections
    if source.init.alive:
        libc.sigqueue(source.init.pid, _DEPARTED, 0)
    Freezer(Path(source.freezer)).kill()
    _clean(source)
    engine.wait_until_stopped(source.container_id)
    source.remove()


def roll_back(source: MigrationRecord, engine: DockerEngine, armed: Armed | None = None) -> None:
    """Let the process run here again as if nothing had been; may be repeated."""
    if armed is not None and armed.withdrawal is not None:
        armed.withdrawal.join()
    if not source.nf.alive:
        source.init.await_end(CONTAINER_EXIT_TIMEOUT_S)  # and the container's network with that
    if not source.init.alive:
        engine.wait_until_exit_seen(source.container_id, source.init.pid, CONTAINER_EXIT_TIMEOUT_S)
    if source.init.alive and source.interfaces:
        (armed.links if armed is not None else _links(source)).activate()
        IpConfig(source.init.pid, _interfaces(source)).apply()
    cpu_throttle.restore(source.cpu_limit)
    freezer = Freezer(Path(source.freezer))
    if armed is not None:
        with contextlib.suppress(OSError):  # a CRIU that still waits for a page server that hangs holds the process
            armed.stream.plain.shutdown(socket.SHUT_RDWR)
    if armed is not None and source.init.alive:
        tun_packets.put(source.init.pid, armed.unread_tun)
    _thaw(freezer)
    if armed is not None:
        armed.criu.close()  # takes its code out of the process, which must not be frozen for that
        for hold in armed.holds:
            if source.init.alive:
                hold.remove()
            else:
                hold.discard()
    elif source.init.alive:
        remove_rules(source.init.pid, source.migration_id)
    freezer.remove()
    engine.set_restart_policy(source.container_id, source.restart_policy)
    if not source.init.alive:
        engine.restart(source.container_id, source.restart_policy)
    _clean(source)
    source.remove()


def _thaw(freezer: Freezer) -> None:
    tcp_repair.leave_repair_mode(freezer.members)  # before the process could write to a connection
    freezer.thaw()


def _interfaces(source: MigrationRecord) -> list[Interface]:
    return [Interface(**interface) for interface in source.interfaces]


def _link_down(source: MigrationRecord) -> None:
    """Have the kernel of a frozen copy send no old segment again, nor turn neighbours to itself; may be repeated."""
    with contextlib.suppress(OSError):  # its container has ended, and its network with it
        _links(source).down()


def _links(source: MigrationRecord) -> AddressSwitch:
    return AddressSwitch(source.init.pid, _interfaces(source))


def rescue(source: MigrationRecord) -> watchdog.Result:
    """What the guardian does when its worker died. After the commit the target must be asked first."""
    if source.state in (journal.COMMITTED, journal.POSTCOPY):
        _link_down(source)
        return {"in_doubt": True}
    source.take_over()
    _thaw(Freezer(Path(source.freezer)))  # a frozen process cannot let CRIU take its code out of it
    watchdog.reap_or_kill_children()
    roll_back(source, DockerEngine())
    return {}


def _clean(source: MigrationRecord) -> None:
    if source.images.is_dir():
        with contextlib.suppress(OSError):
            libc.unmount(str(source.images))
        source.images.rmdir()
