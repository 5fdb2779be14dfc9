# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the target prepares before the freeze: everything that then waits for the images."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from .. import typed
from ..criu.page_server import PageServer
from ..criu.worker import CriuWorker
from ..engines.spec import ContainerSpec
from ..errors import CriuFailed, MigrationError
from ..host import cpu_time, libc
from ..host.container import Container
from ..host.files import FileSet
from ..host.freezer import Freezer
from ..host.sleeps import Sleep
from ..memory.pager import TargetPager
from ..namespaces import inventory as namespaces
from ..namespaces.inventory import NamespaceStates
from ..namespaces.ipc import Ipc
from ..network import interfaces, lost_packets, socket_states, tun
from ..network.address_switch import AddressSwitch
from ..network.configuration import Configuration
from ..network.interfaces import Interface
from ..network.packet_hold import PacketHold, TargetHold
from ..network.rtnetlink import Entry
from ..network.socket_states import SocketState
from ..session import states, watchdog
from ..session.channel import Fields
from ..session.journal import MigrationRecord
from ..session.options import Plan
from .received_images import INVENTORY

_CRIU_START_TIMEOUT_S = 10
_PINNED_FROM_THREADS = 32
"""CRIU stops each thread of a restored process some ten times (compel/src/lib/infect.c, compel_stop_on_syscall).

With 500 threads that takes half as long if they run on the same CPU as it does; few threads gain nothing, nor do
processes.
"""


@dataclass
class PreparedTarget:
    """What waits for the images.

    Attributes:
        images: descriptor of CRIU's image directory.
        inventory: write end of the FIFO that CRIU reads its inventory from.
        delivered: datagrams that had arrived before the freeze, and wait in the process's sockets.
        lost_packets: that had come for the process, and did not reach it.
        lost_before: what :mod:`network.lost_packets` had counted before.
        cpus: of the container, if CRIU restores on one of them alone.
        sleeps: what is to be set in the process's memory before it runs.
        link_numbers: index of each link of the container by its name.
        cpu_limit: see :func:`host.cpu_time.limits`; they are lifted until the process runs.
    """

    links: AddressSwitch
    configuration: Configuration
    hold: PacketHold
    page_server: PageServer
    pager: TargetPager
    criu: CriuWorker
    images: int
    inventory: int
    delivered: int = 0
    lost_packets: int = 0
    lost_before: int = 0
    cpus: set[int] | None = None
    sleeps: list[Sleep] = field(default_factory=list)
    link_numbers: dict[str, int] = field(default_factory=dict)
    cpu_limit: dict[str, str] = field(default_factory=dict)

    def limit_cpu(self) -> None:
        """The process runs: what is left to be done is not done in its cgroup."""
        cpu_time.restore(self.cpu_limit)

    def count_losses(self, init_pid: int) -> None:
        """Once what was held is released, and the holds are still there."""
        self.lost_packets += max(0, lost_packets.counted(init_pid) - self.lost_before)

    def close(self) -> None:
        """End all of it, before the process ran."""
        self.configuration.close()
        self.criu.close()
        self.page_server.close()
        self.pager.close()


def deactivate_interfaces(pid: int, source: ContainerSpec) -> list[Interface]:
    """Have the awaiting container's interfaces neither speak nor listen; returns those that are given addresses."""
    found = interfaces.read_interfaces(pid, source.kept_interfaces, addressless=bool(source.service))
    AddressSwitch(pid, found).deactivate()
    if source.service:
        interfaces.remove_addresses(pid, found)  # which the cluster chose
    for interface in source.kept_interfaces[:1]:
        interfaces.lend_addresses(pid, source.kept_addresses, interface)
    return found


class TargetSetup:
    """Prepares one restore in an awaiting container.

    Args:
        interfaces: that the awaiting container has.
        rpc: both ends of the connection to CRIU. Our end stays open in nsenter, so that CRIU stays stopped before the
            resume even when both processes of ours are killed.
        places_directly: see :class:`strategies.base.Strategy`.
    """

    def __init__(
        self,
        plan: Plan,
        container: Container,
        interfaces: list[Interface],
        record: MigrationRecord,
        rpc: tuple[socket.socket, socket.socket],
        places_directly: bool,
    ) -> None:
        self._plan = plan
        self._container = container
        self._interfaces = interfaces
        self._record = record
        self._rpc = rpc
        self._places_directly = places_directly

    def prepare(self, request: Fields, pages: socket.socket, pager_connections: list[socket.socket]) -> PreparedTarget:
        """Have everything ready before the freeze.

        Args:
            request: fields of the source's message "arm".
            pages: over which CRIU sends pages.
            pager_connections: over which the source's pager sends pages.

        Raises:
            MigrationError: the containers differ, or CRIU does not start.
            ValueError: the request is malformed.
        """
        self._record.root_pid = int(request["root_pid"])
        self._record.cpu_limit = cpu_time.limits(self._container)
        self._record.save(states.ACTIVE)
        cpu_time.lift(self._record.cpu_limit)
        wanted = [Interface.of(interface) for interface in request["interfaces"]]
        self._check_interfaces(wanted)
        programs = [(str(path), int(offset), int(size)) for path, offset, size in request["programs"]]
        FileSet(self._container, self._container.mounts()).read_ahead(programs)
        pid = self._container.init.pid
        wanted_states = typed.from_dict(NamespaceStates, {"states": request["namespaces"]}).states
        namespaces.apply(pid, wanted_states)
        socket_states.check(pid, [typed.from_dict(SocketState, state) for state in request["sockets"]])
        links = AddressSwitch(pid, wanted)
        hold = TargetHold(pid, [interface.name for interface in wanted], self._plan.migration_id, bypass=False)
        hold.install()
        hold.start()

        directory = self._record.images
        directory.mkdir(mode=0o700)
        libc.mount_tmpfs(str(directory), self._plan.images_bytes)
        images = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        os.mkfifo(directory / INVENTORY, 0o600)
        with contextlib.ExitStack() as on_failure:
            page_server = PageServer(images, pages)
            on_failure.callback(page_server.close)
            pages.close()  # the source notices the end of the page server by the end of the connection
            pager = TargetPager(images, self._container, pager_connections, self._places_directly)
            on_failure.callback(pager.close)
            for connection in pager_connections:
                connection.close()
            self._record.pager_pid, self._record.pager_start_time = pager.process_id.pid, pager.process_id.start_time
            self._record.save()
            self._container.reserve_pids_above(int(request["highest_pid"]))
            tuns = [tun.Device(**device) for device in request["tuns"]]
            cpus = os.sched_getaffinity(pid) if int(request["threads"]) >= _PINNED_FROM_THREADS else None
            carries_ipc = bool(wanted_states.get(Ipc.name))
            criu = self._arm_restore(images, request["streams"], tuns, max(cpus) if cpus else None, carries_ipc)
            inventory = _await_reader(directory / INVENTORY, criu)
            network = [typed.from_dict(Entry, entry) for entry in request["network"]]
            configuration = Configuration.of(pid, network, self._record.kept_interfaces)
            on_failure.callback(configuration.close)
            configuration.prepare([interface.name for interface in wanted])
            watchdog.raise_priority()
            on_failure.pop_all()
        prepared = PreparedTarget(links, configuration, hold, page_server, pager, criu, images, inventory, cpus=cpus)
        prepared.lost_before = lost_packets.counted(pid)
        prepared.link_numbers = interfaces.link_numbers(pid)
        prepared.cpu_limit = self._record.cpu_limit
        return prepared

    def _arm_restore(
        self, images: int, streams: dict[str, str], tuns: list[tun.Device], cpu: int | None, carries_ipc: bool
    ) -> CriuWorker:
        """Start CRIU; the dumped standard streams are replaced by those that the engine gave this container."""
        init_pid = self._container.init.pid
        inherited = tun.make(init_pid, tuns)
        for number, key in streams.items():
            if key.startswith(("pipe:", "socket:")):
                mode = os.O_RDONLY if number == "0" else os.O_WRONLY
                inherited[key] = os.open(f"/proc/{init_pid}/fd/{int(number)}", mode)
        given = [*inherited.values(), self._rpc[0].fileno()]
        freezer = Freezer(self._container.freezer_group())
        self._record.freezer = str(freezer.parent)
        self._record.save()
        freezer.create()
        criu = CriuWorker(
            self._container,
            images,
            "restore",
            given,
            freezer=freezer,
            rpc=self._rpc,
            cpu=cpu,
            carries_ipc=carries_ipc,
        )
        criu.start_restore(inherited)
        for descriptor in inherited.values():
            os.close(descriptor)  # the engine sees the end of a container at the end of its pipes
        return criu

    def _check_interfaces(self, wanted: list[Interface]) -> None:
        here = {interface.name: interface.addresses[:1] for interface in self._interfaces}
        there = {interface.name: interface.addresses[:1] for interface in wanted}
        if self._record.service and here.keys() == there.keys():
            return  # the cluster chose the addresses here, and they have been removed
        if here != there:
            raise MigrationError(
                f"The interfaces differ: {there} in the source's container, {here} in the target's. "
                "Were networks attached after the container had been created? Redeploy it with all of them."
            )


def _await_reader(fifo: Path, criu: CriuWorker) -> int:
    """Wait until CRIU has opened the FIFO: it has probed the kernel by then and needs nothing but images."""
    deadline = time.monotonic() + _CRIU_START_TIMEOUT_S
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: nobody reads it yet
            if criu.ended or time.monotonic() > deadline:
                raise CriuFailed("start on the target host", criu.error_lines()) from None
        time.sleep(0.002)  # before the freeze; a FIFO has no event for "opened"
