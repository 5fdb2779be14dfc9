# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of migrations in a real terminal (tmux), in a log, and with a callback that writes JSON.

The migrations are announced by an action of the test, which waits for the test between two steps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.apt import TMUX, needs
from tests.harness.terminal import Terminal
from tests.harness.terminal import terminal as a_terminal
from tests.harness.wait import until

pytestmark = pytest.mark.exhaustive
ROOT = Path(__file__).resolve().parents[2]
CALLBACK = "organic.live_migration.migration_progress"
ACTION = """
import time
from pathlib import Path
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Event, Snapshot
from ansible_collections.organic.live_migration.plugins.plugin_utils import ansible_compat
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        hosts = Hosts(self, task_vars, "edge-b")
        names = self._task.args["names"]
        batch = {"source_host": "edge-a", "total": len(names), "moved": 0, "not_moved": 0, "running": names}
        if len(names) > 1:
            ansible_compat.send_batch(self, batch, task_vars)
        for number, state in enumerate(("setup", "active", "switchover")):
            for name in names:
                events = [Event(one, 1.0) for one in ("setup", "active", "switchover")[: number + 1]]
                hosts.announce(Snapshot(f"id-{name}", name, state=state, round=number, remaining_bytes=3 << 20,
                                        expected_downtime_ms=41.0, events=events))
            while not Path(self._task.args.get("directory", "."), f"go-{state}").exists():
                time.sleep(0.01)
        return {"changed": True}
"""
PLAY = """
- name: Move
  hosts: edge-a
  gather_facts: false
  tasks:
    - name: Move them
      move:
        names: "{{ names }}"
    - name: Greet
      ansible.builtin.debug:
        msg: hello
"""
STATES = ("setup", "active", "switchover")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder, text in (("action_plugins", ACTION), ("library", "")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "move.py").write_text(text)
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "hosts.yml").write_text("all: {hosts: {edge-a: , edge-b: }, vars: {ansible_connection: local}}")
    return tmp_path


def environment(callback: str) -> dict[str, str]:
    wanted = {"ANSIBLE_STDOUT_CALLBACK": callback, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
              "ANSIBLE_NOCOLOR": "1"}  # fmt: skip
    return {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE")} | wanted


def command(*names: str) -> list[str]:
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return [program, "-i", "hosts.yml", "play.yml", "-e", json.dumps({"names": names})]


def go(project: Path, *states: str) -> None:
    for state in states:
        (project / f"go-{state}").touch()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with a_terminal(tmp_path) as made:
        yield made


def start(terminal: Terminal, project: Path, *names: str, columns: int = 100, rows: int = 24) -> None:
    theirs = {key: value for key, value in environment(CALLBACK).items() if key.startswith("ANSIBLE")}
    terminal.start(project, command(*names), theirs, columns, rows)


@needs(TMUX)
def test_a_migration_is_one_line_which_is_gone_at_its_end(terminal: Terminal, project: Path) -> None:
    start(terminal, project, "smf")
    terminal.await_screen("smf (edge-a -> edge-b)  setup")
    go(project, "setup")
    screen = terminal.await_screen("smf (edge-a -> edge-b)  active  round 1  3.0 MiB left  41 ms of downtime")
    assert sum("smf (edge-a" in line for line in screen) == 1
    go(project, "active", "switchover")
    screen = terminal.await_screen("ended with 0")
    assert "changed: [edge-a]" in screen
    assert not [line for line in screen if "smf (edge-a" in line]


@needs(TMUX)
def test_several_migrations_of_a_drain_have_a_line_each(terminal: Terminal, project: Path) -> None:
    start(terminal, project, "smf", "upf", "nrf")
    terminal.await_screen("nrf (edge-a -> edge-b)  setup")
    go(project, "setup")
    terminal.await_screen("nrf (edge-a -> edge-b)  active")
    go(project, "active")
    screen = terminal.await_screen("nrf (edge-a -> edge-b)  switchover")
    at = screen.index("edge-a: 0 of 3 done, on their way: smf upf nrf")
    figures = "switchover  round 2  3.0 MiB left  41 ms of downtime"
    assert screen[at + 1 :] == [f"{name} (edge-a -> edge-b)  {figures}" for name in ("smf", "upf", "nrf")]
    go(project, "switchover")
    screen = terminal.await_screen("ended with 0")
    assert not [line for line in screen if "on their way" in line or "(edge-a ->" in line]
    task = next(number for number, line in enumerate(screen) if line.startswith("TASK [Move them]"))
    assert screen[task + 1] == "changed: [edge-a]"


@needs(TMUX)
def test_a_small_terminal_is_not_overrun(terminal: Terminal, project: Path) -> None:
    start(terminal, project, *(f"nf{number}" for number in range(12)), columns=40, rows=8)
    terminal.await_screen("... and 7 more")
    go(project, *STATES[:2])
    until(lambda: "nf4 (edge-a -> edge-b)  switchover  rou" in terminal.screen, "the last state")
    screen = terminal.screen
    assert screen[-1] == "... and 7 more"
    assert screen[-7].startswith("edge-a: 0 of 12 done")
    go(project, STATES[2])
    screen = terminal.await_screen("ended with 0")
    assert not [line for line in screen if "(edge-a ->" in line or "more" in line]


def run(project: Path, callback: str) -> str:
    go(project, *STATES)
    done = subprocess.run(
        command("smf", "upf"), cwd=project, env=environment(callback), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_log_gets_plain_lines(project: Path) -> None:
    written = run(project, CALLBACK)
    assert "\033" not in written and "\r" not in written
    told = [line for line in written.splitlines() if "(edge-a -> edge-b)" in line]
    assert sorted(told) == sorted(f"{name} (edge-a -> edge-b): {state}" for name in ("smf", "upf") for state in STATES)


def test_a_callback_that_writes_json_is_left_alone(project: Path) -> None:
    written = run(project, "ansible.posix.json")
    assert json.loads(written[written.index("{\n") :])["stats"]["edge-a"]["changed"] == 1
    assert "(edge-a -> edge-b)" not in written
