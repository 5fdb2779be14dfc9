# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line in a real terminal (tmux): the live table of the NFs, and a migration that is watched.

The playbooks are those of the test. Of the migration they run the action of test_progress.py, which waits for the test.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from python_plugins.tests.test_core import STATUS
from tests.harness.apt import TMUX, needs
from tests.harness.terminal import Terminal
from tests.harness.terminal import terminal as a_terminal
from tests.harness.wait import until

from .test_progress import ACTION, ROOT, go

pytestmark = [pytest.mark.exhaustive, needs(TMUX)]
MIGRATE = """
- name: Move
  hosts: edge-a
  gather_facts: false
  tasks:
    - name: Move it
      move:
        names: ["{{ nf }}"]
        directory: "{{ playbook_dir }}"
    - name: Go on
      ansible.builtin.debug:
"""
INVENTORY = {"all": {"hosts": dict.fromkeys(("edge-a", "edge-b")), "vars": {"ansible_connection": "local"}}}
HEADING = "NF   host    address         sessions  PFCP       NRF"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with a_terminal(tmp_path) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    playbooks = made / "playbooks"
    for folder, text in (("action_plugins", ACTION), ("library", "")):
        (playbooks / folder).mkdir(parents=True)
        (playbooks / folder / "move.py").write_text(text)
    (made / "ansible.cfg").write_text(f"[defaults]\nlocalhost_warning = false\ncollections_path = {ROOT}/collections\n")
    (playbooks / "core_status.yml").write_text(STATUS)
    (playbooks / "migrate_nf.yml").write_text(MIGRATE)
    (made / "hosts.yml").write_text(json.dumps(INVENTORY))
    return made


def start(terminal: Terminal, project: Path, *arguments: str, columns: int = 100) -> None:
    environment = {
        "PYTHONPATH": str(ROOT / "python_plugins"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ORGANIC5GC_DATA": str(project / "data"),
    }
    terminal.start(project, [sys.executable, "-m", "organic5gc", *arguments], environment, columns)


def test_the_table_of_the_nfs_is_drawn_where_it_is(terminal: Terminal, project: Path) -> None:
    start(terminal, project, "status", "--watch", "--interval", "0.1")
    terminal.await_screen("smf  edge-a  fe80::ab:cd:34  7")
    status = project / "playbooks/core_status.yml"
    status.write_text(STATUS.replace("edge-a", "edge-b").replace("'sessions': 7", "'sessions': 12"))
    screen = terminal.await_screen("smf  edge-b  fe80::ab:cd:34  12")
    assert screen == [HEADING, "smf  edge-b  fe80::ab:cd:34  12        1 of 1 up  registered"]
    status.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [{fail: {msg: no answer}}]\n")
    screen = terminal.await_screen("cannot be asked: no answer")
    assert not [line for line in screen if line.startswith("smf")]
    status.write_text(STATUS)
    terminal.await_screen("smf  edge-a  fe80::ab:cd:34  7")
    terminal.press("C-c")
    screen = terminal.await_screen("ended with 0")
    assert not [line for line in screen if "Traceback" in line]


def test_a_migration_that_is_watched_is_one_line(terminal: Terminal, project: Path) -> None:
    start(terminal, project, "-i", "hosts.yml", "migrate", "smf", "--to", "edge-b", "--watch")
    go(project / "playbooks", "setup")
    screen = terminal.await_screen("migrate_nf: smf to edge-b: active, round 1, 3.0 MiB left")
    assert len(screen) == 1, screen
    go(project / "playbooks", "active", "switchover")
    screen = terminal.await_screen("ended with 0")
    assert screen[0].split()[0] == "ok" and screen[0].endswith(" s  migrate_nf")
    assert screen[1].startswith("smf runs on edge-b already")
    assert len(screen) == 3


def test_ctrl_c_ends_a_migration_in_order_and_says_so(terminal: Terminal, project: Path) -> None:
    nothing = "- hosts: edge-a\n  gather_facts: false\n  tasks: [{meta: noop}]\n"
    (project / "playbooks/cancel_migration.yml").write_text(nothing)
    start(terminal, project, "-i", "hosts.yml", "migrate", "smf", "--to", "edge-b", "--watch")
    terminal.await_screen("migrate_nf: smf to edge-b: setup")
    terminal.press("C-c")
    until(lambda: list((project / "data").glob("*/stop")), "the run is asked to stop")
    go(project / "playbooks", "setup", "active", "switchover")
    screen = terminal.await_screen("ended with 130")
    text = " ".join(" ".join(screen).split())
    assert "was cancelled. Smf runs on edge-a." in text
    assert "Traceback" not in text
