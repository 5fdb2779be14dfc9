# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much CPU time a container is left, by the files of its cgroup, which are plain ones here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import cpu_time
from ansible_collections.organic.live_migration.plugins.module_utils.host.cpu_time import CpuTime


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
    slowed = CpuTime(Container("", tmp_path))
    settings = slowed.settings()
    for step in (10, percent):
        slowed.set(step, settings)
    assert (tmp_path / "cpu.max").read_text() == after
    cpu_time.restore(settings)
    assert (tmp_path / "cpu.max").read_text() == before


@pytest.mark.parametrize(("before", "after"), [("-1", "32000"), ("100000", "8000")])
def test_so_it_is_in_a_hierarchy_of_its_own(tmp_path: Path, before: str, after: str) -> None:
    quota, period = tmp_path / "cpu.cfs_quota_us", tmp_path / "cpu.cfs_period_us"
    quota.write_text(before)
    period.write_text("100000")
    slowed = CpuTime(Container("cpu,cpuacct", tmp_path))
    settings = slowed.settings()
    slowed.set(20, settings)
    assert (quota.read_text(), period.read_text()) == (after, "10000")
    cpu_time.restore(settings)
    assert (quota.read_text(), period.read_text()) == (before, "100000")


def group_of(directory: Path, quota: str) -> None:
    """A cgroup of a hierarchy of its own."""
    directory.mkdir(exist_ok=True)
    (directory / "cpu.cfs_quota_us").write_text(quota)
    (directory / "cpu.cfs_period_us").write_text("100000")


def quota_of(directory: Path) -> str:
    return (directory / "cpu.cfs_quota_us").read_text()


def test_a_limit_is_lifted_and_restored(tmp_path: Path) -> None:
    group_of(tmp_path, "10000")
    settings = cpu_time.limits(Container("cpu,cpuacct", tmp_path))
    cpu_time.lift(settings)
    assert quota_of(tmp_path) == "-1"
    cpu_time.restore(settings)
    assert quota_of(tmp_path) == "10000"


def test_so_is_that_of_the_unified_hierarchy(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("10000 100000\n")
    settings = cpu_time.limits(Container("", tmp_path))
    cpu_time.lift(settings)
    assert (tmp_path / "cpu.max").read_text() == "max"
    cpu_time.restore(settings)
    assert (tmp_path / "cpu.max").read_text() == "10000 100000"


@pytest.mark.parametrize("pod", ["pod1f0e2d3c-0000-4000-8000-000000000001", "kubepods-pod1f0e2d3c_0000.slice"])
def test_and_that_of_a_pod(tmp_path: Path, pod: str) -> None:
    above, own = tmp_path / pod, tmp_path / pod / "container"
    group_of(tmp_path, "20000")  # of the whole machine: not ours
    group_of(above, "10000")
    group_of(own, "5000")
    settings = cpu_time.limits(Container("cpu", own))
    cpu_time.lift(settings)
    assert [quota_of(one) for one in (tmp_path, above, own)] == ["20000", "-1", "-1"]
    cpu_time.restore(settings)
    assert [quota_of(one) for one in (tmp_path, above, own)] == ["20000", "10000", "5000"]


@pytest.mark.parametrize(
    ("name", "before", "lifted"),
    [("cpu.shares", "2", "10240"), ("cpu.shares", "20000", "20000"), ("cpu.weight", "100", "1000")],
)
def test_a_weight_that_is_low_is_raised_and_restored(tmp_path: Path, name: str, before: str, lifted: str) -> None:
    bandwidth = "cpu.max" if name == "cpu.weight" else "cpu.cfs_quota_us"
    (tmp_path / "cpu.cfs_period_us").write_text("100000")
    (tmp_path / bandwidth).write_text("max 100000" if bandwidth == "cpu.max" else "-1")
    (tmp_path / name).write_text(f"{before}\n")
    settings = cpu_time.limits(Container("" if bandwidth == "cpu.max" else "cpu", tmp_path))
    cpu_time.lift(settings)
    assert (tmp_path / name).read_text().strip() == lifted
    cpu_time.restore(settings)
    assert (tmp_path / name).read_text().strip() == before
    assert (tmp_path / bandwidth).read_text().split()[0] in ("max", "-1")


def test_a_container_without_a_limit_is_left_alone(tmp_path: Path) -> None:
    group_of(tmp_path / "docker", "10000")
    group_of(tmp_path / "docker/container", "-1")
    assert cpu_time.limits(Container("cpu", tmp_path / "docker/container")) == {}
    assert cpu_time.limits(Container("memory", tmp_path)) == {}


def test_a_container_that_has_ended_is_no_failure(tmp_path: Path) -> None:
    settings = {str(tmp_path / "gone/cpu.max"): "10000 100000"}
    (tmp_path / "cpu.weight").write_text("100")
    settings[str(tmp_path / "cpu.weight")] = "100"
    cpu_time.lift(settings)
    assert (tmp_path / "cpu.weight").read_text() == "1000", "what is there is set all the same"
    cpu_time.restore(settings)
    assert (tmp_path / "cpu.weight").read_text() == "100"
