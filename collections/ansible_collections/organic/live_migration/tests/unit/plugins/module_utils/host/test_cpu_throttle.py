# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much CPU time a container is left, by the files of its cgroup, which are plain ones here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import cpu_throttle
from ansible_collections.organic.live_migration.plugins.module_utils.host.cpu_throttle import Throttle


class Container:
    """One whose cgroup of a hierarchy is a directory."""

    def __init__(self, controllers: str, directory: Path) -> None:
        self._groups = {controllers: directory}

    def cgroups(self) -> dict[str, Path]:
        return self._groups


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


@pytest.mark.parametrize(
    ("before", "percent", "after"),
    [
        ("max 100000", 20, "32000 10000"),
        ("100000 100000", 20, "8000 10000"),  # it had one CPU
        ("100000 100000", 99, "1000 10000"),
        ("5000 100000", 20, "1000 20000"),  # less than the least of a short period
        ("800000 100000", 50, "20000 10000"),  # more than the host has
    ],
)
def test_it_is_left_a_part_of_what_it_had(tmp_path: Path, before: str, percent: int, after: str) -> None:
    (tmp_path / "cpu.max").write_text(f"{before}\n")
    slowed = Throttle(Container("", tmp_path))
    settings = slowed.settings()
    for step in (10, percent):
        slowed.set(step, settings)
    assert (tmp_path / "cpu.max").read_text() == after
    cpu_throttle.restore(settings)
    assert (tmp_path / "cpu.max").read_text() == before


@pytest.mark.parametrize(("before", "after"), [("-1", "32000"), ("100000", "8000")])
def test_so_it_is_in_a_hierarchy_of_its_own(tmp_path: Path, before: str, after: str) -> None:
    quota, period = tmp_path / "cpu.cfs_quota_us", tmp_path / "cpu.cfs_period_us"
    quota.write_text(before)
    period.write_text("100000")
    slowed = Throttle(Container("cpu,cpuacct", tmp_path))
    settings = slowed.settings()
    slowed.set(20, settings)
    assert (quota.read_text(), period.read_text()) == (after, "10000")
    cpu_throttle.restore(settings)
    assert (quota.read_text(), period.read_text()) == (before, "100000")
