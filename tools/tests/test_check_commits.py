# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of commit messages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "check_commits.py"
spec = importlib.util.spec_from_file_location("check_commits", SCRIPT)
assert spec is not None and spec.loader is not None
check_commits = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_commits)

BODY = "\n\nWhy it was needed. Downtime before and after: 61 ms, 60 ms.\n"


@pytest.mark.parametrize(
    "subject",
    [
        "channel: treat a missing close_notify as peer loss",
        "tests/faults: add a case",
        "docs: describe the states",
        "pager, preload: rename the files",
        "x: " + "y" * 69,
    ],
)
def test_a_good_message_has_no_violation(subject: str) -> None:
    assert check_commits.violations(subject + BODY) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("x: " + "y" * 70 + BODY, "73 characters"),
        ("Describe the states" + BODY, "area: imperative"),
        ("docs: " + BODY, "area: imperative"),
        ("docs: added the states" + BODY, "'added' is not an imperative"),
        ("docs: Fixes the states" + BODY, "'Fixes' is not an imperative"),
        ("docs: describe the states." + BODY, "full stop"),
        ("docs: describe the states\n", "no body"),
        ("docs: describe the states\nat once", "empty line"),
    ],
)
def test_a_violation_is_named(message: str, expected: str) -> None:
    (violation,) = check_commits.violations(message)
    assert expected in violation


def test_a_range_is_checked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        check_commits.subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "tools").mkdir()
    monkeypatch.setattr(check_commits, "__file__", str(tmp_path / "tools" / "check_commits.py"))
    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--allow-empty", "--message", "Old habit")
    git("checkout", "--quiet", "-b", "mine")
    git("commit", "--allow-empty", "--message", "docs: describe the states" + BODY)
    assert check_commits.main("main..HEAD") == 0
    git("commit", "--allow-empty", "--message", "docs: describe more")
    assert check_commits.main("main..HEAD") == 1
    assert "docs: describe more: there is no body" in capsys.readouterr().out
