# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's end of a migration: freeze, dump, hand over, and, until the commit, be able to take it all back."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

from . import agent, channel, commands, files, libc, network, processes, record
from .channel import Channel
from .container import Container
from .criu import CriuWorker
from .docker_engine import NO_RESTART, DockerEngine
from .errors import CriuFailed, MigrationError, PeerFailed, PeerLost
from .files import FileSet
from .freezer import Freezer
from .packet_hold import PacketHold, remove_rules
from .plan import Plan
from .record import Record
from .steps import Steps, now_ms

_DEPARTED = signal.SIGRTMIN + 1
_UNCORK_EVERY_S = 0.001


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
        self._criu: CriuWorker | None = None
        self._hold: PacketHold | None = None
        self._owner: network.AddressOwner | None = None
        self._frozen_at_ms = 0.0
        self._downtime_ms = 0.0

    def run(self) -> agent.Result:
        """Migrate; returns when the source is released, or the process runs here again as if nothing had been."""
        return agent.guarded(self._migrate, lambda: rescue(self._record))

    def _migrate(self) -> agent.Result:
        self._record.adopt()
        self._record.save()
        try:
            self._prepare()
            restored = self._switch_over()
        except (MigrationError, OSError, ValueError) as error:
            return self._roll_back(error)
        return self._commit(restored)

    # Before the freeze: everything that can be done while the process runs

    def _prepare(self) -> None:
        with self._steps.step("connect"):
            self._control = Channel.connect(self._addresses, self._port, self._plan.credentials, 10)
            self._control.send("hello")
            pages = Channel.connect(self._addresses, self._port, self._plan.credentials, 10)
            pages.send("pages")
            self._pages = pages.to_plain_socket()
            channel.fail_soon(self._pages)
        with self._steps.step("files"):
            self._files = FileSet(self._container, self._container.mounts())
            self._snapshot = self._files.snapshot()
            self._send_files()
        with self._steps.step("arm"):
            self._engine.set_restart_policy(self._record.container_id, NO_RESTART)
            self._record.save(record.ACTIVE)
            interfaces = network.read_interfaces(self._container.init.pid)
            self._owner = network.AddressOwner(self._container.init.pid, interfaces)
            self._hold = PacketHold(
                self._container.init.pid, [interface.name for interface in interfaces], self._plan.migration_id
            )
            self._hold.install()
            self._control.send(
                "arm",
                nf_pid=processes.pid_inside(self._nf.pid),
                streams=self._container.standard_streams(self._nf.pid),
                interfaces=[interface.as_dict() for interface in interfaces],
            )
            self._freezer.gather(self._nf.pid)
            self._arm_dump()
            self._control.expect("armed", self._plan.timeout_s)

    def _send_files(self) -> None:
        assert self._control is not None
        self._control.send("files", self._files.pack(sorted(self._snapshot.files)), gone=sorted(self._snapshot.removed))
        self._control.expect("unpacked", self._plan.timeout_s)

    def _arm_dump(self) -> None:
        images = self._record.images
        images.mkdir(mode=0o700)
        libc.mount_tmpfs(str(images), 64 << 20)  # without the pages, which go out at once
        self._images = os.open(images, os.O_RDONLY | os.O_DIRECTORY)
        self._freezer_directory = os.open(self._freezer.directory, os.O_RDONLY | os.O_DIRECTORY)
        given = [self._freezer_directory, self._pages.fileno()]
        self._criu = CriuWorker(self._container, self._images, "dump", given)
        self._criu.start_dump(processes.pid_inside(self._nf.pid), self._freezer_directory, self._pages.fileno())

    # From the freeze to the commit: the downtime

    def _switch_over(self) -> channel.Message:
        """Freeze, dump and have it restored; returns the target's word that the process stands there, stopped."""
        assert self._control is not None and self._criu is not None
        assert self._hold is not None and self._owner is not None
        self._record.save(record.SWITCHOVER)
        self._frozen_at_ms = now_ms()
        with self._steps.step("freeze"):
            self._freezer.freeze()
        with self._steps.step("switch_address"):
            # what arrives here until the target has announced itself is still taken in, and dumped with the socket
            self._owner.be_silent()
            self._control.send("switch")
            self._control.expect("switched", 10)
            self._hold.begin()
        with self._steps.step("dump"):
            self._dump()
        with self._steps.step("restore"):
            self._send_images()
            return self._control.expect("restored", self._plan.timeout_s)

    def _dump(self) -> None:
        assert self._criu is not None
        done = threading.Event()

        def keep_uncorked() -> None:
            while not done.wait(_UNCORK_EVERY_S):
                channel.uncork(self._pages)

        self._criu.answer()
        threading.Thread(target=keep_uncorked, daemon=True).start()
        try:
            tree = processes.tree(self._nf.pid)
            self._changed, self._gone = self._files.snapshot().since(self._snapshot, files.mapped_shared(tree))
            self._archive = self._files.pack(self._changed)
            self._criu.run_until(None, self._plan.timeout_s)
        finally:
            done.set()

    def _send_images(self) -> None:
        assert self._control is not None
        parts = [self._archive]
        names = []
        for image in sorted(Path(f"/proc/self/fd/{self._images}").glob("*.img")):
            parts.append(image.read_bytes())
            names.append((image.name, len(parts[-1])))
        self._control.send("images", b"".join(parts), images=names, archive_bytes=len(self._archive), gone=self._gone)

    # After it

    def _commit(self, restored: channel.Message) -> agent.Result:
        """The commit point: from here on the process never runs on this host again."""
        assert self._control is not None and self._criu is not None and self._hold is not None
        self._record.save(record.COMMITTED)
        try:
            with self._steps.step("resume"):
                self._control.send("commit")
                running = self._control.expect("running", 30)
            self._downtime_ms = now_ms() - self._frozen_at_ms
        except MigrationError as error:
            # the target may or may not run; the process stays frozen here until somebody has asked the target
            return {**agent.failure(error), "undecided": True}
        dump = self._criu.statistics()
        with self._steps.step("release"):
            bytes_sent = channel.tcp_bytes_sent(self._pages) + self._control.blob_bytes_sent
            self._criu.close()
            self._hold.drop()
            release(self._record, self._engine)
        with self._steps.step("finish"):
            finished = self._await_finished()
        return {
            "ok": True,
            "status": record.COMPLETED,
            "process_downtime_ms": round(self._downtime_ms, 2),
            "bytes_sent": bytes_sent,
            "steps": self._steps.list,
            "target_steps": restored.fields["steps"],
            "held_packets": running.fields["held_packets"],
            "criu": {"dump": dump, "restore": finished.get("criu", {})},
            "commands": {"source": commands.noted(), "target": finished.get("commands", [])},
        }

    def _await_finished(self) -> dict[str, Any]:
        assert self._control is not None
        try:
            return self._control.expect("finished", 30).fields
        except MigrationError:
            return {}  # the process runs there, which is what counts; the target's guardian tidies up
        finally:
            self._control.close()

    def _roll_back(self, error: Exception) -> agent.Result:
        """Before the commit point every failure ends here: the process runs on, with its connections."""
        with self._steps.step("roll_back"):
            error = self._ask_target_why(error)
            roll_back(self._record, self._engine, self._criu, self._owner, self._hold)
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
        libc.sigqueue(source.init.pid, _DEPARTED, 0)
    Freezer(Path(source.freezer)).kill()
    _clean(source)
    engine.wait_stopped(source.container_id)
    source.remove()


def roll_back(
    source: Record,
    engine: DockerEngine,
    criu: CriuWorker | None = None,
    owner: network.AddressOwner | None = None,
    hold: PacketHold | None = None,
) -> None:
    """Let the process run here again as if nothing had been; may be repeated."""
    if source.init.alive:
        if owner is None:
            owner = network.AddressOwner(source.init.pid, network.read_interfaces(source.init.pid))
        owner.answer()
    freezer = Freezer(Path(source.freezer))
    freezer.thaw()
    if criu is not None:
        criu.close()  # takes its code out of the process, which must not be frozen for that
    if hold is not None:
        hold.remove()
    elif source.init.alive:
        remove_rules(source.init.pid, source.migration_id)
    freezer.remove()
    engine.set_restart_policy(source.container_id, source.restart_policy)
    _clean(source)
    source.remove()


def rescue(source: Record) -> None:
    """What the guardian does when its worker died. After the commit the target must be asked first."""
    current = Record.load(source.path)
    if current.state != record.COMMITTED:
        roll_back(current, DockerEngine())


def _clean(source: Record) -> None:
    if source.images.is_dir():
        with contextlib.suppress(OSError):
            libc.unmount(str(source.images))
        source.images.rmdir()
