# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from .site import ENVIRONMENT, PROJECT, Site
from .summary import Summary

SUMMARY = pytest.StashKey[Summary]()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Prepared hosts with the workload's image: of LAB_INVENTORY, else of the lab."""
    if os.geteuid():
        pytest.skip("a lab needs root")
    inventory = os.environ.get("LAB_INVENTORY")
    if inventory is None:
        inventory = "inventories/lab/hosts.yml"
        _play("playbooks/lab_up.yml")
    _play("--inventory", inventory, "playbooks/prepare_hosts.yml")
    made = Site(PROJECT / inventory)
    made.prepare()
    yield made
    made.clean()
    made.close()


@pytest.fixture(scope="session")
def summary(request: pytest.FixtureRequest) -> Summary:
    """What became of the cases of the matrix; a run of a selection adds to what is known."""
    made = Summary(PROJECT / "artifacts/faults/summary.json", fresh=not request.config.getoption("keyword"))
    request.config.stash[SUMMARY] = made
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if made := config.stash.get(SUMMARY, None):
        terminalreporter.section("fault matrix")
        for line in made.lines():
            terminalreporter.write_line(line)


def _play(*arguments: str) -> None:
    done = subprocess.run(
        ["ansible-playbook", *arguments], cwd=PROJECT, env=ENVIRONMENT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
