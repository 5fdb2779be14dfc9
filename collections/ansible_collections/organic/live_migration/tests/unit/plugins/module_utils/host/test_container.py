# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host.container import Container, parse_mountinfo
from hypothesis import given
from hypothesis import strategies as st

# Of a container on Docker 26, shortened.
MOUNTINFO = r"""
1190 1024 0:72 / / rw,relatime master:311 - overlay overlay rw,lowerdir=/l/A,upperdir=/var/lib/docker/f/diff
1191 1190 0:75 / /proc rw,nosuid - proc proc rw
1195 1190 0:79 / /dev/shm rw,nosuid,nodev shared:7 master:8 - tmpfs shm rw,size=65536k
1196 1190 8:1 /opt/organic/resident /opt/organic/resident ro,relatime - ext4 /dev/root rw
1197 1190 0:80 / /mnt/with\040space\134040\011tab ro - tmpfs tmpfs rw
"""


def test_mounts_of_a_container() -> None:
    root, _proc, shm, resident, odd = parse_mountinfo(MOUNTINFO.strip())
    assert (root.point, root.filesystem, root.read_only) == ("/", "overlay", False)
    assert root.device == os.makedev(0, 72)
    assert root.options["upperdir"] == "/var/lib/docker/f/diff"
    assert (shm.point, shm.filesystem, shm.options["size"]) == ("/dev/shm", "tmpfs", "65536k")
    assert (resident.root, resident.read_only) == ("/opt/organic/resident", True)
    assert odd.point == "/mnt/with space\\040\ttab"


def test_mounts_of_this_process() -> None:
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    root = next(mount for mount in mounts if mount.point == "/")
    assert root.device == os.stat("/").st_dev or root.filesystem in ("btrfs", "overlay")
    assert {"/proc", "/sys"} <= {mount.point for mount in mounts}


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1))
def test_every_mount_point_comes_back_as_it_is(name: str) -> None:
    """The kernel escapes space, tab, newline and backslash (proc(5))."""
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\" else char for char in name)
    if any(char.isspace() for char in escaped):
        return  # other white space: no mount point of an engine has it
    line = f"1 2 0:5 / /{escaped} rw - tmpfs tmpfs rw"
    assert parse_mountinfo(line)[0].point == f"/{name}"


def test_a_container_without_a_process_is_told(spawn: Any) -> None:
    init = spawn.python("")
    with pytest.raises(MigrationError, match="runs nothing: its init has no child"):
        Container(init.pid).root_process()
