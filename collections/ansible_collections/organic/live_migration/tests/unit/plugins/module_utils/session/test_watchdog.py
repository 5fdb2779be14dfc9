# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import CriuFailed, Failure, MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes
from ansible_collections.organic.live_migration.plugins.module_utils.session import watchdog
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Notice, Outcome, Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Snapshot


def apart(work: Callable[[], Any]) -> Any:
    """Run work in a process of its own, which has no children yet, and return its result."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(write_end, pickle.dumps(work()))
            status = 0
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        data = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return pickle.loads(data)


def run_with_watchdog(work: Callable[[], Outcome], verdict: Verdict = Verdict.ROLLED_BACK) -> tuple[Outcome, int]:
    """The outcome, and how often the watchdog had to clean up, which it ends with the verdict."""

    def run() -> tuple[Outcome, int]:
        calls: list[int] = []

        def on_worker_death(failure: Failure) -> Outcome:
            calls.append(os.getpid())
            return Outcome.failed(failure, verdict)

        outcome = watchdog.run_with_watchdog(work, on_worker_death)
        assert set(calls) <= {os.getpid()}
        return outcome, len(calls)

    found: tuple[Outcome, int] = apart(run)
    return found


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def test_an_outcome_comes_back_and_nothing_is_cleaned_up() -> None:
    whole = Outcome(
        Verdict.COMPLETED, process_downtime_ms=1.5, statistics=Snapshot("0" * 16), notices=[Notice.MADVISE_CHANGED]
    )
    assert run_with_watchdog(lambda: whole) == (whole, 0)


def test_a_failure_that_the_work_handled_is_its_outcome() -> None:
    handled = Outcome.of_error(CriuFailed("dump", ["Error (criu/x.c:1): no"]))
    assert run_with_watchdog(lambda: handled) == (handled, 0)
    assert handled.details == {"criu_log": ["Error (criu/x.c:1): no"]}


def test_the_watchdog_cleans_up_behind_a_killed_worker() -> None:
    outcome, calls = run_with_watchdog(die, Verdict.IN_DOUBT)
    assert (outcome.verdict, calls) == (Verdict.IN_DOUBT, 1)
    assert "worker was killed" in outcome.message


def test_the_watchdog_cleans_up_after_an_internal_error_whose_traceback_is_kept() -> None:
    """Whatever it is: a process must not stay frozen because of a KeyError."""

    def work() -> Outcome:
        return Outcome({}["steps"])

    outcome, calls = run_with_watchdog(work)
    assert (outcome.verdict, calls) == (Verdict.ROLLED_BACK, 1)
    assert outcome.message.startswith("Internal error: KeyError: 'steps'. ")
    assert 'return Outcome({}["steps"])' in outcome.traceback


def test_an_outcome_that_cannot_be_written_is_an_internal_error() -> None:
    outcome, calls = run_with_watchdog(lambda: Outcome(Verdict.COMPLETED, details={"odd": object()}))
    assert (outcome.verdict, calls) == (Verdict.ROLLED_BACK, 1)
    assert "not JSON serializable" in outcome.message


def test_what_a_dead_worker_started_is_awaited(tmp_path: Path) -> None:
    """As CRIU, which cleans up when it finds its peer gone."""

    def work() -> Outcome:
        script = "import sys, time; sys.stdin.read(); time.sleep(0.2); open(sys.argv[1], 'w').close()"
        subprocess.Popen([sys.executable, "-ISc", script, str(tmp_path / "clean")], stdin=subprocess.PIPE)
        die()

    assert run_with_watchdog(work)[1] == 1
    assert (tmp_path / "clean").exists()


def test_what_does_not_end_is_ended(tmp_path: Path, monkeypatch: Any) -> None:
    """The watchdog waits for ten seconds; here its clock runs fast."""
    clock = time.monotonic
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: 100 * clock())

    def work() -> Outcome:
        script = "import os, signal, sys; os.fork(); print(os.getpid(), file=sys.stderr); signal.pause()"
        with open(tmp_path / "pids", "wb") as pids:
            subprocess.Popen([sys.executable, "-ISc", script], stderr=pids)
        while len((tmp_path / "pids").read_text().splitlines()) < 2:
            time.sleep(0.002)
        die()

    assert run_with_watchdog(work)[1] == 1
    for pid in (tmp_path / "pids").read_text().split():
        assert not Path(f"/proc/{pid}").exists()


def test_work_in_the_background_outlives_its_session(tmp_path: Path, until: Callable[..., None]) -> None:
    def work() -> None:
        (tmp_path / "pid").write_text(f"{os.getpid()} {os.getsid(0)} {os.readlink('/proc/self/fd/1')}")
        while not (tmp_path / "go").exists():
            time.sleep(0.002)
        (tmp_path / "done").touch()

    caller = os.fork()
    if caller == 0:
        try:
            watchdog.daemonize(work)
        finally:
            os._exit(0)
    assert os.waitpid(caller, 0)[1] == 0
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it works")
    pid, its_session, standard_output = (tmp_path / "pid").read_text().split()
    assert int(its_session) != os.getsid(0)
    assert standard_output == "/dev/null"
    worker = processes.ProcessId.of(int(pid))
    (tmp_path / "go").touch()
    until(lambda: (tmp_path / "done").exists() and not worker.alive, "it ends")


@pytest.mark.parametrize("fails", [True, False])
def test_what_is_held_is_given_back_when_the_background_is_done(
    tmp_path: Path, until: Callable[..., None], fails: bool
) -> None:
    def work() -> None:
        (tmp_path / "worked").touch()
        if fails:
            raise MigrationError("broken")

    caller = os.fork()
    if caller == 0:
        try:
            watchdog.on_exit((tmp_path / "given-back").touch)
            watchdog.daemonize(work)
        finally:
            os._exit((tmp_path / "given-back").exists() and not (tmp_path / "worked").exists())
    assert os.waitpid(caller, 0)[1] == 0
    until((tmp_path / "given-back").exists, "it is given back")
    assert (tmp_path / "worked").exists()


def test_what_ends_in_a_container_is_reaped_so_that_the_container_can_end(as_root: None) -> None:
    """The first process of a PID namespace ends last; here another process of it is adopted by the watchdog."""

    def started(*command: str) -> tuple[subprocess.Popen[bytes], int]:
        """A program, and the process that it has started in the namespace."""
        program = subprocess.Popen(command)
        while not processes.children(program.pid):
            time.sleep(0.005)
        return program, processes.children(program.pid)[0]

    def work() -> Outcome:
        unshare, init = started("unshare", "--pid", "--fork", "sleep", "60")
        nsenter, inside = started("nsenter", "--target", str(init), "--pid", "sleep", "60")
        nsenter.kill()
        nsenter.wait()
        os.kill(inside, signal.SIGKILL)
        os.kill(init, signal.SIGKILL)
        try:
            unshare.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return Outcome(Verdict.ROLLED_BACK)
        return Outcome(Verdict.COMPLETED)

    outcome, calls = run_with_watchdog(work)
    assert (outcome.verdict, calls) == (Verdict.COMPLETED, 0)


AUTOGROUP = Path("/proc/self/autogroup")


@pytest.mark.skipif(os.getuid() != 0, reason="a priority is raised by root")
@pytest.mark.skipif(
    not AUTOGROUP.exists(), reason="this kernel does not group tasks by session (CONFIG_SCHED_AUTOGROUP)"
)
def test_a_raised_priority_is_that_of_the_session() -> None:
    def nice() -> tuple[int, int]:
        return os.getpriority(os.PRIO_PROCESS, 0), int(AUTOGROUP.read_text().split()[-1])

    def work() -> tuple[tuple[int, int], tuple[int, int]]:
        os.setsid()
        watchdog.raise_priority()
        raised = nice()
        watchdog.restore_priority()
        return raised, nice()

    assert apart(work) == ((watchdog.SWITCHOVER_NICE, watchdog.SWITCHOVER_NICE), (0, 0))
