# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands and Python of the documents, run on a core as a reader runs them.

Those for which tests/documents/commands.toml names this file, in the order of PAGES. Only names are replaced: the
inventory by that of the lab; edge-a by the host where the NF of the command runs, edge-b by another one; files that are
written are in a directory of the test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.harness.documents import Command, blocks, commands
from tests.harness.lab import inventory_of
from tests.harness.playbook import PROJECT, TEXT_ENVIRONMENT

from .conftest import NFS, CoreSite

pytestmark = pytest.mark.exhaustive
PAGES = (
    "docs/getting-started.md",
    "docs/your-own-hosts.md",
    "docs/python.md",
    "README.md",
    "docs/results.md",
    "docs/monitoring.md",
    "docs/operations.md",
)
MINE = {
    command
    for command, test in tomllib.loads((PROJECT / "tests/documents/commands.toml").read_text())["tests"].items()
    if test == str(Path(__file__).relative_to(PROJECT))
}
DEMO = "make demo"
METRICS, METRICS_OF_THE_TEST = "/var/lib/prometheus/node-exporter", "/tmp/organic-metrics"
"""The directory that node_exporter's package makes, which the hosts need not have."""


@dataclass
class Reader:
    """Who runs the commands, with ``organic5gc`` installed by pip (test_pip_install.py also installs what it needs)."""

    site: CoreSite
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checkout = self.directory / "checkout"
        checkout.mkdir()
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(PROJECT / name, checkout)
        shutil.copytree(PROJECT / "python_plugins", checkout / "python_plugins")
        # Its dependencies are those of the environment that runs the tests.
        options = ["--quiet", "--no-deps", "--target", str(self.directory / "installed")]
        self._finish([sys.executable, "-m", "pip", "install", *options, ".[report]"], TEXT_ENVIRONMENT, checkout)
        self.environment = {
            **TEXT_ENVIRONMENT,
            "PATH": f"{self.directory / 'installed/bin'}:{TEXT_ENVIRONMENT['PATH']}",
            "PYTHONPATH": str(self.directory / "installed"),
            "ORGANIC5GC_PROJECT": str(PROJECT),
            "ORGANIC5GC_DATA": str(self.directory / "data"),
            "ANSIBLE_INVENTORY": str(PROJECT / self.site.inventory),
        }

    def run(self, command: Command) -> str:
        """Run a command of a document; what it writes on standard output."""
        words = self._words(command)
        directory = self.directory if command.program == "organic5gc" else PROJECT
        if "--watch" in words and "status" in words:
            return self._watch(words)
        return self._finish(words, self.environment, directory)

    def _words(self, command: Command) -> list[str]:
        nf = re.search(r"(?:migrate|nf=)\s*(\w+)", command.text.replace("migrate_", ""))
        here = self.site.states()[nf[1] if nf else "smf"]["host"] if "edge-" in command.text else ""
        there = next(host for host in self.site.nf_hosts if host != here)
        inventory = self.environment["ANSIBLE_INVENTORY"]
        replaced = {
            "edge-a": here, "edge-b": there, "inventories/lab/hosts.yml": inventory, METRICS: METRICS_OF_THE_TEST
        }  # fmt: skip
        words = [re.sub("|".join(replaced), lambda match: replaced[match[0]], word) for word in command.words]
        if command.program == "ansible-playbook":
            words = [re.sub(r"=(\w+\.html)$", rf"={self.directory}/\1", word) for word in words]
        return words

    def run_python(self, example: str) -> str:
        """Run an example of a document; what it writes on standard output."""
        here = self.site.states()["smf"]["host"]
        there = next(host for host in self.site.nf_hosts if host != here)
        inventory = self.environment["ANSIBLE_INVENTORY"]
        replaced = {
            "edge-a": here, "edge-b": there, "inventories/mine/hosts.yml": inventory, "organic-5gc": str(PROJECT)
        }  # fmt: skip
        text = re.sub(r"(?<=\")(" + "|".join(replaced) + r")(?=\")", lambda match: replaced[match[0]], example)
        return self._finish([sys.executable, "-c", text], self.environment, PROJECT)

    def _finish(self, words: list[str], environment: dict[str, str], directory: Path) -> str:
        done = subprocess.run(
            words, cwd=directory, env=environment, text=True, capture_output=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _watch(self, words: list[str]) -> str:
        """Until the first table is there, then Ctrl-C."""
        with subprocess.Popen(
            words, cwd=self.directory, env=self.environment, text=True, stdout=subprocess.PIPE
        ) as watching:
            assert watching.stdout
            shown = ""
            while "smf" not in shown:
                line = watching.stdout.readline()
                assert line, shown
                shown += line
            watching.send_signal(signal.SIGINT)
            shown += watching.stdout.read()
        assert watching.returncode == 0
        return shown


@pytest.fixture
def reader(core_site: CoreSite, tmp_path: Path) -> Iterator[Reader]:
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core", nf_names=[*NFS, "udm"])
    core_site.module("nf_hosts", "ansible.builtin.file", path=METRICS_OF_THE_TEST, state="directory")
    yield Reader(core_site, tmp_path)
    core_site.playbook("prepare_hosts", migration_host_metrics_directory="")
    core_site.module("nf_hosts", "ansible.builtin.file", path=METRICS_OF_THE_TEST, state="absent")


def test_they_run_in_the_order_of_the_pages(reader: Reader) -> None:
    told = [command for page in PAGES for command in commands(PROJECT / page)]
    once = {command.text: command for command in told if command.text in MINE}
    assert set(once) == MINE
    once = {text: command for text, command in once.items() if not text.startswith(DEMO)}
    shown = {text: reader.run(command) for text, command in once.items()}
    assert "completed" in shown["organic5gc migrate smf --to edge-b --strategy pre_copy --watch"]
    assert "drain" in reader.run(next(command for command in told if command.text == "organic5gc runs"))
    assert "PLAY RECAP" in shown["organic5gc show last --output"]
    assert json.loads(shown["organic5gc show last --json"])["command"] == "drain"
    assert "macvlan" in shown["organic5gc measure-networks macvlan bridge"]
    for page in ("README.md", "docs/python.md"):
        (example,) = [block.body for block in blocks(PROJECT / page) if block.language == "python"]
        shown[page] = reader.run_python(example)
    assert re.search(r"^\d+\.\d+$", shown["docs/python.md"], re.MULTILINE), "the downtime of the migration"
    for name in ("migration.html", "smf.html", "drain.html"):
        assert (reader.directory / name).read_text().startswith("<!DOCTYPE html>")


def test_the_demo(core_site: CoreSite) -> None:
    """The longest of its commands; without variables it does the same with their defaults."""
    name = os.environ.get("LAB_NAME", "lab")
    if PROJECT / core_site.inventory != inventory_of(name):
        pytest.skip("the demo runs in a lab")
    core_site.playbook("remove_core")
    words = max((command for command in MINE if command.startswith(DEMO)), key=len).split()
    done = subprocess.run(words, cwd=PROJECT, env=TEXT_ENVIRONMENT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "amf moved from" in done.stdout and "(post_copy, resident): completed" in done.stdout
    assert (PROJECT / "artifacts/demo/migration.html").is_file()
