# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.harness.playbook import PROJECT

from .summary import Summary

SUMMARY = pytest.StashKey[Summary]()


@pytest.fixture(scope="session")
def summary(request: pytest.FixtureRequest) -> Summary:
    """The outcomes of the cases of the matrix; a run of a selection adds to the earlier ones."""
    made = Summary(PROJECT / "artifacts/faults/summary.json", fresh=not request.config.getoption("keyword"))
    request.config.stash[SUMMARY] = made
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if made := config.stash.get(SUMMARY, None):
        terminalreporter.section("fault matrix")
        for line in made.lines():
            terminalreporter.write_line(line)
