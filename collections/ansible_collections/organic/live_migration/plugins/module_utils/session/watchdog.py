# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running one end of a migration so that nothing that is killed leaves it half done.

A worker process does the work; the watchdog, its parent, waits. When the worker is killed, or fails in a way that
nobody foresaw, the watchdog cleans up. Both outlive the SSH session that Ansible started them by.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from .. import typed
from ..errors import Failure
from ..host import processes
from .outcome import Outcome

_PR_SET_CHILD_SUBREAPER = 36
SWITCHOVER_NICE = -10
"""nice value during the switchover; lower values starved the rest of the host for 100 ms at a time."""
_KILLED = (
    "The migration worker was killed. Look for the reason in the host's kernel log (dmesg), for example the "
    "out-of-memory killer."
)


def run_with_watchdog(work: Callable[[], Outcome], on_worker_death: Callable[[Failure], Outcome]) -> Outcome:
    """Run ``work`` in a child process and return its outcome.

    Args:
        work: handles its own failures; an exception that it raises was not foreseen.
        on_worker_death: called in this process when the worker was killed, or raised; cleans up behind it.
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
                text = json.dumps({"outcome": typed.to_dict(work())})
            except Exception as error:  # whatever it is has to reach the user
                text = json.dumps({"failure": typed.to_dict(Failure.of(error))}, default=str)
            with os.fdopen(write_end, "w") as out:
                out.write(text)
            status = 0
        finally:
            os._exit(status)
    os.close(write_end)
    before = signal.signal(signal.SIGCHLD, lambda _number, _frame: _reap_adopted())
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    signal.signal(signal.SIGCHLD, before)
    os.waitpid(worker, 0)
    try:
        answer = json.loads(text)
        if "outcome" in answer:
            return typed.from_dict(Outcome, answer["outcome"], complete=True)
        failure = typed.from_dict(Failure, answer["failure"])
    except ValueError:
        failure = Failure(_KILLED)
    outcome = on_worker_death(failure)
    reap_or_kill_children()
    return outcome


def _reap_adopted() -> None:
    """Reap what has ended in a container whose nsenter was killed before it: until then the container cannot end."""
    ours = processes.namespaces_of(os.getpid())
    for child in processes.children(os.getpid()):
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            if processes.state(child) == "Z" and processes.namespaces_of(child) > ours:
                os.waitpid(child, os.WNOHANG)


def raise_priority() -> None:
    """Before the freeze: the calling worker and what it has started, CRIU too, get the CPUs first."""
    _set_nice(SWITCHOVER_NICE)


def restore_priority() -> None:
    """The process runs: what is still to be done gets no more of the CPUs than other programs."""
    _set_nice(0)


def _set_nice(nice: int) -> None:
    """Of the worker's process group, and of its session, which the kernel may weigh as one task: sched(7), autogroup.

    Nice values of processes then compare only within their session, and the worker has a session of its own.
    """
    os.setpriority(os.PRIO_PGRP, 0, nice)
    with contextlib.suppress(OSError):  # a kernel without CONFIG_SCHED_AUTOGROUP compares all processes
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


def reap_or_kill_children(patience_s: float = 10) -> None:
    """Wait until the children that a dead worker left, CRIU among them, have ended; kill those that have not by then.

    CRIU has lost its peer, so it fails and takes its code out of the process that it was dumping; killed, it could not.
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
