# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Method ``engine``: the engine's own checkpoint and restore of a whole container.

For containers that were not started with the resident init, and as what the resident method is compared with. The
process is stopped while the engine dumps its container, the images are sent, and the other engine restores it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping

from .. import typed
from ..engines.base import Checkpoints, Engine
from ..engines.spec import ContainerSpec
from ..errors import Failure, MigrationError, PeerLost
from ..host import commands, files, mounted_content
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


def checkpoints_of(engine: Engine) -> Checkpoints:
    """Raises MigrationError where the engine has none, which the preflight reports as a blocker."""
    if engine.checkpoints is None:
        raise MigrationError(f"The container engine '{engine.name}' has no checkpoints; use method 'resident'.")
    return engine.checkpoints


def _release(record: MigrationRecord, engine: Engine) -> None:
    """Remove the checkpoint of a container that has moved; idempotent."""
    shutil.rmtree(checkpoints_of(engine).directory(record.container_id, record.migration_id), ignore_errors=True)
    record.remove()


def _on_source_worker_death(record: MigrationRecord, engine: Engine) -> Verdict:
    """What the watchdog does when its worker died. After the commit the target must be asked first."""
    if record.state in states.AFTER_COMMIT:
        return Verdict.IN_DOUBT
    _roll_back(record, engine)
    return Verdict.ROLLED_BACK


def _roll_back(record: MigrationRecord, engine: Engine) -> list[str]:
    """Have the engine restore the container where it was, unless it still runs; idempotent."""
    spec = engine.inspect(record.container_id)
    if spec and not spec.running:
        checkpoints_of(engine).restore(record.container_name, record.migration_id)
    shutil.rmtree(checkpoints_of(engine).directory(record.container_id, record.migration_id), ignore_errors=True)
    engine.restore_restarts(record.container_id, record.restart_policy)
    record.remove()
    return []


def _resolve(record: MigrationRecord, engine: Engine) -> None:
    """Clean up once the container runs here, else remove what was prepared; idempotent."""
    if record.state == states.COMPLETED:
        shutil.rmtree(checkpoints_of(engine).directory(record.container_id, record.migration_id), ignore_errors=True)
        engine.restore_restarts(record.container_id, record.restart_policy)
    else:
        if record.container_id:
            engine.remove(record.container_id)
        mounted_content.remove(record.created_paths)
    record.remove()


def _may_have_run(record: MigrationRecord) -> bool:
    return record.state == states.COMPLETED


class EngineSource(SourceEnd):
    """The source's end; the same plan and results as of :class:`source.Source`."""

    release = staticmethod(_release)
    roll_back = staticmethod(_roll_back)

    def __init__(self, plan: Plan, addresses: list[str], port: int, engine: Engine) -> None:
        self._plan = plan
        self._addresses = addresses
        self._port = port
        self._engine = engine
        self._steps = Steps()
        self._checkpoints = checkpoints_of(engine)
        spec = engine.inspect(plan.name)
        if spec is None:
            raise MigrationError(f"Container '{plan.name}' ended before its migration began.")
        self._spec = spec
        self._upper = self._checkpoints.upper_directory(spec)
        self._record = MigrationRecord(
            plan.migration_id,
            states.SOURCE,
            plan.name,
            spec.id,
            plan.peer,
            method="engine",
            restart_policy=spec.restart_policy,
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
            self._engine.suspend_restarts(self._record.container_id)
            self._record.save(states.SWITCHOVER)
            watchdog.raise_priority()
            frozen_at_ms = now_ms()
            with self._steps.step("dump"):
                self._checkpoints.dump(self._spec, self._plan.migration_id)
            with self._steps.step("transfer"):
                directory = self._checkpoints.directory(self._record.container_id, self._plan.migration_id)
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
        # the commit point: from here on only the target knows whether the container runs there
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

    def __init__(self, plan: Plan, source: ContainerSpec, engine: Engine) -> None:
        self._plan = plan
        self._source = source
        self._engine = engine
        self._checkpoints = checkpoints_of(engine)
        self._record = MigrationRecord(
            plan.migration_id,
            states.TARGET,
            plan.name,
            "",
            plan.peer,
            method="engine",
            restart_policy=source.restart_policy,
        )

    def prepare(self, mount_copies: Mapping[str, str]) -> int:
        """Create the container, without starting it, and an agent that waits for the source; returns its port."""
        present = self._engine.inspect(self._plan.name)
        if present:
            self._engine.remove(present.id)
        self._record.adopt()
        self._record.created_paths = mounted_content.missing_paths(mount_copies)
        self._record.save()
        try:
            mounted_content.unpack(mount_copies)
            self._record.container_id = self._checkpoints.create_stopped(self._source)
        except BaseException:
            mounted_content.remove(self._record.created_paths)
            self._record.remove()
            raise
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
            here = self._engine.inspect(self._record.container_id)
            if here is None:
                raise MigrationError("The container was removed before its checkpoint arrived.")
            directory = self._checkpoints.directory(self._record.container_id, self._plan.migration_id)
            os.makedirs(directory, mode=0o700)
            files.unpack_directory(directory, message.blob[:size])
            files.unpack_directory(self._checkpoints.upper_directory(here), message.blob[size:])
            self._record.save(states.RESTORED)
            control.send(messages.RECEIVED)
            control.expect(messages.COMMIT, _COMMIT_S)
            self._checkpoints.restore(self._plan.name, self._plan.migration_id)
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
