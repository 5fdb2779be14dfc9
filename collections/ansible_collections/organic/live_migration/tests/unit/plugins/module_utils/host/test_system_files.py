# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import system_files

V1, V2 = "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max"


@pytest.fixture(params=["v1", "v2"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The layout of a host's control groups, and its root directory."""
    groups = tmp_path / "sys/fs/cgroup"
    groups.mkdir(parents=True)
    if request.param == "v1":
        (groups / "cpu,cpuacct").mkdir()
    else:
        (groups / "cgroup.controllers").touch()
    return request.param, str(tmp_path)


def test_a_file_of_another_layout_is_named_with_the_remedy_for_go(host: tuple[str, str]) -> None:
    layout, root = host
    here, other = (V1, V2) if layout == "v1" else (V2, V1)
    assert system_files.blockers([here], root) == []
    [blocker] = system_files.blockers([here, other], root)
    assert blocker.code == "open_system_file"
    assert other in blocker.message and here not in blocker.message
    assert "GODEBUG=containermaxprocs=0" in blocker.remedy


def test_other_files_must_be_there_by_name() -> None:
    assert system_files.blockers(["/proc/meminfo", "/sys/kernel"]) == []
    [blocker] = system_files.blockers(["/proc/meminfo", "/sys/class/net/eth77/mtu"])
    assert "/sys/class/net/eth77/mtu" in blocker.message and "meminfo" not in blocker.message
    assert "GODEBUG" not in blocker.remedy


def test_files_of_processes_are_none_of_them(spawn: Any) -> None:
    source = "held = [open(name) for name in ('/proc/meminfo', '/proc/self/status', '/dev/null')]"
    assert system_files.open_paths([spawn.python(source).pid]) == ["/proc/meminfo"]
