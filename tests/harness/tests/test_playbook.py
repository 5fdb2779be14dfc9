# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of Ansible are parsed, and a killed run leaves no process."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness.lab import ready_inventory
from tests.harness.playbook import PROJECT, PlaybookResult, kill_tree
from tests.harness.wait import until


def output(result: dict[str, Any]) -> str:
    play = {"tasks": [{"hosts": {"edge-a": {"msg": "first"}}}, {"hosts": {"edge-a": result}}]}
    data = {"plays": [play], "stats": {"edge-a": {"changed": 1}, "edge-b": {"changed": 2}}}
    return "[WARNING]: something\n" + json.dumps(data, indent=4) + "\nmore\n"


def test_a_result_has_the_items_of_the_last_task() -> None:
    found = PlaybookResult.parse(2, output({"results": [{"msg": "one"}, {"msg": "other"}]}), "errors")
    assert (found.status, found.changed, found.errors) == (2, 3, "errors")
    assert [item["msg"] for item in found.items] == ["one", "other"]
    assert found.messages == "first\n"


def test_a_task_without_a_loop_has_one_item() -> None:
    found = PlaybookResult.parse(0, output({"msg": "done"}), "")
    assert found.message == "done"
    assert found.only == found.results["edge-a"]


def test_output_without_a_result_is_shown() -> None:
    with pytest.raises(AssertionError, match="no such file"):
        PlaybookResult.parse(1, "", "no such file")


def test_a_process_is_killed_with_its_descendants() -> None:
    script = "sleep 1000 & sh -c 'sleep 1000 & echo $!; wait' & wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        grandchild = int(process.stdout.readline())
        kill_tree(process.pid)
        assert process.wait(10) == -signal.SIGKILL
        until(lambda: not running(grandchild), "the grandchild ends", 10)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_own_hosts_need_no_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_INVENTORY", "inventories/mine/hosts.yml")
    assert ready_inventory() == PROJECT / "inventories/mine/hosts.yml"
    monkeypatch.setenv("LAB_INVENTORY", "/elsewhere/hosts.yml")
    assert ready_inventory() == Path("/elsewhere/hosts.yml")


def test_a_condition_that_does_not_hold_is_named() -> None:
    with pytest.raises(AssertionError, match="not within 0 s: the sun rises"):
        until(lambda: False, "the sun rises", 0)
