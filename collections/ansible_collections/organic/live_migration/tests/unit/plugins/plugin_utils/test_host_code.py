# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls on a host: a local Python process takes the place of the host, with the real program."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.plugin_utils import host_code

PACKAGE = "ansible_collections.organic.live_migration.plugins.module_utils"
CHECK = f"{PACKAGE}.session.journal:check_id"


class Action:
    """An action whose host is this machine."""

    def __init__(self, python: str = sys.executable, pipelining: bool = True) -> None:
        self._task = SimpleNamespace(delegate_to=None)
        self._templar = SimpleNamespace(template=lambda value: value)
        self._pipelining = pipelining
        self.task_vars = {"ansible_python_interpreter": python, "inventory_hostname": "edge-a"}
        self.programs: list[bytes] = []

    def _is_pipelining_enabled(self, _style: str) -> bool:
        return self._pipelining

    def _low_level_execute_command(self, command: str, in_data: bytes) -> dict[str, Any]:
        self.programs.append(in_data)
        done = subprocess.run(["/bin/sh", "-c", command], input=in_data, capture_output=True, check=False)
        text, errors = done.stdout.decode(), done.stderr.decode()
        return {"rc": done.returncode, "stdout": text, "stdout_lines": text.splitlines(), "stderr": errors}


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's."""
    path = tmp_path / "code"
    monkeypatch.setattr(host_code, "DIRECTORY", str(path))
    return path


def call(action: Action, migration_id: str = "0123456789abcdef", function: str = CHECK) -> Any:
    parameters: Any = migration_id
    return host_code.call(action, action.task_vars, (PACKAGE,), function, parameters)


def test_code_is_sent_once(directory: Path) -> None:
    action = Action()
    call(action)
    assert len(action.programs) == 2, "asked for what is there, then with the code"
    call(action)
    assert len(action.programs) == 3
    assert len(action.programs[2]) < 4000
    assert directory.stat().st_mode & 0o777 == 0o700
    [code] = directory.iterdir()
    assert list(code.rglob("*.pyc")), "compiled for the next call"


def test_message_of_an_exception_is_kept() -> None:
    with pytest.raises(AnsibleActionFail, match="check_id failed"):
        call(Action(), "no id")


def test_process_that_ends_without_an_answer() -> None:
    with pytest.raises(AnsibleActionFail, match="without an answer"):
        call(Action(python="/bin/false"))


def test_without_pipelining_or_interpreter_the_module_is_run() -> None:
    assert call(Action(pipelining=False)) is None
    assert call(Action(python="auto_silent")) is None


def test_code_that_others_can_change_is_not_used(directory: Path) -> None:
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    action = Action()
    assert call(action) is None
    assert list(directory.iterdir()) == []


def test_versions_that_were_not_used_for_long_are_removed(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    for number in range(6):
        (directory / f"old{number}").mkdir()
    call(Action())
    assert len(list(directory.iterdir())) == host_code._KEPT


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The host's directory. The path of a socket has at most 107 characters, those of pytest are too long."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "code")
        monkeypatch.setattr(host_code, "DIRECTORY", str(path))
        monkeypatch.setattr(host_code, "_warm", True)
        monkeypatch.setattr(host_code, "_IDLE_S", 1)
        yield path


def has_ended(directory: Path) -> bool:
    """Whether no server holds the lock."""
    [path] = directory.glob("*/.lock")
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def until(condition: Callable[[], bool], what: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_server_in_a_directory_that_others_can_change_is_not_asked(warm: Path) -> None:
    code = warm / host_code._digest((PACKAGE,))
    code.mkdir(parents=True)
    warm.chmod(0o777)
    asked = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is closed when the test ends
            while True:
                client = listener.accept()[0]
                with client:
                    asked.append(client.recv(1 << 16))
                    client.sendall(b"!" + json.dumps({"result": "of another user"}).encode())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(code / ".socket"))
        listener.listen()
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        answer = call(Action())
        listener.shutdown(socket.SHUT_RDWR)
    assert answer is None
    assert asked == []


def shell(action: Action, command: str) -> str:
    """Output of a command that a call runs."""
    parameters: Any = command
    return str(host_code.call(action, action.task_vars, (PACKAGE,), "subprocess:getoutput", parameters))


def server(action: Action) -> int:
    """The process that serves the calls of the host: the parent of the one that runs the command."""
    return int(shell(action, "sed -n 's/^PPid:\t//p' /proc/$PPID/status"))


def test_calls_of_a_warm_host_are_answered_by_a_process_that_has_the_code(warm: Path) -> None:
    action = Action()
    call(action)
    assert len({server(action) for _number in range(3)}) == 1
    with pytest.raises(AnsibleActionFail, match="check_id failed"):
        call(action, "no id")
    with pytest.raises(AnsibleActionFail, match="its process was killed"):
        shell(action, "kill -9 $PPID")
    assert len(action.programs) == 7, "the code is asked for only once"
    first = server(action)
    # A daemon that a call leaves keeps neither the answer nor the server.
    assert shell(action, "sleep 3 >/dev/null 2>&1 & echo started") == "started"
    until(lambda: has_ended(warm), "the server has ended, as nobody calls", timeout_s=10)
    assert not list(warm.glob("*/.socket"))
    call(action)
    assert server(action) != first
    until(lambda: has_ended(warm), "the second server has ended", timeout_s=10)


def test_a_socket_that_nobody_serves_is_no_obstacle(warm: Path) -> None:
    action = Action()
    call(action)
    first = server(action)
    os.kill(first, signal.SIGKILL)
    until(lambda: has_ended(warm), "it is gone", timeout_s=10)
    assert list(warm.glob("*/.socket"))
    call(action)
    assert server(action) != first
    until(lambda: has_ended(warm), "the second server has ended", timeout_s=10)


def test_without_need_nothing_stays(directory: Path) -> None:
    call(Action())
    assert not list(directory.glob("*/.socket"))
    assert not list(directory.glob("*/.lock"))
