# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's end of a migration: set up, switch over, and, until the commit, be able to take it all back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time

from ..engines.base import Engine
from ..errors import Cancelled, Failure, MigrationError, PeerFailed, PeerLost, ProcessEnded
from ..host import commands, processes
from ..host.container import Container
from ..host.freezer import Freezer
from ..host.steps import Steps, now_ms
from ..network import interfaces
from ..session import channel, messages, slots, states, watchdog
from ..session.channel import Channel, Fields, Message, PageStream
from ..session.journal import MigrationRecord
from ..session.options import Plan
from ..session.outcome import Notice, Outcome, Verdict
from ..session.progress import Progress
from ..session.slots import SWITCHING, Slot
from ..strategies.base import Strategy
from ..strategies.context import SourceContext
from ..strategies.memory_transfer import MemoryTransfer
from ..strategies.registry import strategy_class
from . import restarts, source_cleanup
from .ends import SourceEnd
from .source_setup import SourceSetup

_TURN_POLL_S = 0.004
_ABORTED_TIMEOUT_S = 10
_ABORTED_TIMEOUT_FROZEN_S = 2
"""How long the target may take to undo its part while the process is frozen. The process then runs on."""


class Source(SourceEnd):
    """One migration as the source host sees it.

    Args:
        plan: of the migration.
        addresses: of the target host, in the order in which they are tried.
        port: of the target's agent.
        engine: of this host.

    Raises:
        ProcessEnded: the container does not run any more.
    """

    release = staticmethod(source_cleanup.release)
    roll_back = staticmethod(source_cleanup.roll_back)

    def __init__(self, plan: Plan, addresses: list[str], port: int, engine: Engine) -> None:
        self._plan = plan
        self._engine = engine
        self._steps = Steps()
        self._strategy: Strategy = strategy_class(plan.options.strategy)()
        spec = engine.inspect(plan.name)
        if spec is None or not spec.pid:
            raise ProcessEnded(f"Container '{plan.name}' ended before its migration began.")
        self._container = Container(spec.pid)
        self._root = processes.ProcessId.of(self._container.root_process())
        self._freezer = Freezer(self._container.freezer_group())
        self._record = MigrationRecord(
            plan.migration_id,
            states.SOURCE,
            plan.name,
            spec.id,
            plan.peer,
            root_pid=self._root.pid,
            root_start_time=self._root.start_time,
            init_pid=self._container.init.pid,
            init_start_time=self._container.init.start_time,
            freezer=str(self._freezer.parent),
            restart_policy=spec.restart_policy,
            await_name=spec.await_key or "",
            service=spec.service,
            kept_interfaces=list(spec.kept_interfaces),
        )
        self._progress = Progress(self._record.directory, plan.facts)
        self._memory = MemoryTransfer(
            plan, addresses, port, self._root.pid, self._progress, self._strategy.tracks_writes
        )
        self._source: SourceContext | None = None
        self._turn: Slot | None = None

    def run(self) -> Outcome:
        """Migrate; returns when the source copy is released, or the process runs here again as if nothing had happened.

        Raises:
            MigrationError: another run works on this container, or has left it frozen.
        """
        lock = os.open(self._freezer.parent, os.O_RDONLY)  # held by worker and watchdog until both have ended
        try:
            self._take(lock)
            return watchdog.run_with_watchdog(self._migrate, self._on_worker_death)
        finally:
            os.close(lock)

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MigrationError(
                f"Container '{self._plan.name}' is in another migration. Wait until that has ended."
            ) from None
        if self._freezer.directory.exists():
            raise MigrationError(
                f"Container '{self._plan.name}' is still frozen by an interrupted migration. "
                "Run organic.live_migration.container_migration_recover on this host."
            )

    def _migrate(self) -> Outcome:
        self._record.adopt()
        self._record.save()
        try:
            with self._steps.step("connect"):
                control, stream, pager_connections = self._memory.connect()
            source = self._set_up(control, stream, pager_connections)
            self._progress.check()
            self._strategy = self._strategy.copy_live(source)
            # a clone runs before the switchover: its strategy pauses when both copies are in step
            if self._plan.options.pause_before_switchover and not self._strategy.runs_before_commit:
                with self._steps.step("pre_switchover"):
                    self._progress.await_continue(self._plan.timeout_s)
                    self._progress.set_state(states.ACTIVE)
                    self._strategy.copy_after_pause(source)
            self._progress.check()
            self._await_turn(source)
            restored = self._strategy.switch_over(source)
            self._progress.check()
            source.stop_deadline()
            self._record.finished_by = self._strategy.name
            self._record.needs_source = self._strategy.needs_source_after_commit
            self._record.save(states.COMMITTED)
        except (MigrationError, OSError, ValueError) as error:
            return self._undo(error)
        return self._commit(source, restored)

    def _setup(self, control: Channel) -> SourceSetup:
        return SourceSetup(
            self._plan,
            self._container,
            self._root,
            self._freezer,
            self._record,
            self._memory,
            control,
        )

    def _await_turn(self, source: SourceContext) -> None:
        """Wait until no other process of this host is in its switchover; then send what was written meanwhile."""
        self._turn = Slot.take(SWITCHING, 1)
        if self._turn is not None:
            return
        with self._steps.step("turn"):
            deadline_ms = now_ms() + self._plan.timeout_s * 1000
            while self._turn is None:
                if now_ms() > deadline_ms:
                    raise MigrationError(
                        f"Other migrations from this host were in their switchover for {self._plan.timeout_s} s "
                        "(timeout_s). Wait until they have ended, and migrate again."
                    )
                time.sleep(_TURN_POLL_S)
                self._progress.check()
                self._turn = Slot.take(SWITCHING, 1)
            self._strategy.copy_after_pause(source)

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()

    def _set_up(self, control: Channel, stream: PageStream, pager_connections: list[socket.socket]) -> SourceContext:
        """Make everything that can be made while the process runs."""
        self._progress.set_state(states.ACTIVE)
        with self._steps.step("files"):
            setup = self._setup(control)
            setup.send_files()
        with self._steps.step("setup"):
            restarts.suspend(self._record, self._engine)
            # kept before the target has answered: a roll back must know it
            self._source = setup.prepare(stream, pager_connections, self._progress, self._steps)
            armed = control.expect(messages.ARMED, self._plan.timeout_s)
            self._source.link_numbers = interfaces.numbers_there(self._source.own_links, armed.fields["links"])
        return self._source

    # From the commit on the process never runs on this host again

    def _commit(self, source: SourceContext, restored: Message) -> Outcome:
        """Let the process run on the target, send what it still lacks, and release the copy."""
        try:
            with self._steps.step("run"):
                source.control.send(messages.COMMIT, self._strategy.commit(source))
                running = source.control.expect(messages.RUNNING, 30)
            downtime_ms = max(now_ms() - source.frozen_at_ms, source.clone.clone_pause_ms)
            self._strategy.process_runs(source)
            source.files.close()
            watchdog.restore_priority()
            self._end_turn()
        except MigrationError as error:
            self._end_turn()
            # the target may or may not run it; the copy here stays frozen until the target was asked
            source_cleanup.link_down(self._record)
            if isinstance(error, PeerLost):
                with contextlib.suppress(MigrationError):
                    self._strategy.after_commit(self._memory, is_running=False)  # it may run there, and need its pages
            return Outcome.failed(Failure.of(error), Verdict.IN_DOUBT)
        self._memory.report_done(source.final)
        dump = source.criu.statistics()
        source_cleanup.link_down(self._record)
        lost = self._send_the_rest() if self._strategy.needs_source_after_commit else None
        if lost is not None and not isinstance(lost, PeerFailed):
            return self._in_doubt(lost)
        with self._steps.step("release"):
            madvise_changed = self._has_madvise_changed(source)
            bytes_sent = source.stream.bytes_sent + source.control.blob_bytes_sent + self._memory.sent.bytes
            source.criu.close()
            if self._memory.pager is not None:
                self._memory.pager.close()
            self.release(self._record, self._engine)
            for hold in source.holds:
                hold.discard()
            if source.mirror is not None:
                source.mirror.discard()
        if lost is not None:
            return self._state_lost(lost)
        with self._steps.step("target_cleanup"):
            finished = self._await_finished(self._memory.control or source.control)
        self._progress.update(remaining_bytes=0)
        self._progress.set_state(states.COMPLETED)
        notices = [Notice.EXITED_ON_TARGET] if finished.get("ended") else []
        return Outcome(
            Verdict.COMPLETED,
            process_downtime_ms=round(downtime_ms, 2),
            bytes_sent=bytes_sent,
            steps=self._steps.list,
            target_steps=restored.fields["steps"],
            held_packets=running.fields["held_packets"],
            lost_packets=int(finished.get("lost_packets", 0)),
            statistics=self._progress.snapshot(),
            criu={"dump": dump, "restore": finished.get("criu", {})},
            commands={"source": commands.history(), "target": finished.get("commands", [])},
            notices=[*notices, Notice.MADVISE_CHANGED] if madvise_changed else notices,
        )

    def _send_the_rest(self) -> MigrationError | None:
        """Send what the process lacks while it runs on the target; returns why that could not be done."""
        self._record.save(states.POSTCOPY_ACTIVE)
        self._progress.set_state(states.POSTCOPY_ACTIVE)
        with self._steps.step("postcopy"):
            try:
                self._strategy.after_commit(self._memory)
            except MigrationError as error:
                return error
        return None

    def _has_madvise_changed(self, source: SourceContext) -> bool:
        """Whether the process gave other advice about its memory (madvise(2)) between the snapshot and the freeze.

        To see that takes the walk over all pages that the freeze was spared.
        """
        if self._memory.pager is not source.pager or self._strategy.runs_before_commit:
            return False  # another pager does not have the snapshot; a process that was cloned went on after it
        try:
            source.pager.order("check_vmas")
            return bool(source.pager.expect("check_vmas", self._plan.timeout_s)["changed"])
        except MigrationError:
            return False  # the pager is gone, and the process runs on the target

    def _in_doubt(self, error: MigrationError) -> Outcome:
        """The target may have all it needs, and run on; the frozen copy is kept until the target was asked."""
        self._progress.set_state(states.FAILED)
        return self._with_statistics(Outcome.failed(Failure.of(error), Verdict.IN_DOUBT))

    def _state_lost(self, error: MigrationError) -> Outcome:
        """The target has reported that it stopped the process."""
        self._progress.set_state(states.FAILED)
        lost = MigrationError(
            f"{error} The process cannot run without the rest of its memory: it was stopped on {self._plan.peer}, and "
            "its old copy here must not run any more. Its state is lost; redeploy it.",
            **error.details,
        )
        return self._with_statistics(Outcome.failed(Failure.of(lost), Verdict.STATE_LOST))

    def _with_statistics(self, outcome: Outcome) -> Outcome:
        outcome.statistics = self._progress.snapshot()
        return outcome

    @staticmethod
    def _await_finished(control: Channel) -> Fields:
        try:
            return control.expect(messages.FINISHED, 30).fields
        except MigrationError:
            return {}  # the process runs there, which is what counts; the target's watchdog cleans up
        finally:
            control.close()

    # Before the commit every failure ends here

    def _undo(self, error: Exception) -> Outcome:
        """Roll back: the process runs on, with its connections."""
        if self._source is not None:
            self._source.stop_deadline()
            self._source.files.close()
        with self._steps.step("rollback"):
            ended = not self._root.alive  # then whatever failed, failed because of that
            error = self._ask_target_why(error)
            if self._memory.pager is not None:
                self._memory.pager.close()
            not_restored = source_cleanup.roll_back(self._record, self._engine, self._source)
            self._end_turn()
        if ended or not self._root.alive:  # a frozen v1 group holds back a SIGKILL
            error = ProcessEnded(
                f"The process of '{self._plan.name}' ended or was killed while it was being migrated ({error}). Its "
                "container stays on this host, and is started again if its restart policy says so.",
                **(error.details if isinstance(error, MigrationError) else {}),
            )
        outcome = Outcome.of_error(error)
        if not_restored:
            outcome.message += f" On this host these could not be set again: {'; '.join(not_restored)}."
        self._progress.set_state(outcome.state)
        outcome.steps = self._steps.list
        if self._source is not None and self._source.frozen_at_ms:
            outcome.process_downtime_ms = round(self._source.resumed_at_ms - self._source.frozen_at_ms, 2)
        outcome.commands = {"source": commands.history(), "target": []}
        return self._with_statistics(outcome)

    def _ask_target_why(self, error: Exception) -> Exception:
        """Have the target undo its part; the cause that it reports is preferred."""
        control = self._memory.control
        if control is None or isinstance(error, (PeerLost, PeerFailed)):
            if control is not None:
                control.close()
            return error
        is_frozen = self._source is not None and self._source.frozen_at_ms > 0
        try:
            control.send(messages.ABORT)
            timeout_s = _ABORTED_TIMEOUT_FROZEN_S if is_frozen else _ABORTED_TIMEOUT_S
            answer = control.expect(messages.ABORTED, timeout_s).fields
        except PeerFailed as target_error:
            return error if isinstance(error, (Cancelled, OSError)) else target_error
        except MigrationError:
            return error
        finally:
            control.close()
        if answer.get("fault") and not isinstance(error, Cancelled):
            return PeerFailed(str(answer["fault"]), **channel.as_details(answer.get("details")))
        return error

    def _on_worker_death(self, failure: Failure) -> Outcome:
        """What the watchdog does. A turn that the worker held is given up by its death; its file is left."""
        try:
            return self._resume_or_go_on(failure)
        finally:
            slots.remove_stale()

    def _resume_or_go_on(self, failure: Failure) -> Outcome:
        """The process runs here if the worker died before the commit.

        After the commit of a strategy that needs the source, the watchdog goes on with the copying.
        """
        if not self._record.path.exists():
            return Outcome.failed(failure, Verdict.IN_DOUBT)  # it was recovered, one way or the other
        current = MigrationRecord.load(self._record.path)
        if not current.needs_source:
            return Outcome.failed(failure, source_cleanup.on_worker_death(current, self._engine))
        self._record = current
        current.take_over()
        watchdog.reap_or_kill_children()
        # the strategy that finishes may not be the one that began; only post-copy's leaves something to send
        self._strategy = strategy_class(current.finished_by)()
        if current.state == states.COMMITTED:
            try:
                self._memory.reconnect()
            except MigrationError:
                return Outcome.failed(
                    failure, source_cleanup.on_worker_death(current, self._engine)
                )  # it may never have run there
        source_cleanup.link_down(current)
        error = self._send_the_rest()
        self._memory.disconnect()
        if error is not None and not isinstance(error, PeerFailed):
            return self._in_doubt(error)
        self.release(current, self._engine)
        if error is not None:
            return self._state_lost(error)
        self._progress.set_state(states.COMPLETED)
        return self._with_statistics(Outcome(Verdict.COMPLETED))
