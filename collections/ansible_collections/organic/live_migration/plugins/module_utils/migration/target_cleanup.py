# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the target's copy, by what was written down: completed, abandoned or discarded. All is idempotent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from ..criu.worker import resume
from ..engines.base import Engine
from ..errors import MigrationError
from ..host import cpu_time, libc, mounted_content, processes
from ..host.await_ticket import AwaitTicket
from ..host.freezer import Freezer
from ..host.processes import ProcessId
from ..network import interfaces, mirror_rules
from ..network.address_switch import AddressSwitch
from ..network.packet_hold import remove_rules
from ..session import states, watchdog
from ..session.journal import MigrationRecord
from . import restarts

KILL_TIMEOUT_S = 10
"""How long the end of a container may take; its init ends last (pid_namespaces(7))."""
_ADOPT = signal.SIGRTMIN
_INIT_STATE_TIMEOUT_S = 10
_CRIU_EXIT_TIMEOUT_S = 10


def await_init_state(init: ProcessId, state: str, ask: Callable[[], None] = lambda: None) -> None:
    """Wait until a resident init reports, by its process name, that it has entered a state; ask for it until then.

    It adopts the process only once that is its child, which it becomes when CRIU has ended.

    Raises:
        MigrationError: it does not, or has ended.
    """
    deadline = time.monotonic() + _INIT_STATE_TIMEOUT_S
    while processes.name(init.pid) != state:
        if time.monotonic() > deadline or not init.alive:
            raise MigrationError(
                f"The resident init on the target host did not reach the state '{state}'; see the container's log."
            )
        ask()
        time.sleep(0.005)


def adopt(record: MigrationRecord) -> None:
    """Have the init take the restored process for its own."""
    await_init_state(record.init, "resident-run", lambda: libc.sigqueue(record.init.pid, _ADOPT, record.root_pid))


def kill(record: MigrationRecord) -> None:
    """End everything in the container, without letting a restored process run.

    In a cluster its init stays: a container that ends by itself would count as failed, and be started again.
    """
    if record.freezer:
        Freezer(Path(record.freezer)).kill()
    if not record.service:
        record.init.kill()


def may_have_run(record: MigrationRecord) -> bool:
    """Whether the process may have run here: it was written down that it should, and then the freezer was opened."""
    return record.state == states.COMPLETED and not (record.freezer and Freezer(Path(record.freezer)).freeze_requested)


def complete(record: MigrationRecord, engine: Engine) -> None:
    """Remove what the migration made, once the process runs here."""
    if record.init.alive:
        cpu_time.restore(record.cpu_limit)
        try:
            remove_rules(record.init.pid, record.migration_id)
            _make_heard(record)
            adopt(record)
            for interface in record.kept_interfaces[:1]:
                interfaces.take_addresses_back(record.init.pid, record.lent_addresses, interface)
        except (MigrationError, OSError):
            if record.init.alive:
                raise
    if record.freezer:
        Freezer(Path(record.freezer)).remove()
    _remove_files(record)
    restarts.restore(record, engine)
    record.remove()


def _make_heard(record: MigrationRecord) -> None:
    """Of a clone whose commit was written down, and whose agent died before anybody knew of its addresses."""
    if record.interfaces:
        mirror_rules.remove(record.init.pid, record.migration_id)
        links = AddressSwitch(record.init.pid, record.interfaces)
        links.hidden = record.hidden_links
        links.show()
        links.take_over()
        links.close()
    record.mirror.kill(KILL_TIMEOUT_S)  # it goes on alone as long as the clone needs it


def complete_orphaned(record: MigrationRecord, engine: Engine) -> None:
    """Once all agents have died, and the pager has ended that had gone on alone."""
    if record.needs_source and not record.init.alive:
        abandon(record, engine)  # it may have been ended because it could not get its pages, see src/pager/target.c
    else:
        complete(record, engine)


def abandon(record: MigrationRecord, engine: Engine) -> None:
    """The process had run here and was stopped, as its memory is lost: what is left is a container that has exited."""
    engine.wait_until_stopped(record.container_id)
    _remove_files(record)
    record.remove()


def discard(record: MigrationRecord, engine: Engine) -> None:
    """Remove what was prepared here. The whole container dies at once, before CRIU could let anything run."""
    kill(record)
    if record.service:
        _remove_images(record)  # the await file stays until the cluster has ended the container
    else:
        if record.container_id:
            engine.remove(record.container_id)
        mounted_content.remove(record.created_paths)
        _remove_files(record)
    record.remove()


def resolve(record: MigrationRecord, engine: Engine) -> None:
    """Complete or discard what an agent that died has left, and its pager, if that went on alone."""
    if may_have_run(record):
        complete_orphaned(record, engine)
    else:
        discard(record, engine)


def on_worker_death(record: MigrationRecord, rpc: tuple[socket.socket, socket.socket], engine: Engine) -> None:
    """What the watchdog does when its worker died: the record says whether the process may have run.

    Args:
        rpc: both ends of the connection to CRIU, ours first.
    """
    if not record.path.exists():
        return  # it was recovered meanwhile
    current = MigrationRecord.load(record.path)
    current.cleanup_in_progress = True
    current.take_over()
    ours, theirs = rpc
    theirs.close()
    if current.state != states.COMPLETED:
        kill(current)
        ours.close()
        watchdog.reap_or_kill_children(patience_s=1)  # nothing is at stake, and the page server waits for more
        discard(current, engine)
        return
    resume(ours)
    Freezer(Path(current.freezer)).thaw()
    with contextlib.suppress(MigrationError, OSError):  # without its listener the hold lets nothing pass
        remove_rules(current.init.pid, current.migration_id)
        _make_heard(current)
    with contextlib.suppress(OSError):
        ours.settimeout(_CRIU_EXIT_TIMEOUT_S)
        while ours.recv(65536):  # until CRIU ends, which must not be killed: the process is still its child
            pass
    ours.close()
    if _wait_for_orphaned_pager(current.pager):
        complete_orphaned(current, engine)
    else:
        current.init.kill(KILL_TIMEOUT_S)
        abandon(current, engine)


def _wait_for_orphaned_pager(pager: ProcessId) -> bool:
    """Wait for a pager that goes on alone; returns whether the process has all its pages."""
    try:
        return os.waitpid(pager.pid, 0)[1] == 0
    except ChildProcessError:
        return True  # the agent ended it when its work was done, or after the container: see Target._await_memory


def _remove_files(record: MigrationRecord) -> None:
    AwaitTicket(record.await_name).revoke()
    _remove_images(record)


def _remove_images(record: MigrationRecord) -> None:
    if record.images.is_dir():
        with contextlib.suppress(OSError):
            libc.unmount(str(record.images))
        record.images.rmdir()
