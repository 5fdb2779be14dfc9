# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target's end of a migration: a container that awaits, then a process in it, stopped until the commit."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from .. import typed
from ..criu.worker import PRE_RESUME, Interrupted
from ..engines.base import Engine
from ..engines.spec import ContainerSpec
from ..errors import Failure, MigrationError, PeerLost
from ..host import commands, processes, sleeps
from ..host.container import Container
from ..host.files import FileSet
from ..host.freezer import Freezer
from ..host.steps import Steps
from ..memory.pager import Answer
from ..network import tun_packets, unread_datagrams
from ..network.interfaces import Interface
from ..network.packet_hold import RELEASE_BATCH
from ..session import messages, states, watchdog
from ..session.channel import Channel, Listener, Message
from ..session.journal import MigrationRecord
from ..session.options import Plan
from ..session.outcome import Outcome, Verdict
from ..strategies.base import Strategy
from ..strategies.context import TargetContext
from ..strategies.post_copy import NO_TIMEOUT_S
from ..strategies.registry import strategy_class
from . import abandoned, awaiting, left_out, target_cleanup, target_setup
from .ends import TargetEnd
from .received_images import write_images
from .target_clone import TargetClone
from .target_setup import PreparedTarget, TargetSetup

_CONNECT_TIMEOUT_S = 30
_COMMIT_TIMEOUT_S = 30
"""How long a restored process waits, stopped, for the commit. Then it is discarded; it has never run."""


class Target(TargetEnd):
    """One migration as the target host sees it.

    Args:
        plan: of the migration.
        source: the container on the source host.
        engine: of this host.
    """

    may_have_run = staticmethod(target_cleanup.may_have_run)
    resolve = staticmethod(target_cleanup.resolve)

    def __init__(self, plan: Plan, source: ContainerSpec, engine: Engine) -> None:
        self._plan = plan
        self._source = source
        self._engine = engine
        self._strategy: Strategy = strategy_class(plan.options.strategy)()
        self._record = MigrationRecord(
            plan.migration_id,
            states.TARGET,
            plan.name,
            "",
            plan.peer,
            await_name=source.await_key or plan.name,
            restart_policy=source.restart_policy,
            service=source.service,
            kept_interfaces=list(source.kept_interfaces),
            lent_addresses=list(source.kept_addresses),
        )
        self._steps = Steps()
        self._prepared: PreparedTarget | None = None
        self._clone: TargetClone | None = None
        self._is_memory_lost = False
        # made before the worker is forked, so that the watchdog holds it open too: see CriuWorker
        self._rpc = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def prepare(self, mount_copies: Mapping[str, str]) -> int:
        """Create and start the awaiting container, and an agent that waits for the source.

        Args:
            mount_copies: see :meth:`ends.TargetEnd.prepare`.

        Returns:
            The TCP port to which the source must connect.
        """
        began_s = time.monotonic()
        try:
            container = self._awaiting(mount_copies)
            self._record.init_pid, self._record.init_start_time = container.init.pid, container.init.start_time
            target_cleanup.await_init_state(container.init, "resident-await")
            found = target_setup.deactivate_interfaces(container.init.pid, self._source)
            listener = Listener(self._plan.credentials)
            self._record.source_awaited_until_s = abandoned.deadline(began_s)
            self._record.save()
        except BaseException:
            target_cleanup.discard(self._record, self._engine)
            raise

        def on_worker_death(failure: Failure) -> Outcome:
            target_cleanup.on_worker_death(self._record, self._rpc, self._engine)
            return Outcome.failed(failure)

        def serve() -> None:
            watchdog.run_with_watchdog(lambda: self._serve(container, found, listener), on_worker_death)

        watchdog.daemonize(serve)
        self._record.await_other_agent()
        listener.close()
        return listener.port

    def _awaiting(self, mount_copies: Mapping[str, str]) -> Container:
        if self._source.service:
            return awaiting.placed(self._engine, self._record)
        # far beyond what any step may take: a restored process must not find its init gone
        patience_s = 10 * self._plan.timeout_s + _COMMIT_TIMEOUT_S
        return awaiting.started(self._source, self._engine, self._record, mount_copies, patience_s)

    def _serve(self, container: Container, found: list[Interface], listener: Listener) -> Outcome:
        self._record.adopt()
        self._record.save()
        control: Channel | None = None
        try:
            control = listener.accept(max(_CONNECT_TIMEOUT_S, self._plan.timeout_s))
            self._record.source_awaited_until_s = 0.0
            self._record.save()
            messages.check_hello(control.expect(messages.HELLO, 10).fields)
            pages = self._accept_stream(listener, messages.PAGES)
            setup = TargetSetup(self._plan, container, found, self._record, self._rpc, self._strategy.places_directly)
            self._converse(container, setup, control, listener, pages)
        except (MigrationError, OSError, ValueError) as error:
            failure = Failure.of(self._own_error() or error)
            self._kill_process()
            self._report(failure, control)
            self._abort()
            return Outcome.failed(failure)
        except Exception as error:  # nobody foresaw it; the watchdog cleans up
            if not self.may_have_run(self._record):
                self._kill_process()
                self._report(Failure.of(error), control)
            raise
        return Outcome(Verdict.COMPLETED)

    @staticmethod
    def _report(failure: Failure, control: Channel | None) -> None:
        if control is not None:
            with contextlib.suppress(MigrationError):
                control.send(messages.FAILED, **typed.to_dict(failure))

    def _accept_pager(self, listener: Listener) -> list[socket.socket]:
        return [self._accept_stream(listener, messages.PAGER) for _number in range(self._plan.options.connections)]

    def _accept_stream(self, listener: Listener, purpose: str) -> socket.socket:
        connection = listener.accept(10)
        connection.expect(purpose, 10)
        return connection.to_stream(self._plan.options.is_encrypted).plain

    def _converse(
        self, container: Container, setup: TargetSetup, control: Channel, listener: Listener, pages: socket.socket
    ) -> None:
        """Handle the source's messages in their order, until the process runs or the source gives up."""
        pager_connections = self._accept_pager(listener)
        pauses = self._plan.options.pause_before_switchover
        # the source sends nothing through the rounds, or through these, a pause and another round
        patience_s = (3 if pauses else 1) * self._plan.timeout_s + _COMMIT_TIMEOUT_S
        while True:
            message = control.receive(patience_s)
            prepared = self._prepared
            if message.kind == messages.FILES:
                FileSet(container, container.mounts()).unpack(message.blob, list(message.fields["gone"]))
                control.send(messages.UNPACKED)
            elif message.kind == messages.ARM:
                with self._steps.step("setup"):
                    self._prepared = setup.prepare(message.fields, pages, pager_connections)
                control.send(messages.ARMED, links=self._prepared.link_numbers)
            elif message.kind == messages.PREPARE_CLONE and prepared is not None:
                stream = self._accept_stream(listener, messages.MIRROR)
                self._clone = TargetClone(self._record, prepared, stream)
                control.send(messages.CLONE_PREPARED)
            elif self._clone is not None and self._clone.follow(message, control):
                if message.kind == messages.COMMIT and prepared is not None:
                    self._complete(prepared, control, listener)
                    return
            elif message.kind == messages.SWITCH and prepared is not None:
                prepared.links.activate()
                prepared.configuration.finish()
                control.send(messages.SWITCHED)
                prepared.links.keep_announcing()
            elif message.kind == messages.IMAGES and prepared is not None:
                self._strategy = strategy_class(str(message.fields["finished_by"]))()
                try:
                    self._restore(container, prepared, message, control)
                except Interrupted:
                    prepared.pager.await_end(0)
                    continue  # the source has given up
                control.send(messages.RESTORED, steps=self._steps.list)
                if self._clone is not None and self._strategy.runs_before_commit:
                    continue  # the source has further orders for the clone
                self._run(prepared, control, listener)
                return
            elif message.kind == messages.ABORT:
                error = self._own_error()
                self._kill_process()
                with contextlib.suppress(PeerLost):
                    control.send(messages.ABORTED, fault=str(error or ""), details=error.details if error else {})
                self._abort()
                return
            else:
                raise PeerLost(f"The source host sent an unexpected message '{message.kind}'")

    def _restore(self, container: Container, prepared: PreparedTarget, message: Message, control: Channel) -> None:
        """Restore from the images; the process is complete and stopped when this returns."""
        with self._steps.step("pages_received"):
            prepared.page_server.wait(self._plan.timeout_s)
        if message.fields["gone"] or message.fields["archive_bytes"]:
            with self._steps.step("files_unpacked"):
                archive = message.blob[: message.fields["archive_bytes"]]
                FileSet(container, container.mounts()).unpack(archive, list(message.fields["gone"]))
        with self._steps.step("images_written"):
            try:
                inventory = write_images(prepared.images, message)
            except OSError as error:
                raise MigrationError(
                    f"The images cannot be written on the target host: {error.strerror}. Their file system holds "
                    f"{self._plan.images_bytes >> 20} MiB; if the process has grown meanwhile, run it again."
                ) from None
        with self._steps.step("criu_restore"):
            os.set_blocking(prepared.inventory, True)
            with contextlib.suppress(BrokenPipeError):  # CRIU has ended, which the next call reports
                os.write(prepared.inventory, inventory)
            os.close(prepared.inventory)
            interrupt_fds = [control.fileno(), os.pidfd_open(prepared.pager.process_id.pid)]
            try:
                prepared.criu.run_until(PRE_RESUME, self._plan.timeout_s, interrupt_fds)
            finally:
                os.close(interrupt_fds[1])
            # CRIU, too: if it were killed from now on, what it has restored would run
            Freezer(Path(self._record.freezer)).request_freeze()
            prepared.pager.order("restored")
            prepared.pager.expect("restored", 10)
            arrived_at = len(message.blob) - int(message.fields["arrived_bytes"])
            packets = message.blob[arrived_at - int(message.fields["tun_bytes"]) : arrived_at]
            tun_packets.put(container.init.pid, tun_packets.unpack(packets))
            arrived = message.blob[arrived_at:]
            prepared.sleeps = left_out.apply(container, prepared.criu, message, prepared.cpus)
            prepared.delivered, prepared.lost_packets = unread_datagrams.deliver(container.init.pid, arrived)
        self._record.save(states.RESTORED)

    def _run(self, prepared: PreparedTarget, control: Channel, listener: Listener) -> None:
        """Wait, with the process stopped, for the commit; then let it run."""
        freezer = Freezer(Path(self._record.freezer))
        restored = prepared.criu.pid_of(self._record.root_pid)
        # the source sends it when all memory is here
        control.expect(messages.COMMIT, self._plan.timeout_s + _COMMIT_TIMEOUT_S)
        prepared.pager.order("before_run")
        prepared.pager.expect("before_run", 10)
        sleeps.apply(prepared.sleeps)
        if restored not in freezer.members or freezer.has_killed_member:
            raise MigrationError("The restored process was killed on the target host before it ran.")
        # written down first: whoever finds this record, and the freezer open, knows that the process may have run
        self._record.needs_source = self._strategy.needs_source_after_commit
        self._record.save(states.COMPLETED)
        prepared.hold.release_some(max(0, RELEASE_BATCH - prepared.delivered))
        prepared.criu.resume()
        freezer.thaw()
        self._complete(prepared, control, listener)

    def _complete(self, prepared: PreparedTarget, control: Channel, listener: Listener) -> None:
        """The process runs: nothing may undo it any more. A source that does not hear this asks for the outcome."""
        with contextlib.suppress(PeerLost):
            control.send(messages.RUNNING, held_packets=prepared.hold.held)
        error = self._remove_holds(prepared)
        watchdog.restore_priority()  # until now it would cost those who wait for what is held
        prepared.limit_cpu()
        statistics = prepared.criu.statistics()
        target = TargetContext(self._plan, control, listener, prepared.pager, lambda: self._accept_pager(listener))
        placed = self._clone.placed if self._clone is not None else self._await_memory(target)
        listener.close()
        prepared.pager.close()
        if error is not None and self._record.init.alive:
            raise error
        target_cleanup.complete(self._record, self._engine)
        ended = not self._record.init.alive  # at the last moment: a container that ends before is noticed here only
        with contextlib.suppress(PeerLost):
            target.control.send(
                messages.FINISHED,
                criu=statistics,
                pager=placed,
                commands=commands.history(),
                ended=ended,
                lost_packets=prepared.lost_packets,
            )
        target.control.close()

    def _remove_holds(self, prepared: PreparedTarget) -> Exception | None:
        """Remove what held the process; returns what failed, which must not cost it the rest of its memory.

        The process may also end by itself at any moment, and its namespaces with it.
        """
        try:
            if self._clone is None:
                prepared.hold.release_paced()
                prepared.count_losses(self._record.init_pid)
            with contextlib.suppress(MigrationError):
                prepared.criu.await_end(10)
            prepared.criu.close()
            prepared.page_server.close()
            prepared.links.close()
            prepared.configuration.close()
            (prepared.hold.remove if self._clone is None else self._clone.finish)()
            target_cleanup.adopt(self._record)  # before the init gives up waiting: the memory may take longer
        except (MigrationError, OSError) as error:
            return error
        return None

    def _await_memory(self, target: TargetContext) -> Answer:
        """Wait until the process has all its memory; returns the pager's figures.

        Raises:
            MigrationError: some of it is lost; the process has been stopped.
        """
        try:
            self._strategy.complete(target)
            target.pager.order("finish")
            placed = target.pager.expect("finish", NO_TIMEOUT_S)
            if self._strategy.needs_source_after_commit:
                with contextlib.suppress(PeerLost):
                    target.control.send(messages.PLACED_ALL)
        except MigrationError:
            self._is_memory_lost = True
            self._record.init.kill(target_cleanup.KILL_TIMEOUT_S)  # it must not run on incomplete memory
            target.pager.close()
            raise
        return placed

    def _own_error(self) -> MigrationError | None:
        """What failed here by itself before the commit. All else that either host has seen may follow from it."""
        if self.may_have_run(self._record):
            return None  # we may have ended the container: see _await_memory
        if processes.is_killed(self._record.init.pid):
            return MigrationError("The awaiting container ended on the target host.")
        if self._prepared is None:
            return None
        return self._prepared.page_server.fault or self._prepared.pager.fault

    def _kill_process(self) -> None:
        """Before the commit, end all that is in the container: the source may go on as soon as it is told."""
        if not self.may_have_run(self._record):
            target_cleanup.kill(self._record)
            with contextlib.suppress(OSError):
                self._record.note_cleanup()  # or a controller that hears of the failure would end this agent meanwhile
            if self._clone is not None:
                self._clone.discard()
            if self._prepared is not None:
                with contextlib.suppress(OSError):  # the container's interfaces have ended with it
                    self._prepared.links.withdraw()

    def _abort(self) -> None:
        """Undo everything. A process that is restored here has never run, and is discarded."""
        if not self.may_have_run(self._record):
            target_cleanup.discard(self._record, self._engine)
            if self._prepared is not None:
                self._prepared.close()
        elif self._is_memory_lost:
            target_cleanup.abandon(self._record, self._engine)
        else:
            target_cleanup.complete(self._record, self._engine)
