# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With our base configuration, Molecule itself fails where it would pass in silence. On localhost, without a lab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "collections/ansible_collections/organic/lab/extensions/molecule/config.yml"
PLAY = """
- name: Play
  hosts: {hosts}
  connection: local
  gather_facts: false
  tasks:
    - name: Task
      ansible.builtin.command:
        argv: {argv}
      changed_when: {changed}
"""
NOTHING = PLAY.format(hosts="localhost", argv="['true']", changed="false")


class Project:
    """A collection whose scenario shares the hosts of the default one, with our configuration."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "ansible_collections/example/tried"
        self.ephemeral = directory / "ephemeral"
        self.molecule = self.directory / "extensions/molecule"
        self.molecule.mkdir(parents=True)
        (self.directory / "galaxy.yml").write_text("namespace: example\nname: tried\nversion: 1.0.0\n")
        shutil.copy(CONFIG, self.molecule / "config.yml")
        self.write("default/molecule.yml", "scenario:\n  test_sequence: [create, destroy]\n")
        for step in ("create", "destroy"):
            self.write(f"default/{step}.yml", self.note(step))
        for step in ("converge", "verify", "cleanup"):
            self.write(f"one/{step}.yml", NOTHING)

    def sequence(self, *steps: str) -> None:
        """What the scenario does, beside what is done for all of them."""
        self.write("one/molecule.yml", f"scenario: {{test_sequence: [{', '.join(['create', *steps, 'destroy'])}]}}\n")

    def write(self, name: str, content: str) -> None:
        path = self.molecule / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)

    def note(self, what: str) -> str:
        """A play that leaves a file, so that a test sees that it was run."""
        return PLAY.format(hosts="localhost", argv=f"[touch, '{self.directory}/{what}.ran']", changed="false")

    def ran(self, what: str) -> bool:
        return (self.directory / f"{what}.ran").exists()

    def test(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run molecule test."""
        paths = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MOLECULE_EPHEMERAL_DIRECTORY": str(self.ephemeral),
            "ANSIBLE_HOME": str(self.ephemeral / "home"),
        }
        command = [sys.executable, "-m", "molecule", "test", *arguments]
        return subprocess.run(
            command,
            cwd=self.directory,
            env={**os.environ, **paths, **environment},
            text=True,
            capture_output=True,
            check=False,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_play_that_is_not_idempotent_fails_whatever_callback_the_user_has(project: Project) -> None:
    project.sequence("converge", "idempotence")
    project.write("one/converge.yml", PLAY.format(hosts="localhost", argv="['true']", changed="true"))
    done = project.test("--scenario-name", "one", ANSIBLE_STDOUT_CALLBACK="ansible.builtin.minimal")
    assert done.returncode != 0
    assert "Idempotence test failed" in done.stderr
    assert project.ran("create")
    assert project.ran("destroy")


def test_a_play_without_its_hosts_fails(project: Project) -> None:
    project.sequence("verify")
    project.write("one/verify.yml", PLAY.format(hosts="nf_hosts", argv="['true']", changed="false"))
    done = project.test("--scenario-name", "one")
    assert done.returncode != 0
    assert "Could not match supplied host pattern" in done.stderr
    assert project.ran("create")
    assert project.ran("destroy")


def test_what_is_left_after_the_cleanup_fails(project: Project) -> None:
    project.sequence("verify", "cleanup", "verify ../nothing_left.yml")
    project.write("nothing_left.yml", PLAY.format(hosts="localhost", argv="['false']", changed="false"))
    done = project.test("--scenario-name", "one")
    assert done.returncode != 0
    assert project.ran("create")
    assert project.ran("destroy")
