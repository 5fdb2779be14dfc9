# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the source's copy, by what was written down: released, or back at work. All of it is idempotent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

from ..criu import images, interrupted_waits
from ..engines.base import Engine
from ..errors import MigrationError
from ..host import cpu_time, libc, processes, registers
from ..host.await_ticket import AwaitTicket
from ..host.freezer import Freezer
from ..host.sleeps import SleepReader
from ..host.steps import now_ms
from ..network import mirror_rules, tcp_repair, tun_packets
from ..network.address_switch import AddressSwitch
from ..network.configuration import Configuration
from ..network.packet_hold import drop_sent, remove_rules
from ..session import states, watchdog
from ..session.journal import MigrationRecord
from ..session.outcome import Verdict
from ..strategies.context import SourceContext
from . import restarts

_DEPARTED = signal.SIGRTMIN + 1
_STAY = 1
"""Value of the signal: the init stays, without its process, until the cluster ends it."""
_CONTAINER_EXIT_TIMEOUT_S = 5.0
"""More than the container's init takes to end after its process, and the engine to notice it."""


def release(record: MigrationRecord, engine: Engine) -> None:
    """End the process that has moved away, and the container with it."""
    link_down(record)  # or the end of the process would end its clients' connections
    if record.init.alive:
        libc.sigqueue(record.init.pid, _DEPARTED, _STAY if record.service else 0)
    Freezer(Path(record.freezer)).kill()
    _remove_images(record)
    if record.service:
        record.root.await_end(_CONTAINER_EXIT_TIMEOUT_S)
        if not engine.restarts_in_place:  # else it holds until the orchestrator has seen the end of the container
            AwaitTicket(record.await_name).revoke()
    else:
        engine.wait_until_stopped(record.container_id)
    record.remove()


def roll_back(record: MigrationRecord, engine: Engine, source: SourceContext | None = None) -> list[str]:
    """Let the process run here again as if nothing had happened.

    Args:
        source: what was prepared, as long as the agent that prepared it lives.

    Returns:
        What could not be set again, for the user; it keeps nothing else from being restored.
    """
    not_restored: list[str] = []
    if source is not None and source.mac_change is not None:
        source.mac_change.join()
    if not record.root.alive:
        record.init.await_end(_CONTAINER_EXIT_TIMEOUT_S)  # and the container's network with it
    if not record.init.alive:
        engine.wait_until_exit_seen(record.container_id, record.init.pid, _CONTAINER_EXIT_TIMEOUT_S)
    if source is None and record.init.alive:
        with contextlib.suppress(MigrationError):  # tried again below: no reason to leave the process frozen
            remove_rules(record.init.pid, record.migration_id)  # they may drop what it sends: see link_down
    if record.init.alive and record.interfaces:
        not_restored = _restore_network(record, source)
    cpu_time.restore(record.cpu_limit)
    freezer = Freezer(Path(record.freezer))
    if source is not None:
        with contextlib.suppress(OSError):  # a CRIU that still waits for a page server that hangs holds the process
            source.stream.plain.shutdown(socket.SHUT_RDWR)
    if source is not None and record.init.alive:
        tun_packets.put(record.init.pid, source.unread_tun)
    _thaw(freezer, _interrupted_threads(source))
    if source is not None and source.mirror is not None:
        (source.mirror.release if record.init.alive else source.mirror.discard)()
    if source is not None:
        source.criu.close()  # takes its code out of the process, which must not be frozen for that
        for hold in source.holds:
            if record.init.alive:
                hold.remove()
            else:
                hold.discard()
        source.resumed_at_ms = now_ms()
    elif record.init.alive:
        remove_rules(record.init.pid, record.migration_id)
        if record.mirrored:
            mirror_rules.remove(record.init.pid, record.migration_id)
    freezer.remove()
    restarts.restore(record, engine)
    _remove_images(record)
    record.remove()
    return not_restored


def _restore_network(record: MigrationRecord, source: SourceContext | None) -> list[str]:
    """A process that runs without one of its routes is better than one that stays frozen for it."""
    try:
        (source.links if source is not None else _links(record)).activate()
        configuration = Configuration(record.init.pid, record.network, record.kept_interfaces)
        try:
            return configuration.restore()
        finally:
            configuration.close()
    except (MigrationError, OSError) as error:
        return [str(error).rstrip(".")]


def link_down(record: MigrationRecord) -> None:
    """Keep the kernel of a frozen copy from retransmitting old segments, and from drawing neighbours to itself.

    Nor may it send them, or the end of its connections, over a link that stays up: that of a cluster's own network has
    the default route, by which its peers can be reached.
    """
    if not record.init.alive:
        return  # another process may have its PID
    if record.kept_interfaces and not record.is_mute:
        with contextlib.suppress(MigrationError):  # as below
            addresses = [address for one in record.interfaces for address in one.ip_addresses]
            drop_sent(record.init.pid, addresses, record.migration_id)
            record.is_mute = True
    with contextlib.suppress(OSError):  # its container has ended, and its network with it
        _links(record).down()


def on_worker_death(record: MigrationRecord, engine: Engine) -> Verdict:
    """What the watchdog does when its worker died. After the commit the target must be asked first."""
    if record.state in states.AFTER_COMMIT:
        link_down(record)
        return Verdict.IN_DOUBT
    record.take_over()
    _thaw(Freezer(Path(record.freezer)))  # CRIU cannot take its code out of a frozen process
    watchdog.reap_or_kill_children()
    roll_back(record, engine)
    return Verdict.ROLLED_BACK


def _thaw(freezer: Freezer, interrupted: dict[int, dict[int, int]] | None = None) -> None:
    tcp_repair.leave_repair_mode(freezer.members)  # before the process could write to a connection
    registers.thaw_with(interrupted or {}, freezer.thaw)


def _interrupted_threads(source: SourceContext | None) -> dict[int, dict[int, int]]:
    """Registers with which threads go on to wait, by their TIDs on this host: CRIU has put EINTR into them."""
    if source is None or not source.is_dumped:
        return {}
    try:
        tree = source.freezer.tree
        found = interrupted_waits.restarts(images.read(source.images), SleepReader(tree).read, source.waits)
        if not found:
            return {}
        tasks = [int(task) for pid in tree for task in os.listdir(f"/proc/{pid}/task")]
        inside = {processes.pid_inside(task): task for task in tasks}
        return {inside[tid]: new for tid, new in found.items() if tid in inside}
    except (OSError, ValueError):
        return {}  # the process has ended; or its threads see an EINTR


def _links(record: MigrationRecord) -> AddressSwitch:
    return AddressSwitch(record.init.pid, record.interfaces)


def _remove_images(record: MigrationRecord) -> None:
    if record.images.is_dir():
        with contextlib.suppress(OSError):
            libc.unmount(str(record.images))
        record.images.rmdir()
