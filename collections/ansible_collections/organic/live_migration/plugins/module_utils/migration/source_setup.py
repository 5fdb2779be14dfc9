# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source prepares while the process still runs."""

from __future__ import annotations

import os
import socket

from .. import typed
from ..criu.worker import CriuWorker
from ..errors import MigrationError
from ..host import libc, processes
from ..host.container import Container
from ..host.files import MAX_FILES_BYTES, FileSet
from ..host.freezer import Freezer
from ..host.processes import ProcessId
from ..host.steps import Steps
from ..host.task_attributes import TaskReader
from ..host.unmovable import ALL_GHOSTS_BYTES
from ..host.waits import WaitReader
from ..memory.pager import SourcePager
from ..namespaces import inventory
from ..namespaces.ipc import Ipc, IpcReader
from ..network import configuration, interfaces, tun
from ..network.address_switch import AddressSwitch
from ..network.packet_hold import InboundHold, OutgoingHold, SynHold
from ..network.socket_blockers import MAX_QUEUED_BYTES
from ..network.socket_states import SocketReader
from ..session import messages, states
from ..session.channel import Channel, PageStream
from ..session.journal import MigrationRecord
from ..session.options import Plan
from ..session.progress import Progress
from ..strategies import file_rounds
from ..strategies.context import SourceContext
from ..strategies.memory_transfer import MemoryTransfer

_METADATA_BYTES = (64 << 20) + 2 * ALL_GHOSTS_BYTES + 2 * MAX_QUEUED_BYTES
"""Size of the source's image file system: all but the pages, which are sent at once; deleted files and TCP queues."""


class SourceSetup:
    """Sends the container's files, then arms everything that the switchover needs.

    Args:
        root: first process of the tree that is moved.
        freezer: that will hold the tree.
        memory: connected.
        control: for the messages.
    """

    def __init__(
        self,
        plan: Plan,
        container: Container,
        root: ProcessId,
        freezer: Freezer,
        record: MigrationRecord,
        memory: MemoryTransfer,
        control: Channel,
    ) -> None:
        self._plan = plan
        self._container = container
        self._root = root
        self._freezer = freezer
        self._record = record
        self._memory = memory
        self._control = control
        self._files = FileSet(container, container.mounts())
        self._snapshot = self._files.snapshot()

    def send_files(self) -> None:
        """Send the files of the container's own layer and of its tmpfs mounts.

        Raises:
            MigrationError: they are too large.
        """
        if self._snapshot.size_bytes > MAX_FILES_BYTES:
            raise MigrationError(
                f"The container's own layer and its tmpfs mounts hold {self._snapshot.size_bytes >> 20} MiB of files; "
                f"at most {MAX_FILES_BYTES >> 20} MiB are taken along. Put the large ones on a shared volume."
            )
        paths, gone = sorted(self._snapshot.files), sorted(self._snapshot.removed)
        file_rounds.send(self._control, self._files, paths, gone, self._plan.timeout_s)

    def prepare(
        self, stream: PageStream, pager_connections: list[socket.socket], progress: Progress, steps: Steps
    ) -> SourceContext:
        """Arm the packet holds, the pager and CRIU, and have the target do the same; its answer is still to come."""
        pid = self._container.init.pid
        kept = self._record.kept_interfaces
        here = interfaces.read_interfaces(pid, kept)
        self._record.interfaces = here
        self._record.network = configuration.read(pid, kept)
        namespaces = inventory.read(pid)
        self._record.save(states.ACTIVE)
        links = AddressSwitch(pid, here)
        names = [interface.name for interface in here]
        incoming = InboundHold(pid, names, self._plan.migration_id)
        incoming.install()
        outgoing = OutgoingHold(pid, names, self._plan.migration_id)
        outgoing.install()
        syn_hold = SynHold(pid, names, self._plan.migration_id)
        syn_hold.install()
        tree = processes.tree(self._root.pid)
        tuns = tun.read(tree)
        sockets = SocketReader(pid)
        states_of_sockets = sockets.read(tree)
        self._control.send(
            messages.ARM,
            programs=processes.programs(tree),
            tuns=[device.as_dict() for device in tuns],
            root_pid=processes.pid_inside(self._root.pid),
            highest_pid=processes.highest_pid_inside(self._root.pid),
            threads=processes.thread_count(self._root.pid) if len(tree) == 1 else 0,
            # those of the init, which has them from the engine: a process may have pipes of its own in their place
            streams=self._container.standard_streams(pid),
            interfaces=[interface.as_dict() for interface in here],
            namespaces=namespaces,
            network=[typed.to_dict(entry) for entry in self._record.network],
            sockets=[typed.to_dict(state) for state in states_of_sockets],
        )
        self._freezer.collect(self._root.pid)
        pager = self._memory.start_pager(pager_connections)
        criu, images = self._arm_dump(stream.plain, pager, carries_ipc=bool(namespaces[Ipc.name]))
        return SourceContext(
            plan=self._plan,
            container=self._container,
            root=self._root,
            freezer=self._freezer,
            record=self._record,
            progress=progress,
            steps=steps,
            memory=self._memory,
            control=self._control,
            stream=stream,
            pager=pager,
            files=self._files,
            snapshot=self._snapshot,
            links=links,
            incoming=incoming,
            outgoing=outgoing,
            syn_hold=syn_hold,
            criu=criu,
            images=images,
            tuns=tuns,
            sockets=sockets,
            tasks=TaskReader(pid),
            waits=WaitReader(pid),
            ipc=IpcReader(pid, namespaces[Ipc.name]),
            own_links=interfaces.link_numbers(pid),
        )

    def _arm_dump(self, pages: socket.socket, pager: SourcePager, carries_ipc: bool) -> tuple[CriuWorker, int]:
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
            timens_pid=self._root.pid,
            freezer_fd=freezer,
            hints=pager.hints,
            carries_ipc=carries_ipc,
        )
        try:
            criu.start_dump(processes.pid_inside(self._root.pid), freezer, pages.fileno())
        except MigrationError:
            criu.close()
            raise
        return criu, images
