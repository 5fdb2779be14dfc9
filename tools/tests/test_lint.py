# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make lint` and pre-commit check, and that a changelog fragment in the wrong place is found."""

from __future__ import annotations

import os
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
    """All of them before a push; at each commit those that can be run on single files."""
    recipe = lint_recipe()
    assert "python tools/check_fragments.py" in recipe
    hooks = re.findall(r"entry: ([^,}]+)(.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert (hooks[-1][0], hooks[-1][1].rpartition("[")[2].rstrip("]}")) == ("make lint", "pre-push")
    for entry, _others in hooks[:-1]:
        command = entry.removeprefix(".venv/bin/")
        assert any(line.startswith(command) for line in recipe), f"make lint does not run {command}"


class Commits:
    """A clone with the hooks of this checkout; git runs them as for a contributor."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._environment = {**os.environ, "PRE_COMMIT_HOME": str(directory.parent / "pre-commit"), "SKIP": ""}
        for name in [name for name in self._environment if name.startswith("GIT_")]:
            del self._environment[name]  # of a hook that runs this test
        self.run("git", "clone", "--quiet", "--shared", str(ROOT), str(directory), directory=directory.parent)
        (directory / ".venv").symlink_to((ROOT / ".venv").resolve())
        self.write(".pre-commit-config.yaml", (ROOT / ".pre-commit-config.yaml").read_text())

    def run(self, *command: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=directory or self.directory, env=self._environment, capture_output=True, text=True, check=False
        )

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(Path(sys.executable).with_name("pre-commit")), *arguments)

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        assert self.run("git", "add", name).returncode == 0

    def commit(self) -> subprocess.CompletedProcess[str]:
        name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return self.run("git", *name, "commit", "--quiet", "--message", "a: try it")


def test_git_refuses_what_the_checks_refuse(tmp_path: Path) -> None:
    commits = Commits(tmp_path / "clone")
    assert commits.pre_commit("validate-config").returncode == 0
    installed = commits.pre_commit("install")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    hooks = commits.directory / ".git/hooks"
    assert (hooks / "pre-commit").is_file() and (hooks / "pre-push").is_file()
    commits.write("tools/tried.py", '"""A program."""\n\nVALUE = 1\n')
    passed = commits.commit()
    assert passed.returncode == 0, passed.stdout + passed.stderr
    fragments = "collections/ansible_collections/organic/lab/changelogs"
    for name, text, hook in (
        ("tools/unused.py", "import os\n", "ruff"),
        ("tools/loose.py", "VALUE   =   1\n", "ruff format"),
        ("docs/word.md", "It goes on " + "for" + " ever.\n", "word list"),
        (f"{fragments}/beside.yml", FRAGMENT, "changelog fragments"),
        ("tools/unquoted.sh", "#!/bin/sh\nrm $1\n", "shellcheck"),
    ):
        commits.write(name, text)
        refused = commits.commit()
        assert refused.returncode == 1, name
        failed = re.findall(r"^(.*?)\.{3,}.*Failed$", refused.stdout + refused.stderr, re.MULTILINE)
        assert failed == [hook], refused.stdout + refused.stderr
        assert commits.run("git", "rm", "--quiet", "--force", name).returncode == 0
