# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make lint` and pre-commit check, and that a changelog fragment in the wrong place is found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRAGMENT = "---\nbugfixes:\n  - container_migrate - a fault is gone.\n"


def lint_recipe() -> list[str]:
    lines = (ROOT / "Makefile").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("lint:"))
    end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith("\t"))
    return [line.strip() for line in lines[start + 1 : end]]


def check(collection: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools/check_fragments.py"), str(collection)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["fragments/good.yml", "fragments/good.yaml"])
def test_a_fragment_where_it_is_read_is_accepted(tmp_path: Path, name: str) -> None:
    path = tmp_path / "changelogs" / name
    path.parent.mkdir(parents=True)
    path.write_text(FRAGMENT)
    done = check(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("fragments/pre_copy/deeper.yml", FRAGMENT, "move it to"),
        ("beside.yml", FRAGMENT, "move it to"),
        ("fragments/loud.YAML", FRAGMENT, "rename it to loud.yml"),
        ("fragments/.hidden.yml", FRAGMENT, "rename it to hidden.yml"),
        ("fragments/long.yml", FRAGMENT + "  - " + "x" * 160 + "\n", ":4: longer than 160"),
    ],
)
def test_a_fragment_that_would_be_ignored_fails(tmp_path: Path, name: str, text: str, reason: str) -> None:
    path = tmp_path / "changelogs" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    done = check(tmp_path)
    assert done.returncode == 1
    assert str(path) in done.stdout and reason in done.stdout


def test_pre_commit_checks_what_make_lint_checks() -> None:
    recipe = lint_recipe()
    assert "python tools/check_fragments.py" in recipe
    hooks = re.findall(r"entry: ([^,}]+)(.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert (hooks[-1][0], hooks[-1][1].rpartition("[")[2].rstrip("]}")) == ("make lint", "pre-push")
    for entry, _others in hooks[:-1]:
        command = entry.removeprefix(".venv/bin/")
        assert any(line.startswith(command) for line in recipe), f"make lint does not run {command}"
