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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import agent, arrivals, channel, commands, criu_images, files, libc, network, processes, record
from .channel import Channel
from .container import Container
from .criu import CriuWorker
from .docker_engine import NO_RESTART, DockerEngine
from .errors import CriuFailed, MigrationError, PeerFailed, PeerLost
from .files import FileSet, Snapshot
from .freezer import Freezer
from .network import Interface, Links
from .packet_hold import NewConnectionHold, PacketHold, remove_rules
from .plan import Plan
from .record import Record
from .steps import Steps, now_ms

_DEPARTED = signal.SIGRTMIN + 1
_UNCORK_EVERY_S = 0.001
_ACCEPT_S = 0.5
"""For so long the process may take to accept the connections that are open."""
_MAX_FILES_BYTES = 1 << 30
_METADATA_BYTES = 64 << 20
"""Size of the source's image file system: all but the pages, which go out at once."""


@dataclass
class Armed:
    """What is made before the freeze and needed after it."""

    control: Channel
    pages: socket.socket
    files: FileSet
    snapshot: Snapshot
    links: Links
    hold: PacketHold
    door: NewConnectionHold
    criu: CriuWorker
    images: int
    withdrawal: threading.Thread | None = None


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
            raise MigrationError(f"Container '{plan.name}' ended before its migration began.")
        self._container = Container(description["State"]["Pid"])
        self._nf = processes.ProcessId.of(self._container.nf_root())
        self._freezer = Freezer(self._container.freezer_group())
        self._record = Record(
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
        self._control: Channel | None = None
        self._armed: Armed | None = None
        self._frozen_at_ms = 0.0

    def run(self) -> agent.Result:
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
        return agent.guarded(self._migrate, lambda: rescue(self._record))

    def _migrate(self) -> agent.Result:
        self._record.adopt()
        self._record.save()
        try:
            with self._steps.step("connect"):
                self._control, pages = self._connect()
            self._armed = self._arm(self._control, pages)
            restored = self._switch_over(self._armed)
        except (MigrationError, OSError, ValueError) as error:
            return self._roll_back(error)
        return self._commit(self._armed, restored)

    # Before the freeze: everything that can be done while the process runs

    def _connect(self) -> tuple[Channel, socket.socket]:
        """One connection for the messages, and one, authenticated the same way, that CRIU writes the pages to."""
        control = Channel.connect(self._addresses, self._port, self._plan.credentials, 10)
        control.send("hello")
        pages = Channel.connect(self._addresses, self._port, self._plan.credentials, 10)
        pages.send("pages")
        plain = pages.to_plain_socket()
        channel.fail_soon(plain)
        return control, plain

    def _arm(self, control: Channel, pages: socket.socket) -> Armed:
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
        with self._steps.step("arm"):
            self._engine.set_restart_policy(self._record.container_id, NO_RESTART)
            interfaces = network.read_interfaces(self._container.init.pid)
            self._record.interfaces = [interface.as_dict() for interface in interfaces]
            self._record.save(record.ACTIVE)
            links = Links(self._container.init.pid, interfaces)
            names = [interface.name for interface in interfaces]
            hold = PacketHold(self._container.init.pid, names, self._plan.migration_id)
            hold.install()
            door = NewConnectionHold(self._container.init.pid, names, self._plan.migration_id)
            door.install()
            control.send(
                "arm",
                nf_pid=processes.pid_inside(self._nf.pid),
                highest_pid=processes.highest_pid_inside(self._nf.pid),
                streams=self._container.standard_streams(self._nf.pid),
                interfaces=self._record.interfaces,
            )
            self._freezer.gather(self._nf.pid)
            criu, images = self._arm_dump(pages)
            armed = Armed(control, pages, moving, snapshot, links, hold, door, criu, images)
            self._armed = armed  # known to a roll back from here on
            control.expect("armed", self._plan.timeout_s)
        return armed

    def _arm_dump(self, pages: socket.socket) -> tuple[CriuWorker, int]:
        """Start CRIU up to the point where it would stop the process; returns it and its image directory."""
        directory = self._record.images
        directory.mkdir(mode=0o700)
        libc.mount_tmpfs(str(directory), _METADATA_BYTES)
        images = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        freezer = os.open(self._freezer.directory, os.O_RDONLY | os.O_DIRECTORY)
        criu = CriuWorker(self._container, images, "dump", [freezer, pages.fileno()], clocks_of=self._nf.pid)
        try:
            criu.start_dump(processes.pid_inside(self._nf.pid), freezer, pages.fileno())
        except MigrationError:
            criu.close()
            raise
        return criu, images

    # From the freeze to the commit: the downtime

    def _switch_over(self, armed: Armed) -> channel.Message:
        """Freeze, dump and have it restored; returns the target's word that the process stands there, stopped."""
        self._record.save(record.SWITCHOVER)
        with self._steps.step("accept"):
            armed.door.begin()  # new connections wait, while the process accepts those that are open
            arrivals.await_accepted(self._nf.pid, _ACCEPT_S)
        self._frozen_at_ms = now_ms()
        with self._steps.step("freeze"):
            self._freezer.freeze()
        with self._steps.step("switch_address"):
            # what arrives here until the target has announced itself is still taken in, and dumped with the socket
            armed.control.send("switch")
            armed.control.expect("switched", 10)
            armed.withdrawal = armed.links.withdraw()
            armed.hold.begin()
        with self._steps.step("dump"):
            archive, gone, unread = self._dump(armed)
        with self._steps.step("restore"):
            self._send_images(armed, archive, gone, unread)
            return armed.control.expect("restored", self._plan.timeout_s)

    def _dump(self, armed: Armed) -> tuple[bytes, list[str], bytes]:
        """Dump, and meanwhile pack the files that changed since they were copied.

        Returns:
            These, what is gone, and the datagrams that the process has not read.
        """
        tree = processes.tree(self._nf.pid)
        unread = arrivals.unread(tree)
        done = threading.Event()

        def keep_uncorked() -> None:
            while not done.wait(_UNCORK_EVERY_S):
                channel.uncork(armed.pages)

        armed.criu.answer()
        threading.Thread(target=keep_uncorked, daemon=True).start()
        try:
            changed, gone = armed.files.snapshot().since(armed.snapshot, files.mapped_shared(tree))
            archive = armed.files.pack(changed)
            armed.criu.run_until(None, self._plan.timeout_s)
        finally:
            done.set()
        return archive, gone, unread

    @staticmethod
    def _send_images(armed: Armed, archive: bytes, gone: list[str], unread: bytes) -> None:
        parts = [archive]
        names = []
        for image in sorted(Path(f"/proc/self/fd/{armed.images}").glob("*.img")):
            content = image.read_bytes()
            parts.append(criu_images.with_relative_timers(content) if image.name == "files.img" else content)
            names.append((image.name, len(parts[-1])))
        arrived = unread + armed.door.packets
        parts.append(arrived)
        sizes = {"archive_bytes": len(archive), "arrived_bytes": len(arrived)}
        armed.control.send("images", b"".join(parts), images=names, gone=gone, **sizes)

    # After it

    def _commit(self, armed: Armed, restored: channel.Message) -> agent.Result:
        """The commit point: from here on the process never runs on this host again."""
        self._record.save(record.COMMITTED)
        try:
            with self._steps.step("resume"):
                armed.control.send("commit")
                running = armed.control.expect("running", 30)
            downtime_ms = now_ms() - self._frozen_at_ms
        except MigrationError as error:
            # the target may or may not run; the process stays frozen here until somebody has asked the target
            armed.links.down()  # its kernel would else go on speaking for it, and turn neighbours to itself
            return {**agent.failure(error), "undecided": True}
        dump = armed.criu.statistics()
        with self._steps.step("release"):
            bytes_sent = channel.tcp_bytes_sent(armed.pages) + armed.control.blob_bytes_sent
            armed.criu.close()
            release(self._record, self._engine)
            armed.hold.drop()
            armed.door.drop()
        with self._steps.step("finish"):
            finished = self._await_finished(armed.control)
        return {
            "ok": True,
            "status": record.COMPLETED,
            "process_downtime_ms": round(downtime_ms, 2),
            "bytes_sent": bytes_sent,
            "steps": self._steps.list,
            "target_steps": restored.fields["steps"],
            "held_packets": running.fields["held_packets"],
            "criu": {"dump": dump, "restore": finished.get("criu", {})},
            "commands": {"source": commands.noted(), "target": finished.get("commands", [])},
        }

    @staticmethod
    def _await_finished(control: Channel) -> dict[str, Any]:
        try:
            return control.expect("finished", 30).fields
        except MigrationError:
            return {}  # the process runs there, which is what counts; the target's guardian tidies up
        finally:
            control.close()

    def _roll_back(self, error: Exception) -> agent.Result:
        """Before the commit point every failure ends here: the process runs on, with its connections."""
        with self._steps.step("roll_back"):
            error = self._ask_target_why(error)
            roll_back(self._record, self._engine, self._armed)
        result = agent.failure(error)
        result["steps"] = self._steps.list
        if self._frozen_at_ms:
            result["process_downtime_ms"] = round(now_ms() - self._frozen_at_ms, 2)
        result["commands"] = {"source": commands.noted(), "target": []}
        return result

    def _ask_target_why(self, error: Exception) -> Exception:
        """Tell the target to undo its part; what it knows of the failure is added."""
        if self._control is None or isinstance(error, PeerLost):
            if self._control is not None:
                self._control.close()
            return error
        if isinstance(error, PeerFailed):
            self._control.close()
            return error
        try:
            self._control.send("abort")
            lines = self._control.expect("aborted", 10).fields["page_server_errors"]
        except PeerFailed as target_error:
            return target_error
        except MigrationError:
            return error
        finally:
            self._control.close()
        return CriuFailed("receive pages on the target host", lines) if lines else error


def release(source: Record, engine: DockerEngine) -> None:
    """End the process that has moved away, and the container with it; may be repeated."""
    if source.init.alive:
        _links(source).down()  # or the end of the process would end its clients' connections
        libc.sigqueue(source.init.pid, _DEPARTED, 0)
    Freezer(Path(source.freezer)).kill()
    _clean(source)
    engine.wait_stopped(source.container_id)
    source.remove()


def roll_back(source: Record, engine: DockerEngine, armed: Armed | None = None) -> None:
    """Let the process run here again as if nothing had been; may be repeated."""
    if armed is not None and armed.withdrawal is not None:
        armed.withdrawal.join()
    if source.init.alive and source.interfaces:
        (armed.links if armed is not None else _links(source)).take_over()
        network.equip(source.init.pid, _interfaces(source))
    freezer = Freezer(Path(source.freezer))
    freezer.thaw()
    if armed is not None:
        armed.criu.close()  # takes its code out of the process, which must not be frozen for that
        armed.hold.remove()
        armed.door.remove()
    elif source.init.alive:
        remove_rules(source.init.pid, source.migration_id)
    freezer.remove()
    engine.set_restart_policy(source.container_id, source.restart_policy)
    if not source.init.alive and source.restart_policy.get("Name", "no") not in ("", "no"):
        engine.start(source.container_id)  # it ended by itself meanwhile; the engine would have started it again
    _clean(source)
    source.remove()


def _interfaces(source: Record) -> list[Interface]:
    return [Interface(**interface) for interface in source.interfaces]


def _links(source: Record) -> Links:
    return Links(source.init.pid, _interfaces(source))


def rescue(source: Record) -> agent.Result:
    """What the guardian does when its worker died. After the commit the target must be asked first."""
    if not source.path.exists():
        return {}  # it had been settled before
    current = Record.load(source.path)
    if current.state == record.COMMITTED:
        _links(current).down()  # as in Source._commit
        return {"undecided": True}
    current.adopt()
    current.save()
    Freezer(Path(current.freezer)).thaw()  # a frozen process cannot let CRIU take its code out of it
    agent.end_children()
    roll_back(current, DockerEngine())
    return {}


def _clean(source: Record) -> None:
    if source.images.is_dir():
        with contextlib.suppress(OSError):
            libc.unmount(str(source.images))
        source.images.rmdir()
