# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees: the step display and the command line."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from organic5gc import display, tables
from organic5gc.cli import main
from organic5gc.demo_command import NEXT
from organic5gc.display import StepDisplay
from organic5gc.errors import PlaybookFailed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_one_line_a_step() -> None:
    log = io.StringIO()
    steps = StepDisplay(log)
    steps.begin("Lab")
    steps.detail("Make the bridge")
    steps.end()
    steps.begin("Core")
    steps.end("fail")
    steps.end()
    lines = log.getvalue().splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in lines] == [("ok", "Lab"), ("fail", "Core")]


def test_a_log_shows_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "LOG_INTERVAL_S", 0.0)
    log = io.StringIO()
    steps = StepDisplay(log)
    steps.begin("Lab")
    steps.detail("Make the bridge")
    assert log.getvalue().endswith("Lab: Make the bridge\n")


def test_a_terminal_has_its_line_rewritten() -> None:
    terminal = Terminal()
    steps = StepDisplay(terminal)
    steps.begin("Lab")
    steps.detail("Make the bridge")
    steps.end()
    text = terminal.getvalue()
    assert "Lab: Make the bridge\r" in text
    assert text.endswith("Lab\n")
    assert text.count("\n") == 1


def test_a_failure_is_explained() -> None:
    failure = PlaybookFailed("playbooks/migrate_smf.yml", "no room", Path("stdout"), "Migrate", "edge-a")
    text = tables.explain(failure)
    assert "migrate_smf.yml: Migrate on edge-a failed:\nno room" in text
    assert "Full output of Ansible: stdout" in text


def test_the_command_needs_a_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--project", str(tmp_path), "demo"])
    assert caught.value.code == 2
    assert "not a checkout" in capsys.readouterr().err


def test_the_command_moves_only_what_can_be_moved(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--nf", "front"])
    assert caught.value.code == 2
    assert "invalid choice: 'front'" in capsys.readouterr().err


def test_a_failing_demo_says_so_and_exits_non_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nlocalhost_warning = false\n")
    with pytest.raises(SystemExit) as caught:
        main(["--project", str(tmp_path), "demo"])
    assert caught.value.code == 1
    shown = capsys.readouterr().err
    assert "lab_up.yml could not be found" in shown
    assert shown.endswith(f"{NEXT}\n")


def test_a_failing_demo_is_one_document_for_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nlocalhost_warning = false\n")
    (tmp_path / "playbooks").mkdir()
    play = "- hosts: localhost\n  gather_facts: false\n  tasks: [{fail: {msg: no room}}]\n"
    (tmp_path / "playbooks/lab_up.yml").write_text(play)
    with pytest.raises(SystemExit) as caught:
        main(["--project", str(tmp_path), "demo", "--json"])
    assert caught.value.code == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["message"] == "no room"
    (step,) = shown.err.splitlines()
    assert step.split()[0] == "fail"


def test_the_demo_needs_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit) as caught:
        main(["demo"])
    assert caught.value.code == 2
    assert capsys.readouterr().err == "The lab is made of network namespaces and needs root: sudo make demo\n"
