# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of Ansible, and their results."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PLAYBOOKS = Path(__file__).with_name("playbooks")
TIMEOUT_S = 900

# The programs of the interpreter that runs the tests come first.
TEXT_ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_FORCE_COLOR": "0",
}
ENVIRONMENT = {
    **TEXT_ENVIRONMENT,
    "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
}
# Without an ssh master in the background, nothing of a killed ansible-playbook stays connected.
NO_SSH_MASTER_ENVIRONMENT = {**ENVIRONMENT, "ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none"}


@dataclass(frozen=True)
class PlaybookResult:
    """The result of one run of ansible-playbook or ansible.

    Attributes:
        status: exit status.
        data: output of the callback ansible.posix.json.
        errors: standard error.
    """

    status: int
    data: dict[str, Any]
    errors: str = ""

    @classmethod
    def parse(cls, status: int, output: str, errors: str) -> PlaybookResult:
        start = output.find("{\n")
        assert start >= 0, output + errors
        data, _end = json.JSONDecoder().raw_decode(output[start:])
        return cls(status, data, errors)

    @property
    def changed(self) -> int:
        """Number of changed tasks, over all hosts."""
        return sum(stats["changed"] for stats in self.data["stats"].values())

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Result of the last task by host."""
        hosts: dict[str, dict[str, Any]] = self.data["plays"][-1]["tasks"][-1]["hosts"]
        return hosts

    @property
    def messages(self) -> str:
        """The messages of all tasks, one a line."""
        return "\n".join(
            str(result.get("msg", ""))
            for play in self.data["plays"]
            for task in play["tasks"]
            for result in task["hosts"].values()
        )

    @property
    def items(self) -> list[dict[str, Any]]:
        """Results of the items of the last task, which ran on one host; one result when it has no loop."""
        [result] = self.results.values()
        items: list[dict[str, Any]] = result.get("results", [result])
        return items

    @property
    def only(self) -> dict[str, Any]:
        """The result of the only item."""
        [item] = self.items
        return item

    @property
    def warnings(self) -> list[str]:
        """Of the last task, which ran on one host; ansible-core takes them out of its items."""
        [result] = self.results.values()
        return [str(warning) for warning in result.get("warnings") or ()]

    @property
    def message(self) -> str:
        """The message of the only item."""
        return str(self.only.get("msg", ""))


class PlaybookRun:
    """A started run of ansible-playbook."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def result(self) -> PlaybookResult:
        """Wait until it ends."""
        output, errors = self.process.communicate(timeout=TIMEOUT_S)
        return PlaybookResult.parse(self.process.returncode, output, errors)

    def kill(self) -> None:
        """Kill the controller with its workers and ssh at once, as a crash of its host does."""
        kill_tree(self.process.pid)
        self.process.communicate()


def kill_tree(root: int) -> None:
    """Kill a process and all its descendants at once."""
    pids = [root]
    for pid in pids:  # the list grows during the loop
        # a short-lived helper may end between the listing and the signal
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def run(program: str, inventory: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Ansible with an inventory, whatever its exit status."""
    command = [program, "--inventory", inventory, *arguments]
    return subprocess.run(command, cwd=PROJECT, env=ENVIRONMENT, text=True, capture_output=True, check=False)


def run_playbook(*arguments: str) -> None:
    """Run ansible-playbook, which must succeed."""
    done = subprocess.run(
        ["ansible-playbook", *arguments], cwd=PROJECT, env=ENVIRONMENT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
