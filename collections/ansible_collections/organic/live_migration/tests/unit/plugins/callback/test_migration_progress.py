# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is shown of a migration, on a terminal and in a log, by real runs of ansible-playbook and by hand."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.callback.migration_progress import Lines, Migrations, figures

COLLECTIONS = Path(__file__).parents[7]
HERE = ("edge-a", "task")


def progress(*states: str, **more: Any) -> dict[str, Any]:
    events = [{"state": state, "at_ms": 1.0} for state in states]
    return {"migration_id": "1", "name": "smf", "source_host": "edge-a", "target_host": "edge-b",
            "state": states[-1], "events": events, **more}  # fmt: skip


def test_a_log_gets_one_line_for_each_state() -> None:
    told: list[str] = []
    log = Migrations(None, told.append)
    log.show(HERE, progress("setup", queued=True))
    log.show(HERE, progress("setup", queued=True))
    log.show(HERE, progress("setup", "active"))
    log.show(HERE, progress("setup", "active", round=2))
    log.end(HERE, {"statistics": progress("setup", "active", "switchover", "completed")})
    assert told == [f"smf (edge-a -> edge-b): {state}"
                    for state in ("queued", "setup", "active", "switchover", "completed")]  # fmt: skip


def test_a_migration_that_was_not_shown_is_not_shown_at_its_end() -> None:
    told: list[str] = []
    Migrations(None, told.append).end(HERE, {"statistics": progress("setup", "completed")})
    assert told == []


def test_the_next_item_of_a_loop_begins_again() -> None:
    told: list[str] = []
    log = Migrations(None, told.append)
    log.show(HERE, progress("setup", "active"))
    log.show(HERE, {**progress("setup"), "migration_id": "2", "name": "upf"})
    assert told[-1] == "upf (edge-a -> edge-b): setup"


def test_figures_that_are_not_known_are_left_out() -> None:
    assert figures(progress("setup", round=0)) == "smf (edge-a -> edge-b)  setup"
    told = figures(
        progress("active", round=2, remaining_bytes=3 << 20, dirty_pages_per_s=1000.4,
                 throughput_bytes_per_s=200 << 20, expected_downtime_ms=45.2, throttle_percent=20)
    )  # fmt: skip
    assert told == (
        "smf (edge-a -> edge-b)  active  round 2  3.0 MiB left  45 ms of downtime  1000 pages/s  200 MiB/s  "
        "throttled by 20 %"
    )


class Screen:
    """A terminal of some columns, as far as the callback uses one: what is seen after what was written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def rows(self) -> list[str]:
        rows, row, column = [""], 0, 0
        for part in re.findall(r"\033\[\d*[AJK]|[\r\n]|[^\033\r\n]+", self.stream.getvalue()):
            if part == "\r":
                column = 0
            elif part == "\n":
                row += 1
                rows += [""] * (row + 1 - len(rows))
            elif part in ("\033[K", "\033[J"):
                rows[row] = rows[row][:column]
                rows = rows[: row + 1] if part == "\033[J" else rows
            elif part.startswith("\033"):
                row -= int(part[2:-1])
                assert row >= 0
            else:
                rows[row] = rows[row][:column] + part
                column += len(part)
        return rows


def test_a_terminal_gets_a_line_for_each_migration_and_makes_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    screen = Screen()
    lines = Lines(screen.stream)
    shown = Migrations(lines, lambda _text: pytest.fail("a terminal gets no log"))
    shown.show(HERE, progress("setup"))
    shown.show(("edge-b", "task"), {**progress("active"), "name": "upf"})
    assert screen.rows == ["smf (edge-a -> edge-b)  setup", "upf (edge-a -> edge-b)  activ"]  # 29 columns
    shown.show(HERE, progress("active"))
    assert screen.rows == ["smf (edge-a -> edge-b)  activ", "upf (edge-a -> edge-b)  activ"]
    lines.clear()
    assert screen.rows == [""]
    before = screen.stream.getvalue()
    lines.clear()
    assert screen.stream.getvalue() == before


def test_one_line_is_drawn_where_it_is() -> None:
    screen = io.StringIO()
    lines = Lines(screen)
    lines.draw(["a"])
    lines.draw(["b"])
    lines.clear()
    assert screen.getvalue() == "\r\033[Ka\r\033[Kb\r\033[K"


def test_more_migrations_than_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "5")
    screen = Screen()
    lines = Lines(screen.stream)
    lines.draw([f"migration {number}" for number in range(9)])
    assert screen.rows == ["migration 0", "migration 1", "migration 2", "... and 6 more"]
    lines.draw(["migration 8"])
    assert screen.rows == ["migration 8"]


def batch(moved: int, ended: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    found = {"source_host": "edge-a", "total": 3, "moved": moved, "not_moved": 0, "running": [], **more}
    return found if ended is None else {**found, "ended": ended}


def ended(name: str, status: str, reason: str = "") -> dict[str, Any]:
    return {"name": name, "target_host": "edge-b", "status": status, "reason": reason,
            "migration_time_ms": 1240.0, "process_downtime_ms": 41.2}  # fmt: skip


def test_a_log_gets_one_line_for_each_container_of_a_batch() -> None:
    told: list[str] = []
    log = Migrations(None, told.append)
    log.show_batch(HERE, batch(0, running=["nrf", "smf"]))
    log.show_batch(HERE, batch(1, ended("nrf", "moved"), running=["smf"]))
    log.show_batch(HERE, batch(1, ended("smf", "not_started", "Host 'edge-b' is gone."), not_moved=1))
    assert told == ["edge-a: 1 of 3: nrf moved to edge-b in 1.2 s, 41 ms of downtime",
                    "edge-a: 1 of 3: smf not started: Host 'edge-b' is gone."]  # fmt: skip


def test_a_terminal_shows_a_batch_and_what_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    screen = Screen()
    shown = Migrations(Lines(screen.stream), lambda _text: pytest.fail("a terminal gets no log"))
    shown.show_batch(HERE, batch(0, running=["nrf", "smf"]))
    shown.show(HERE, progress("active"))
    shown.show(HERE, {**progress("setup"), "name": "nrf"})
    assert screen.rows == [
        "edge-a: 0 of 3 done, on their way: nrf smf",
        "smf (edge-a -> edge-b)  active",
        "nrf (edge-a -> edge-b)  setup",
    ]
    shown.show_batch(HERE, batch(0, ended("smf", "failed", "?"), not_moved=1, running=["nrf"]))
    assert screen.rows == ["edge-a: 0 of 3 done, 1 not moved, on their way: nrf", "nrf (edge-a -> edge-b)  setup"]
    shown.end(HERE, {})
    shown.show(("edge-b", "task"), progress("setup"))
    assert screen.rows == ["smf (edge-a -> edge-b)  setup"]


ACTION = """
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Event, Snapshot
from ansible_collections.organic.live_migration.plugins.plugin_utils import summary
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        hosts = Hosts(self, task_vars, "edge-b")
        entered = []
        for state in ("setup", "active", "switchover"):
            entered.append({"state": state, "at_ms": 1.0})
            events = [Event(**event) for event in entered]
            hosts.announce(Snapshot("1", "smf", state=state, round=len(entered), events=events))
        entered.append({"state": "completed", "at_ms": 2.0})
        migration = {
            "name": "smf", "strategy": "inter_copy", "method": "resident", "status": "completed",
            "source_host": "edge-a", "target_host": "edge-b", "migration_time_ms": 2150.3,
            "process_downtime_ms": 41.2, "bytes_sent": 1 << 20, "memory_bytes": 1 << 20, "held_packets": 1,
            "steps": [], "statistics": {"state": "completed", "events": entered}}
        result = {"changed": True, "migration": migration}
        summary.report(self._task, self._task.args, result)
        return result
"""
TABLE = [
    "smf: edge-a -> edge-b, completed",
    "  strategy          inter_copy, method resident",
    "  migration time    2150 ms",
    "  process downtime  41.2 ms",
    "  bytes sent        1.0 MiB",
    "  kept              1.0 MiB of memory, open connections, addresses; 1 packet",
    "                    held and delivered",
]
PLAY = """
- name: Move
  hosts: edge-a
  gather_facts: false
  tasks:
    - name: Move it
      move:
    - name: Greet
      ansible.builtin.debug:
        msg: hello
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "library").mkdir()
    (tmp_path / "action_plugins" / "move.py").write_text(ACTION)
    (tmp_path / "library" / "move.py").write_text("")
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "hosts.yml").write_text("all: {hosts: {edge-a: , edge-b: }, vars: {ansible_connection: local}}")
    return tmp_path


def environment(callback: str) -> dict[str, str]:
    wanted = {"ANSIBLE_STDOUT_CALLBACK": callback, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "TERM": "xterm",
              "ANSIBLE_NOCOLOR": "1", "COLUMNS": "100"}  # fmt: skip
    return {**{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE")}, **wanted}


def command() -> list[str]:
    return [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.yml", "play.yml"]


def test_events_get_from_an_action_into_a_log(project: Path) -> None:
    done = subprocess.run(
        command(), cwd=project, env=environment("organic.live_migration.migration_progress"), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"^smf .*$", done.stdout, re.MULTILINE)
    assert told == [f"smf (edge-a -> edge-b): {state}" for state in ("setup", "active", "switchover", "completed")]
    assert "changed: [edge-a]" in done.stdout
    assert "ASYNC POLL" not in done.stdout
    assert "hello" in done.stdout
    assert "Traceback" not in done.stderr


def test_on_a_terminal_the_line_is_gone_before_the_result(project: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(), cwd=project, env=environment("organic.live_migration.migration_progress"), stdout=theirs,
        stderr=theirs, stdin=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        os.close(theirs)
        output = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # EIO: the other end was closed
                break
            output += data
    os.close(ours)
    text = output.decode()
    assert run.returncode == 0, text
    assert "\r\033[Ksmf (edge-a -> edge-b)  switchover  round 3" in text
    assert re.search(r"round 3\r\033\[Kchanged: \[edge-a\]", text), repr(text)
    assert "\r\n".join(TABLE) in text


def test_the_default_shows_it_as_an_asynchronous_task(project: Path) -> None:
    done = subprocess.run(
        command(), cwd=project, env=environment("default"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    polled = r"ASYNC POLL on edge-a: jid=1 started=(1|True) finished=(0|False)"
    assert len(re.findall(polled, done.stdout)) == 3


def output(project: Path, callback: str, **variables: str) -> str:
    done = subprocess.run(
        command(), cwd=project, env={**environment(callback), **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "callback", ["default", "ansible.builtin.default", "organic.live_migration.migration_progress"]
)
def test_a_migration_ends_with_its_table_once(project: Path, callback: str) -> None:
    shown = output(project, callback)
    assert shown.count("\n".join(TABLE) + "\n") == 1, shown
    assert "\033" not in shown


@pytest.mark.parametrize("callback", ["default", "organic.live_migration.migration_progress"])
def test_no_table_where_ansible_is_asked_to_be_quiet(project: Path, callback: str) -> None:
    assert TABLE[0] not in output(project, callback, ANSIBLE_DISPLAY_OK_HOSTS="false")
    (project / "play.yml").write_text(PLAY.replace("      move:\n", "      move:\n      no_log: true\n"))
    shown = output(project, callback)
    assert TABLE[0] not in shown
    assert "hello" in shown


@pytest.mark.parametrize("callback", ["ansible.posix.json", "minimal", "oneline"])
def test_other_callbacks_get_the_table_in_the_result_only(project: Path, callback: str) -> None:
    shown = output(project, callback)
    assert "\n".join(TABLE) not in shown
    if callback == "ansible.posix.json":
        assert json.loads(shown)["plays"][0]["tasks"][0]["hosts"]["edge-a"]["summary"] == TABLE


@pytest.mark.parametrize("arguments", [(), ("-o",)])
def test_an_ad_hoc_command_prints_the_result_only(project: Path, arguments: tuple[str, ...]) -> None:
    program = str(Path(sys.executable).with_name("ansible"))
    done = subprocess.run(
        [program, "-i", "hosts.yml", "edge-a", "-m", "move", *arguments],
        cwd=project,
        env={**environment("default"), "ANSIBLE_ACTION_PLUGINS": "action_plugins", "ANSIBLE_LIBRARY": "library"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "edge-a | CHANGED" in done.stdout
    assert TABLE[0] not in done.stdout.splitlines()


@pytest.mark.parametrize(("arguments", "whole"), [((), False), (("-v",), True)])
def test_a_failed_task_shows_its_message_and_the_table(project: Path, arguments: tuple[str, ...], whole: bool) -> None:
    action = project / "action_plugins" / "move.py"
    failed = 'result = {"failed": True, "msg": "It broke", "details": {"criu_log": "why"}, "migration": migration}'
    action.write_text(ACTION.replace('result = {"changed": True, "migration": migration}', failed))
    done = subprocess.run(
        [*command(), *arguments], cwd=project, env=environment("organic.live_migration.migration_progress"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "It broke" in done.stdout
    assert "criu_log" in done.stdout
    assert "\n".join(TABLE) in done.stdout
    assert ("held_packets" in done.stdout) == whole


def test_on_a_terminal_the_table_follows_the_result_without_colours(project: Path) -> None:
    shown = output(project, "organic.live_migration.migration_progress", ANSIBLE_FORCE_COLOR="1", ANSIBLE_NOCOLOR="0")
    assert "\033[" in shown
    assert "\n".join(TABLE) in shown
