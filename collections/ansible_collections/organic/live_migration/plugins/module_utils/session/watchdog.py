# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running one end of a migration so that nothing that is killed around it leaves a mess.

A worker process does the work; a guardian, its parent, waits. When the worker dies without a result, the guardian puts
things right. Both outlive the SSH session that Ansible started them by.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from ..errors import Cancelled, MigrationError, ProcessEnded
from ..host import processes

_PR_SET_CHILD_SUBREAPER = 36
SWITCHOVER_NICE = -10
"""nice(2) of what the NF stands still for. Below it, the rest of the host would stand still for 100 ms at a time."""
_BROKEN = "broken"
"""Marks the result of a worker that did not clean up behind itself."""

Result = dict[str, Any]


def failure(error: Exception) -> Result:
    """A result that tells what went wrong."""
    details = error.details if isinstance(error, MigrationError) else {}
    message = str(error) if isinstance(error, (MigrationError, OSError)) else f"{type(error).__name__}: {error}"
    status = "cancelled" if isinstance(error, Cancelled) else "failed"
    ended = isinstance(error, ProcessEnded)
    return {"ok": False, "status": status, "message": message, "details": details, "process_ended": ended}


def run_with_watchdog(work: Callable[[], Result], rescue: Callable[[], Result | None]) -> Result:
    """Run ``work`` in a child process and return its result.

    Args:
        work: returns a result that JSON can carry; it handles its own failures.
        rescue: called in this process when the worker died without a result, or of a fault of ours; may add to it.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # so that the worker's children are ours to end
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the end of the SSH session must not end this
    read_end, write_end = os.pipe()
    worker = os.fork()
    if worker == 0:
        status = 1
        try:
            os.close(read_end)
            os.setsid()
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            try:
                result = work()
            except Exception as error:  # a fault of ours still has to reach the user
                result = {**failure(error), _BROKEN: True}
            with os.fdopen(write_end, "w") as out:
                json.dump(result, out)
            status = 0
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    os.waitpid(worker, 0)
    try:
        result = dict(json.loads(text))
    except ValueError:
        result = {**failure(MigrationError("The process that worked on the migration died.")), _BROKEN: True}
    if result.pop(_BROKEN, False):
        result.update(rescue() or {})
        reap_or_kill_children()
    return result


def raise_priority() -> None:
    """The NF is about to stand still: the calling worker and what it has started, CRIU too, get the CPUs first."""
    os.setpriority(os.PRIO_PGRP, 0, SWITCHOVER_NICE)


def restore_priority() -> None:
    """The NF runs: what is still to be done takes no more of the CPUs than anybody's work."""
    os.setpriority(os.PRIO_PGRP, 0, 0)


def reap_or_kill_children(patience_s: float = 10) -> None:
    """Wait for what a dead worker left to end, CRIU; what has not by then is killed.

    Its peer is gone, so it fails and takes its code out of the process that it was dumping; killed, it could not.
    """
    for _attempt in range(2):
        deadline = time.monotonic() + patience_s
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.005)
        for child in processes.children(os.getpid()):
            for pid in reversed(processes.tree(child)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


_on_exit: list[Callable[[], None]] = []


def on_exit(act: Callable[[], None]) -> None:
    """Have ``act`` called at the end of what this process will have run in the background."""
    _on_exit.append(act)


def daemonize(work: Callable[[], None]) -> None:
    """Run ``work`` in a process that no longer belongs to the caller's session, and return at once."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for standard in range(3):
                os.dup2(null, standard)
            try:
                work()
            finally:
                for act in _on_exit:
                    act()
    finally:
        os._exit(0)
