# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls on a host: a local Python process takes the place of the host, with the real program."""

from __future__ import annotations

import subprocess
import sys
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
