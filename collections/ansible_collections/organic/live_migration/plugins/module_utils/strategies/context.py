# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a strategy works with: one end of a migration, prepared before the freeze."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ..criu.worker import CriuWorker
from ..host.container import Container
from ..host.file_snapshot import Snapshot
from ..host.files import FileSet
from ..host.freezer import Freezer
from ..host.processes import ProcessId
from ..host.steps import Steps
from ..host.task_attributes import TaskAttributes, TaskReader
from ..host.waits import WaitReader
from ..memory.pager import Answer, SourcePager, TargetPager
from ..namespaces.ipc import IpcReader, Rest
from ..network import tun, tun_packets
from ..network.address_switch import AddressSwitch
from ..network.mirror import SourceMirror
from ..network.packet_hold import InboundHold, OutgoingHold, PacketHold, SynHold
from ..network.socket_states import SocketReader, SocketState
from ..session.channel import Channel, Listener, PageStream
from ..session.journal import MigrationRecord
from ..session.options import Plan
from ..session.progress import CloneFigures, Progress
from ..session.stall import SwitchoverDeadline
from . import file_rounds
from .file_rounds import FileRounds
from .memory_transfer import MemoryTransfer


@dataclass
class SourceContext:
    """The source's end of a migration, from the setup on.

    Attributes:
        root: first process of the tree that is moved.
        freezer: of that tree.
        control: for the messages.
        stream: for the pages that CRIU sends.
        pager: sends all other pages.
        snapshot: of the container's files, as they were when they were last sent.
        images: descriptor of CRIU's image directory.
        mac_change: takes the address away from the source, in the background.
        tun_paths: where CRIU finds the descriptors of TUN devices: (PID in the container, descriptor) to path.
        sockets: reads what CRIU leaves out of them.
        tasks: reads what CRIU leaves out of threads.
        waits: how long threads have waited.
        ipc, ipc_rest: reads what CRIU leaves out of System V objects; that of the frozen process.
        socket_states, task_attributes: of the frozen process.
        reserving: processes with large ranges of addresses without memory, by PIDs in the container.
        own_links, link_numbers: index of each link of the container by its name; that on the target host by that here.
        unread_tun: packets that the process had not read from its TUN devices.
        final: what the pager did in the freeze.
        deadline: of the switchover, once it has begun.
        mirror: strategy ppm: gives the process and its clone the same input.
        is_dumped: CRIU has dumped the process, and let go of it.
        frozen_at_ms: on the clock of :func:`steps.now_ms`; 0 while the process runs.
        resumed_at_ms: when the process had its packets on this host again; 0 until a roll back is that far.
        clone: figures of strategy ppm.
    """

    plan: Plan
    container: Container
    root: ProcessId
    freezer: Freezer
    record: MigrationRecord
    progress: Progress
    steps: Steps
    memory: MemoryTransfer
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
    tuns: list[tun.Device]
    sockets: SocketReader
    tasks: TaskReader
    waits: WaitReader
    ipc: IpcReader
    mac_change: threading.Thread | None = None
    tun_paths: dict[tuple[int, int], str] = field(default_factory=dict)
    socket_states: list[SocketState] = field(default_factory=list)
    task_attributes: list[TaskAttributes] = field(default_factory=list)
    ipc_rest: Rest = field(default_factory=Rest)
    reserving: set[int] = field(default_factory=set)
    own_links: dict[str, int] = field(default_factory=dict)
    link_numbers: dict[int, int] = field(default_factory=dict)
    unread_tun: list[tun_packets.Packet] = field(default_factory=list)
    final: Answer = field(default_factory=dict)
    deadline: SwitchoverDeadline | None = None
    mirror: SourceMirror | None = None
    frozen_at_ms: float = 0.0
    resumed_at_ms: float = 0.0
    is_dumped: bool = False
    clone: CloneFigures = field(default_factory=CloneFigures)

    @property
    def holds(self) -> list[PacketHold]:
        return [self.incoming, self.outgoing, self.syn_hold]

    def current_step(self) -> str:
        return self.steps.current

    def stop_deadline(self) -> None:
        """What follows is not interrupted; idempotent."""
        if self.deadline is not None:
            self.deadline.stop()

    def bytes_moved(self) -> int:
        """All that has reached the other host, or left for it, since the connections were made."""
        return self.control.bytes_sent + self.stream.bytes_sent + self.memory.sent.acked_bytes

    def refresh_files(self) -> None:
        """Send the files that changed since they were last sent, in rounds; few are then left for the downtime.

        Raises:
            MigrationError: the target cannot take them, or they change faster than they can be sent.
            Cancelled: the user cancelled the migration.
        """
        with self.steps.step("files_delta"):
            FileRounds(self.plan.options, self._send_changed_files).copy()

    def _send_changed_files(self) -> int:
        """Send what changed; returns how many bytes that was."""
        self.progress.check()
        now = self.files.snapshot()
        changed, gone = now.diff(self.snapshot, set())
        self.snapshot.close()
        self.snapshot = now
        return file_rounds.send(self.control, self.files, changed, gone, self.plan.timeout_s)


@dataclass
class TargetContext:
    """The target's end of a migration, once the process runs there.

    Attributes:
        control: for the messages; another connection after a link broke.
        listener: takes the connections of a source that comes back.
        accept_pager: takes the pager's connections, and returns them.
    """

    plan: Plan
    control: Channel
    listener: Listener
    pager: TargetPager
    accept_pager: Callable[[], list[socket.socket]]
