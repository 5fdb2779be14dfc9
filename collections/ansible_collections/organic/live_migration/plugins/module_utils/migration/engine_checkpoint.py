# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Method ``engine``: the Docker engine's own, experimental checkpoint and restore of a whole container.

For containers that were not started with the resident init, and as what the resident method is compared with. The
process is stopped while the engine takes its container apart, the images travel, and the other engine creates it again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

from .. import paths, typed
from ..engines.docker import NO_RESTART, DockerEngine
from ..errors import Failure, MigrationError, PeerLost
from ..host import commands, files
from ..host.steps import Steps, now_ms
from ..session import messages, states, watchdog
from ..session.channel import Channel, Listener
from ..session.journal import MigrationRecord
from ..session.options import Plan
from ..session.outcome import Outcome, Verdict
from ..session.progress import Progress
from .ends import SourceEnd, TargetEnd

_START_S = 300
_COMMIT_S = 30


@contextlib.contextmanager
def _connections_allowed() -> Iterator[None]:
    """Have runc's CRIU dump and restore established connections meanwhile; the file is put back afterwards."""
    before = paths.CRIU_CONFIG.read_bytes() if paths.CRIU_CONFIG.exists() else None
    if before is not None and b"tcp-established" in before:
        yield
        return
    paths.CRIU_CONFIG.parent.mkdir(exist_ok=True)
    paths.CRIU_CONFIG.write_bytes((before or b"") + b"tcp-established\n")
    try:
        yield
    finally:
        if before is None:
            paths.CRIU_CONFIG.unlink(missing_ok=True)
        else:
            paths.CRIU_CONFIG.write_bytes(before)


def _start_from_checkpoint(name: str, migration_id: str) -> None:
    with _connections_allowed():
        commands.run(["docker", "start", "--checkpoint", migration_id, name], timeout_s=_START_S)


def _release(record: MigrationRecord, engine: DockerEngine) -> None:
    """Remove the checkpoint of a container that has moved; idempotent."""
    shutil.rmtree(engine.checkpoint_directory(record.container_id, record.migration_id), ignore_errors=True)
    record.remove()


def _on_source_worker_death(record: MigrationRecord, engine: DockerEngine) -> Verdict:
    """What the watchdog does when its worker died. After the commit the target must be asked first."""
    if record.state in states.AFTER_COMMIT:
        return Verdict.IN_DOUBT
    _roll_back(record, engine)
    return Verdict.ROLLED_BACK


def _roll_back(record: MigrationRecord, engine: DockerEngine) -> None:
    """Have the engine restore the container where it was, unless it still runs; idempotent."""
    description = engine.inspect(record.container_id)
    if description and description["State"]["Status"] != "running":
        _start_from_checkpoint(record.container_name, record.migration_id)
    shutil.rmtree(engine.checkpoint_directory(record.container_id, record.migration_id), ignore_errors=True)
    engine.set_restart_policy(record.container_id, record.restart_policy)
    record.remove()


def _resolve(record: MigrationRecord, engine: DockerEngine) -> None:
    """Clean up once the container runs here, else remove what was prepared; idempotent."""
    if record.state == states.COMPLETED:
        shutil.rmtree(engine.checkpoint_directory(record.container_id, record.migration_id), ignore_errors=True)
        engine.set_restart_policy(record.container_id, record.restart_policy)
    else:
        engine.remove(record.container_id)
    record.remove()


def _may_have_run(record: MigrationRecord) -> bool:
    return record.state == states.COMPLETED


def upper_directory(description: dict[str, Any]) -> str:
    """Where the engine keeps what a container wrote in its own layer.

    Raises:
        MigrationError: its storage driver has no such directory.
    """
    directory = (description.get("GraphDriver") or {}).get("Data", {}).get("UpperDir")
    if not directory:
        raise MigrationError("Method 'engine' needs Docker's storage driver overlay2; this host has another.")
    return str(directory)


class EngineSource(SourceEnd):
    """The source's end; the same plan and results as of :class:`source.Source`."""

    release = staticmethod(_release)
    roll_back = staticmethod(_roll_back)

    def __init__(self, plan: Plan, addresses: list[str], port: int, engine: DockerEngine) -> None:
        self._plan = plan
        self._addresses = addresses
        self._port = port
        self._engine = engine
        self._steps = Steps()
        description = engine.inspect(plan.name)
        if description is None:
            raise MigrationError(f"Container '{plan.name}' ended before its migration began.")
        self._upper = upper_directory(description)
        self._record = MigrationRecord(
            plan.migration_id,
            states.SOURCE,
            plan.name,
            description["Id"],
            plan.peer,
            method="engine",
            restart_policy=description["HostConfig"]["RestartPolicy"],
        )

    def run(self) -> Outcome:
        """Migrate; on failure the engine restores the container here from the same checkpoint."""
        return watchdog.run_with_watchdog(self._migrate, self._on_worker_death)

    def _on_worker_death(self, failure: Failure) -> Outcome:
        if not self._record.path.exists():
            return Outcome.failed(failure, Verdict.IN_DOUBT)  # it was recovered, one way or the other
        verdict = _on_source_worker_death(MigrationRecord.load(self._record.path), self._engine)
        return Outcome.failed(failure, verdict)

    def _migrate(self) -> Outcome:
        self._record.adopt()
        self._record.save()
        progress = Progress(self._record.directory, self._plan.facts)
        control: Channel | None = None
        frozen_at_ms = 0.0
        try:
            with self._steps.step("connect"):
                control = Channel.connect(self._addresses, self._port, self._plan.credentials, 10)
                control.send(messages.HELLO, **messages.hello())
            progress.set_state(states.ACTIVE)
            if self._plan.options.pause_before_switchover:
                progress.await_continue(self._plan.timeout_s)
            progress.check()
            progress.set_state(states.SWITCHOVER)
            self._engine.set_restart_policy(self._record.container_id, NO_RESTART)
            self._record.save(states.SWITCHOVER)
            watchdog.raise_priority()
            frozen_at_ms = now_ms()
            with self._steps.step("dump"), _connections_allowed():
                commands.run(
                    ["docker", "checkpoint", "create", self._plan.name, self._plan.migration_id], timeout_s=300
                )
            with self._steps.step("transfer"):
                directory = self._engine.checkpoint_directory(self._record.container_id, self._plan.migration_id)
                images = files.pack_directory(directory)
                layer = files.pack_directory(self._upper)
                control.send(messages.CHECKPOINT, images + layer, images_bytes=len(images))
                control.expect(messages.RECEIVED, 2 * self._plan.timeout_s)
            progress.check()
        except (MigrationError, OSError) as error:
            with self._steps.step("rollback"):
                if control is not None:
                    control.close()
                _roll_back(self._record, self._engine)
            outcome = Outcome.of_error(error)
            outcome.steps, outcome.commands = self._steps.list, {"source": commands.history()}
            return outcome
        # the commit point: whether the container runs there is now the target's to tell
        self._record.save(states.COMMITTED)
        try:
            with self._steps.step("restore"):
                control.send(messages.COMMIT)
                control.expect(messages.RUNNING, _START_S)
        except MigrationError as error:
            return Outcome.failed(Failure.of(error), Verdict.IN_DOUBT)
        downtime_ms = now_ms() - frozen_at_ms
        with self._steps.step("release"):
            control.close()
            _release(self._record, self._engine)
        progress.update(remaining_bytes=0, transferred_bytes=control.blob_bytes_sent)
        progress.set_state(states.COMPLETED)
        return Outcome(
            Verdict.COMPLETED,
            process_downtime_ms=round(downtime_ms, 2),
            bytes_sent=control.blob_bytes_sent,
            steps=self._steps.list,
            commands={"source": commands.history()},
        )


class EngineTarget(TargetEnd):
    """The target's end; the same interface as :class:`target.Target`."""

    may_have_run = staticmethod(_may_have_run)
    resolve = staticmethod(_resolve)

    def __init__(self, plan: Plan, source: dict[str, Any], engine: DockerEngine) -> None:
        self._plan = plan
        self._source = source
        self._engine = engine
        self._record = MigrationRecord(
            plan.migration_id,
            states.TARGET,
            plan.name,
            "",
            plan.peer,
            method="engine",
            restart_policy=source["HostConfig"]["RestartPolicy"],
        )

    def prepare(self) -> int:
        """Create the container, without starting it, and an agent that waits for the source; returns its port."""
        present = self._engine.inspect(self._plan.name)
        if present:
            self._engine.remove(present["Id"])
        self._record.adopt()
        self._record.container_id = self._engine.create_like(self._source, keep_macs=True)
        self._record.save()
        self._listener = Listener(self._plan.credentials)
        watchdog.daemonize(self._guarded)
        self._record.await_other_agent()
        self._listener.close()
        return self._listener.port

    def _guarded(self) -> None:
        watchdog.run_with_watchdog(self._serve, self._on_worker_death)

    def _on_worker_death(self, failure: Failure) -> Outcome:
        _resolve(MigrationRecord.load(self._record.path), self._engine)
        return Outcome.failed(failure)

    def _serve(self) -> Outcome:
        self._record.adopt()
        self._record.save()
        control: Channel | None = None
        try:
            control = self._listener.accept(self._plan.timeout_s)
            messages.check_hello(control.expect(messages.HELLO, 10).fields)
            watchdog.raise_priority()
            message = control.expect(messages.CHECKPOINT, 2 * self._plan.timeout_s)
            size = int(message.fields["images_bytes"])
            description = self._engine.inspect(self._record.container_id) or {}
            directory = self._engine.checkpoint_directory(self._record.container_id, self._plan.migration_id)
            os.makedirs(directory, mode=0o700)
            files.unpack_directory(directory, message.blob[:size])
            files.unpack_directory(upper_directory(description), message.blob[size:])
            self._record.save(states.RESTORED)
            control.send(messages.RECEIVED)
            control.expect(messages.COMMIT, _COMMIT_S)
            _start_from_checkpoint(self._plan.name, self._plan.migration_id)
            self._record.save(states.COMPLETED)
            with contextlib.suppress(PeerLost):  # the source asks for the outcome
                control.send(messages.RUNNING)
        except (MigrationError, OSError) as error:
            failure = Failure.of(error)
            _resolve(self._record, self._engine)
            if control is not None:
                with contextlib.suppress(MigrationError):
                    control.send(messages.FAILED, **typed.to_dict(failure))
            return Outcome.failed(failure)
        _resolve(self._record, self._engine)
        return Outcome(Verdict.COMPLETED)
