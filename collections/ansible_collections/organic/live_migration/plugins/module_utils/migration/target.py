# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target's end of a migration: a container that awaits, then a process in it, stopped until the commit."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import paths
from ..criu.page_server import PageServer
from ..criu.worker import PRE_RESUME, CriuWorker, Interrupted, resume
from ..engines.docker import DockerEngine, await_key
from ..errors import CriuFailed, MigrationError, PeerLost
from ..host import commands, libc, processes
from ..host.container import Container
from ..host.files import FileSet
from ..host.freezer import Freezer
from ..host.processes import ProcessId
from ..host.steps import Steps
from ..memory.pager import PagesLost, TargetPager
from ..network import interfaces, tun, tun_packets, unread_datagrams
from ..network.address_switch import AddressSwitch
from ..network.interfaces import Interface
from ..network.ip_config import IpConfig
from ..network.packet_hold import RELEASE_BATCH, PacketHold, remove_rules
from ..session import journal, watchdog
from ..session.channel import Channel, Listener, Message
from ..session.journal import MigrationRecord
from ..session.options import INTER_COPY, POST_COPY, Plan

_IMAGE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.img")
_INVENTORY = "inventory.img"
_ADOPT = signal.SIGRTMIN
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CONNECT_S = 30
_CONNECTIONS_MAX = 16
FAILURE_REASON_TIMEOUT_S = 5
KILL_TIMEOUT_S = 10
"""How long the end of a container may take; its init ends last (pid_namespaces(7))."""
NO_TIMEOUT_S = 24 * 3600.0
"""For what takes as long as it takes; a link that breaks is noticed by itself."""
COMMIT_TIMEOUT_S = 30
"""How long a restored process waits, stopped, for the commit. Then it is destroyed; it has never run."""


class AwaitTicket:
    """The word of this host to one resident init, for one start, to await a process instead of starting its own."""

    def __init__(self, name: str) -> None:
        self._path = Path(paths.AWAIT, name)

    def permit(self, timeout_s: int) -> None:
        """Let the next start await, until ``timeout_s`` from now, unless the host is started anew before."""
        deadline = int(time.clock_gettime(time.CLOCK_BOOTTIME)) + timeout_s
        self._path.write_text(f"{deadline} {_BOOT_ID.read_text().strip()}\n")
        self._path.chmod(0o644)  # whatever the umask: the init may be another user's

    def revoke(self) -> None:
        self._path.unlink(missing_ok=True)


@dataclass
class Armed:
    """What waits for the images, and CRIU, which reads its inventory from a FIFO."""

    links: AddressSwitch
    ip_config: IpConfig
    hold: PacketHold
    page_server: PageServer
    pager: TargetPager
    criu: CriuWorker
    images: int
    inventory: int
    delivered: int = 0
    """Datagrams that had come before the freeze and wait in the process's sockets."""


class Target:
    """One migration as the target host sees it.

    Args:
        plan: the controller's orders.
        source: the engine's description of the container on the source host.
        engine: of this host.
    """

    def __init__(self, plan: Plan, source: dict[str, Any], engine: DockerEngine) -> None:
        self._plan = plan
        self._source = source
        self._engine = engine
        self._record = MigrationRecord(
            plan.migration_id,
            "target",
            plan.name,
            "",
            plan.peer,
            await_name=await_key(source) or plan.name,
            restart_policy=source["HostConfig"]["RestartPolicy"],
        )
        self._steps = Steps()
        self._armed: Armed | None = None
        self._strategy, self._connections, self._post_copy, self._lost = "", 0, False, False
        # made before the worker is forked, so that the guardian holds it open too: see CriuWorker
        self._rpc = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def prepare(self) -> int:
        """Create and start the awaiting container, and an agent that waits for the source.

        Returns:
            The TCP port to which the source must connect.
        """
        present = self._engine.inspect(self._plan.name)
        if present:
            self._engine.remove(present["Id"], running=False)
        self._record.adopt()
        self._record.container_id = self._engine.create_like(self._source, keep_macs=False)
        self._record.save()
        try:
            # far beyond what any step may take: a restored process must not find its init gone
            AwaitTicket(self._record.await_name).permit(10 * self._plan.timeout_s + COMMIT_TIMEOUT_S)
            self._engine.start(self._record.container_id)
            description = self._engine.inspect(self._record.container_id)
            if description is None or not description["State"]["Pid"]:
                raise MigrationError("The container ended as soon as it was started on the target host; see its log.")
            self._container = Container(description["State"]["Pid"])
            self._record.init_pid, self._record.init_start_time = (
                self._container.init.pid,
                self._container.init.start_time,
            )
            _await_state(self._container.init, "resident-await")
            self._interfaces = interfaces.read_interfaces(self._container.init.pid)
            AddressSwitch(self._container.init.pid, self._interfaces).deactivate()
            self._listener = Listener(self._plan.credentials)
            self._record.save()
        except BaseException:
            discard(self._record, self._engine)
            raise
        watchdog.daemonize(self._guarded)
        self._record.await_other_agent()
        self._listener.close()
        return self._listener.port

    def _guarded(self) -> None:
        watchdog.run_with_watchdog(self._serve, lambda: rescue(self._record, self._rpc))

    def _serve(self) -> watchdog.Result:
        self._record.adopt()
        self._record.save()
        control: Channel | None = None
        try:
            control = self._listener.accept(max(_CONNECT_S, self._plan.timeout_s))
            hello = control.expect("hello", 10)
            self._take_options(hello)
            pages = self._accept_for_pages("pages")
            self._converse(control, pages, self._accept_pager())
        except (MigrationError, OSError, ValueError) as error:
            result = watchdog.failure(self._own_fault() or error)
            self._destroy_process()
            if control is not None:
                with contextlib.suppress(MigrationError):
                    control.send("failed", message=result["message"], details=result["details"])
            self._abort()
        return {"ok": self._record.state == journal.COMPLETED}

    def _take_options(self, hello: Message) -> None:
        """The source may have chosen other ones than the controller knew."""
        self._strategy, self._connections = str(hello.fields["strategy"]), int(hello.fields["connections"])
        if not 1 <= self._connections <= _CONNECTIONS_MAX:
            raise PeerLost(f"The source host wants {self._connections} connections, which cannot be")

    def _accept_pager(self) -> list[socket.socket]:
        return [self._accept_for_pages("pager") for _number in range(self._connections)]

    def _accept_for_pages(self, purpose: str) -> socket.socket:
        connection = self._listener.accept(10)
        connection.expect(purpose, 10)
        return connection.to_stream(self._plan.options.is_encrypted).plain

    def _converse(self, control: Channel, pages: socket.socket, for_pager: list[socket.socket]) -> None:
        """Do what the source says, in its order, until the process runs or the source gives up."""
        pauses = self._plan.options.pause_before_switchover
        # it is silent through the rounds, or through these, a pause and another round
        patience_s = (3 if pauses else 1) * self._plan.timeout_s + COMMIT_TIMEOUT_S
        while True:
            message = control.receive(patience_s)
            if message.kind == "files":
                self._unpack(message)
                control.send("unpacked")
            elif message.kind == "arm":
                with self._steps.step("setup"):
                    self._armed = self._arm(message.fields, pages, for_pager)
                control.send("armed")
            elif message.kind == "switch" and self._armed is not None:
                self._armed.links.activate()
                self._armed.ip_config.apply()
                control.send("switched")
                self._armed.links.keep_announcing()
            elif message.kind == "images" and self._armed is not None:
                self._post_copy = bool(message.fields["post_copy"])
                try:
                    self._restore(self._armed, message, control)
                except Interrupted:
                    self._armed.pager.await_end(0)
                    continue  # the source has given it up
                control.send("restored", steps=self._steps.list)
                self._run(self._armed, control)
                return
            elif message.kind == "abort":
                fault = self._own_fault()
                self._destroy_process()
                with contextlib.suppress(PeerLost):
                    control.send("aborted", fault=str(fault or ""), details=fault.details if fault else {})
                self._abort()
                return
            else:
                raise PeerLost(f"The source host sent '{message.kind}', which is not understood here")

    def _unpack(self, message: Message) -> None:
        FileSet(self._container, self._container.mounts()).unpack(message.blob, list(message.fields["gone"]))

    def _arm(self, orders: dict[str, Any], pages: socket.socket, for_pager: list[socket.socket]) -> Armed:
        """Have everything ready before the freeze."""
        self._record.nf_pid = int(orders["nf_pid"])
        self._record.save(journal.ACTIVE)
        wanted = [Interface.of(interface) for interface in orders["interfaces"]]
        self._check_interfaces(wanted)
        programs = [(str(path), int(offset), int(size)) for path, offset, size in orders["programs"]]
        FileSet(self._container, self._container.mounts()).read_ahead(programs)
        pid = self._container.init.pid
        links = AddressSwitch(pid, wanted)
        hold = PacketHold(pid, [interface.name for interface in wanted], self._plan.migration_id, bypass=False)
        hold.install()
        hold.start()

        directory = self._record.images
        directory.mkdir(mode=0o700)
        libc.mount_tmpfs(str(directory), self._plan.images_bytes)
        images = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        os.mkfifo(directory / _INVENTORY, 0o600)
        with contextlib.ExitStack() as unless_armed:
            page_server = PageServer(images, pages)
            unless_armed.callback(page_server.close)
            pages.close()  # the source notices the end of the page server by the end of the connection
            direct = self._strategy in (INTER_COPY, POST_COPY)
            pager = TargetPager(images, self._container.init, for_pager, direct)
            unless_armed.callback(pager.close)
            for connection in for_pager:
                connection.close()
            self._record.pager_pid, self._record.pager_start_time = pager.process_id.pid, pager.process_id.start_time
            self._record.save()
            self._container.reserve_pids_above(int(orders["highest_pid"]))
            criu = self._arm_restore(images, orders["streams"], [tun.Device(**device) for device in orders["tuns"]])
            inventory = _await_reader(directory / _INVENTORY, criu)
            ip_config = IpConfig(pid, wanted)
            watchdog.raise_priority()
            unless_armed.pop_all()
        return Armed(links, ip_config, hold, page_server, pager, criu, images, inventory)

    def _arm_restore(self, images: int, streams: dict[str, str], tuns: list[tun.Device]) -> CriuWorker:
        """Start CRIU; the dumped standard streams are replaced by those that the engine gave this container."""
        inherited = tun.make(self._container.init.pid, tuns)
        for number, key in streams.items():
            if key.startswith(("pipe:", "socket:")):
                mode = os.O_RDONLY if number == "0" else os.O_WRONLY
                inherited[key] = os.open(f"/proc/{self._container.init.pid}/fd/{int(number)}", mode)
        # with our end of the talk open in nsenter, CRIU stays at its gate even when both processes here are killed
        given = [*inherited.values(), self._rpc[0].fileno()]
        freezer = Freezer(self._container.freezer_group())
        self._record.freezer = str(freezer.parent)
        self._record.save()
        freezer.create()
        criu = CriuWorker(self._container, images, "restore", given, freezer=freezer, rpc=self._rpc)
        criu.start_restore(inherited)
        for descriptor in inherited.values():
            os.close(descriptor)  # the engine sees the end of a container at the end of its pipes
        return criu

    def _check_interfaces(self, wanted: list[Interface]) -> None:
        here = {interface.name: interface.addresses[:1] for interface in self._interfaces}
        there = {interface.name: interface.addresses[:1] for interface in wanted}
        if here != there:
            raise MigrationError(
                f"The interfaces differ: {there} in the source's container, {here} in the target's. "
                "Were networks attached after the container had been created? Redeploy it with all of them."
            )

    def _restore(self, armed: Armed, message: Message, control: Channel) -> None:
        """Restore from the images; the process stands complete and stopped when this returns."""
        with self._steps.step("pages_received"):
            armed.page_server.wait(self._plan.timeout_s)
        if message.fields["gone"] or message.fields["archive_bytes"]:
            with self._steps.step("files_unpacked"):
                archive = message.blob[: message.fields["archive_bytes"]]
                FileSet(self._container, self._container.mounts()).unpack(archive, list(message.fields["gone"]))
        with self._steps.step("images_written"):
            try:
                inventory = write_images(armed.images, message)
            except OSError as error:
                raise MigrationError(
                    f"The images cannot be written on the target host: {error.strerror}. Their file system holds "
                    f"{self._plan.images_bytes >> 20} MiB; if the process has grown meanwhile, run it again."
                ) from None
        with self._steps.step("criu_restore"):
            os.set_blocking(armed.inventory, True)
            with contextlib.suppress(BrokenPipeError):  # CRIU has ended, which it is asked next
                os.write(armed.inventory, inventory)
            os.close(armed.inventory)
            unless = [control.fileno(), os.pidfd_open(armed.pager.process_id.pid)]
            try:
                armed.criu.run_until(PRE_RESUME, self._plan.timeout_s, unless)
            finally:
                os.close(unless[1])
            # CRIU, too: if it were killed from now on, what it has restored would run
            Freezer(Path(self._record.freezer)).request_freeze()
            armed.pager.order("standing")
            armed.pager.expect("standing", 10)
            arrived_at = len(message.blob) - int(message.fields["arrived_bytes"])
            packets = message.blob[arrived_at - int(message.fields["tun_bytes"]) : arrived_at]
            tun_packets.put(self._container.init.pid, tun_packets.unpack(packets))
            arrived = message.blob[arrived_at:]
            armed.delivered = unread_datagrams.deliver(self._container.init.pid, arrived)
        self._record.save(journal.RESTORED)

    def _run(self, armed: Armed, control: Channel) -> None:
        """Wait, with the process stopped, for the commit; then let it run."""
        freezer = Freezer(Path(self._record.freezer))
        restored = armed.criu.pid_of(self._record.nf_pid)
        # the source gives it when all memory is here
        control.expect("commit", self._plan.timeout_s + COMMIT_TIMEOUT_S)
        armed.pager.order("run")
        armed.pager.expect("run", 10)
        if restored not in freezer.members or freezer.has_killed_member:
            raise MigrationError("The restored process was killed on the target host before it ran.")
        # written down first: whoever finds this record, and the freezer open, knows that the process may have run
        self._record.post_copy = self._post_copy
        self._record.save(journal.COMPLETED)
        armed.hold.release_some(max(0, RELEASE_BATCH - armed.delivered))
        armed.criu.resume()
        freezer.thaw()
        # The process runs: from here on nothing may undo it. A source that does not hear this asks what became of it.
        with contextlib.suppress(PeerLost):
            control.send("running", held_packets=armed.hold.held)
        watchdog.restore_priority()
        fault = self.remove_holds(armed)
        statistics = armed.criu.statistics()
        control, placed = self._await_memory(armed.pager, control)
        self._listener.close()
        armed.pager.close()
        if fault is not None and self._record.init.alive:
            raise fault
        ended = not self._record.init.alive
        complete_target(self._record, self._engine)
        with contextlib.suppress(PeerLost):
            control.send("finished", criu=statistics, pager=placed, commands=commands.history(), ended=ended)
        control.close()

    def remove_holds(self, armed: Armed) -> Exception | None:
        """Take away what held the process; returns what went wrong, which is not to cost it the rest of its memory.

        It may also end by itself at any moment, and its namespaces with it.
        """
        try:
            armed.hold.release_paced()
            with contextlib.suppress(MigrationError):
                armed.criu.await_end(10)
            armed.criu.close()
            armed.page_server.close()
            armed.links.close()
            armed.hold.remove()
            _adopt(self._record)  # before its patience ends: the memory may take longer
        except (MigrationError, OSError) as error:
            return error
        return None

    def _await_memory(self, pager: TargetPager, control: Channel) -> tuple[Channel, dict[str, Any]]:
        """Wait until the process has all its memory; returns the connection, which may be another by then.

        Raises:
            MigrationError: some of it is lost; the process has been stopped.
        """
        try:
            if self._post_copy:
                control = self._await_pushed(pager, control)
            pager.order("finish")
            placed = pager.expect("finish", NO_TIMEOUT_S)
            if self._post_copy:
                with contextlib.suppress(PeerLost):
                    control.send("placed_all")
        except MigrationError:
            self._lost = True
            self._record.init.kill(KILL_TIMEOUT_S)  # it must not run on memory that is not its own
            pager.close()
            raise
        return control, placed

    def _await_pushed(self, pager: TargetPager, control: Channel) -> Channel:
        """Wait until the source has sent all. While the link is broken, the process waits for pages that it needs."""
        while True:
            try:
                while not select.select([control.fileno(), pager.fileno()], [], [])[0].count(control.fileno()):
                    with contextlib.suppress(PagesLost):  # the source says why, or is silent as well
                        pager.check()
                        continue
                    break
                control.expect("push_done", FAILURE_REASON_TIMEOUT_S)
                return control
            except PeerLost:
                control.close()
            if pager.is_complete:
                return control
            control = self._reconnect(pager)

    def _reconnect(self, pager: TargetPager) -> Channel:
        deadline = time.monotonic() + self._plan.options.postcopy_timeout_s
        while True:
            control = self._listener.accept(max(0.0, deadline - time.monotonic()))
            try:
                control.expect("resume", 10)
                connections = self._accept_pager()
                pager.order("reconnect", connections)
                for connection in connections:
                    connection.close()
                pager.expect("reconnect", 60)
                return control
            except (PeerLost, PagesLost):
                control.close()

    def _own_fault(self) -> MigrationError | None:
        """What went wrong here by itself before the commit. All else that either host has seen may follow from it."""
        if may_have_run(self._record):
            return None  # the container may have been ended by us: see _await_memory
        if processes.is_killed(self._container.init.pid):
            return MigrationError("The awaiting container ended on the target host.")
        if self._armed is None:
            return None
        return self._armed.page_server.fault or self._armed.pager.fault

    def _destroy_process(self) -> None:
        """Before the commit, end all that is in the container: the source may go on as soon as it hears of it."""
        if not may_have_run(self._record):
            _kill(self._record)

    def _abort(self) -> None:
        """Undo everything; the process that may stand restored here has never run and is destroyed."""
        if may_have_run(self._record):
            if self._lost:
                abandon_target(self._record, self._engine)
            else:
                complete_target(self._record, self._engine)
            return
        discard(self._record, self._engine)
        if self._armed:
            self._armed.ip_config.close()
            self._armed.criu.close()
            self._armed.page_server.close()
            self._armed.pager.close()


def _await_state(init: ProcessId, state: str, ask: Callable[[], None] = lambda: None) -> None:
    """Wait until a resident init says, by its name, that it has entered a state; ask for it as long as it has not.

    It adopts the process only once that is its child, which it becomes when CRIU has ended.

    Raises:
        MigrationError: it does not, or has ended.
    """
    deadline = time.monotonic() + 10
    while processes.name(init.pid) != state:
        if time.monotonic() > deadline or not init.alive:
            raise MigrationError(
                f"The resident init on the target host does not get to '{state}'; see the container's log."
            )
        ask()
        time.sleep(0.005)


def _await_reader(fifo: Path, criu: CriuWorker) -> int:
    """Wait until CRIU has opened the FIFO: it knows the kernel by then and wants nothing but images."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: nobody reads it yet
            if criu.ended or time.monotonic() > deadline:
                raise CriuFailed("start on the target host", criu.error_lines()) from None
        time.sleep(0.002)  # before the freeze; a FIFO has no event for "opened"


def write_images(directory: int, message: Message) -> bytes:
    """Write the images of a message into a directory, but for the inventory, which is returned.

    Args:
        directory: descriptor of the image directory.
        message: names and sizes from the peer are checked. What is in the images is CRIU's to judge: a source host that
            is not trusted must not be migrated from.
    """
    inventory = b""
    try:
        position = int(message.fields["archive_bytes"])
        named = [(str(name), int(size)) for name, size in message.fields["images"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise PeerLost("The source host sent images that are not understood") from None
    if not 0 <= position <= len(message.blob):
        raise PeerLost(f"The source host sent {position} bytes of files, which cannot be")
    for name, size in named:
        if not _IMAGE_NAME.fullmatch(name) or not 0 <= size <= len(message.blob) - position:
            raise PeerLost(f"The source host named an image '{name}' of {size} bytes, which cannot be")
        data = message.blob[position : position + size]
        position += size
        if name == _INVENTORY:
            inventory = data
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(name, flags, 0o600, dir_fd=directory), "wb") as image:
                image.write(data)
    if not inventory:
        raise PeerLost("The source host sent no inventory image")
    return inventory


def _adopt(target: MigrationRecord) -> None:
    """Have the init take the restored process for its own; may be repeated."""
    _await_state(target.init, "resident-run", lambda: libc.sigqueue(target.init.pid, _ADOPT, target.nf_pid))


def _kill(target: MigrationRecord) -> None:
    """End all that is in the container, without letting a restored process run."""
    if target.freezer:
        Freezer(Path(target.freezer)).kill()
    target.init.kill()


def complete_target(target: MigrationRecord, engine: DockerEngine) -> None:
    """What is left to do once the process runs here; may be repeated."""
    if target.init.alive:
        try:
            remove_rules(target.init.pid, target.migration_id)
            _adopt(target)
        except (MigrationError, OSError):
            if target.init.alive:
                raise
    if target.freezer:
        Freezer(Path(target.freezer)).remove()
    _clean(target)
    engine.set_restart_policy(target.container_id, target.restart_policy)
    if not target.init.alive:
        engine.restart(target.container_id, target.restart_policy)
    target.remove()


def may_have_run(target: MigrationRecord) -> bool:
    """Whether the process may have run here: it was written down that it should, and then the freezer was opened."""
    return target.state == journal.COMPLETED and not (target.freezer and Freezer(Path(target.freezer)).freeze_requested)


def complete_orphaned(target: MigrationRecord, engine: DockerEngine) -> None:
    """Once all agents have died, and the pager ended that had gone on alone; may be repeated."""
    if target.post_copy and not target.init.alive:
        abandon_target(target, engine)  # it may have been ended for want of pages, see src/pager/target.c
    else:
        complete_target(target, engine)


def abandon_target(target: MigrationRecord, engine: DockerEngine) -> None:
    """The process had run here and was stopped, as its memory is lost: what is left is a container that ended."""
    engine.wait_until_stopped(target.container_id)
    _clean(target)
    target.remove()


def discard(target: MigrationRecord, engine: DockerEngine) -> None:
    """Take away what was prepared here. The whole container dies at once, before CRIU could let anything run."""
    _kill(target)
    engine.remove(target.container_id)
    _clean(target)
    target.remove()


def _clean(target: MigrationRecord) -> None:
    AwaitTicket(target.await_name).revoke()
    if target.images.is_dir():
        with contextlib.suppress(OSError):
            libc.unmount(str(target.images))
        target.images.rmdir()


def _wait_for_orphaned_pager(pager: ProcessId) -> bool:
    """Wait for a pager that goes on alone; returns whether the process has all its pages."""
    try:
        return os.waitpid(pager.pid, 0)[1] == 0
    except ChildProcessError:
        return True  # the agent ends it when it has done its work, or after the container: see Target._await_memory


def rescue(target: MigrationRecord, rpc: tuple[socket.socket, socket.socket]) -> None:
    """What the guardian does when its worker died: the record says whether the process may have run."""
    if not target.path.exists():
        return  # it had been settled before
    current = MigrationRecord.load(target.path)
    current.cleanup_in_progress = True
    current.take_over()
    engine = DockerEngine()
    ours, theirs = rpc
    theirs.close()
    if current.state != journal.COMPLETED:
        _kill(current)
        ours.close()
        watchdog.reap_or_kill_children(patience_s=1)  # nothing is at stake, and the page server waits for more
        discard(current, engine)
        return
    resume(ours)
    Freezer(Path(current.freezer)).thaw()
    with contextlib.suppress(MigrationError, OSError):  # without its listener the hold lets nothing pass
        remove_rules(current.init.pid, current.migration_id)
    with contextlib.suppress(OSError):
        ours.settimeout(10)
        while ours.recv(65536):  # until CRIU ends, which must not be killed: the process is still its child
            pass
    ours.close()
    if _wait_for_orphaned_pager(current.pager):
        complete_orphaned(current, engine)
    else:
        current.init.kill(KILL_TIMEOUT_S)
        abandon_target(current, engine)
