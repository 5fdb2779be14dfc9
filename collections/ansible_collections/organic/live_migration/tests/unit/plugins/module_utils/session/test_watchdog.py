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
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Cancelled, CriuFailed, MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes
from ansible_collections.organic.live_migration.plugins.module_utils.session import watchdog


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


def run_with_watchdog(
    work: Callable[[], watchdog.Result], cleanup_in_progress: watchdog.Result | None = None
) -> tuple[watchdog.Result, int]:
    """The result, and how often the guardian was called to the rescue."""

    def run() -> tuple[watchdog.Result, int]:
        calls: list[int] = []

        def rescue() -> watchdog.Result | None:
            calls.append(os.getpid())
            return cleanup_in_progress

        result = watchdog.run_with_watchdog(work, rescue)
        assert set(calls) <= {os.getpid()}
        return result, len(calls)

    return apart(run)


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def test_a_result_comes_back_and_nobody_is_rescued() -> None:
    assert run_with_watchdog(lambda: {"ok": True, "steps": [1.5]}) == ({"ok": True, "steps": [1.5]}, 0)


def test_a_failure_that_the_work_handled_is_its_result() -> None:
    handled = watchdog.failure(CriuFailed("dump", ["Error (criu/x.c:1): no"]))
    result, rescues = run_with_watchdog(lambda: handled)
    assert (result, rescues) == (handled, 0)
    assert not result["process_ended"]
    assert result["details"] == {"criu_log": ["Error (criu/x.c:1): no"]}


def test_a_killed_worker_is_rescued() -> None:
    result, rescues = run_with_watchdog(die, {"in_doubt": True})
    assert (result["ok"], result["in_doubt"], rescues) == (False, True, 1)
    assert "died" in result["message"]


def test_a_fault_of_ours_is_rescued_and_told() -> None:
    """Whatever it is: a NF must not stay frozen because of a KeyError."""
    result, rescues = run_with_watchdog(lambda: {"ok": {}["steps"]})
    assert (result, rescues) == (watchdog.failure(KeyError("steps")), 1)
    assert result["message"] == "KeyError: 'steps'"


def test_a_result_that_cannot_be_told_is_no_result() -> None:
    result, rescues = run_with_watchdog(lambda: {"ok": object()})
    assert (result["ok"], rescues) == (False, 1)


def test_what_a_dead_worker_started_is_awaited(tmp_path: Path) -> None:
    """As CRIU, which cleans up when it finds its peer gone."""

    def work() -> watchdog.Result:
        script = "import sys, time; sys.stdin.read(); time.sleep(0.2); open(sys.argv[1], 'w').close()"
        subprocess.Popen([sys.executable, "-ISc", script, str(tmp_path / "clean")], stdin=subprocess.PIPE)
        die()

    assert run_with_watchdog(work)[1] == 1
    assert (tmp_path / "clean").exists()


def test_what_does_not_end_is_ended(tmp_path: Path, monkeypatch: Any) -> None:
    """The guardian waits for ten seconds; here its clock runs fast."""
    clock = time.monotonic
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: 100 * clock())

    def work() -> watchdog.Result:
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


def test_a_failure_of_the_system_is_told_as_it_is() -> None:
    assert watchdog.failure(OSError(28, "No space left on device"))["message"] == "[Errno 28] No space left on device"
    assert watchdog.failure(MigrationError("why", criu_log=[]))["details"] == {"criu_log": []}


def test_an_order_to_cancel_is_told_apart_from_a_failure() -> None:
    assert watchdog.failure(Cancelled())["status"] == "cancelled"
    assert watchdog.failure(MigrationError("broken"))["status"] == "failed"


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
