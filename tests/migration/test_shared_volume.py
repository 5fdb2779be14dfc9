# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process goes on with its open files in a volume that both hosts have.

The lab's hosts have no network file system: a directory of this machine is mounted into both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

from tests.harness.containers import Container, arrived, start_migrations
from tests.harness.hosts import Host
from tests.harness.site import Site

from .file_users import ask, use_files

PORT = 7003
NUMBER = 13
VOLUME = "/srv/move-shared"
# open_tree(2) and move_mount(2): a mount of one mount namespace becomes one of another
MOUNT = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
SYS_OPEN_TREE, SYS_MOVE_MOUNT, AT_FDCWD = 428, 429, -100
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH, CLONE_NEWNS = 1, 4, 0x20000
namespace = os.open(f"/proc/{sys.argv[1]}/ns/mnt", os.O_RDONLY)
mount = libc.syscall(SYS_OPEN_TREE, AT_FDCWD, sys.argv[2].encode(), OPEN_TREE_CLONE)
if mount < 0 or libc.setns(namespace, CLONE_NEWNS):
    sys.exit(os.strerror(ctypes.get_errno()))
os.makedirs(sys.argv[3], exist_ok=True)
if libc.syscall(SYS_MOVE_MOUNT, mount, b"", AT_FDCWD, sys.argv[3].encode(), MOVE_MOUNT_F_EMPTY_PATH):
    sys.exit(os.strerror(ctypes.get_errno()))
"""


def process_of(host: Host) -> int | None:
    """A process of this machine in the host's mount namespace; None when the host is another machine."""
    namespace = host.run("readlink /proc/1/ns/mnt").strip()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(directory / "ns/mnt") == namespace:
                return int(directory.name)
        except OSError:  # it has ended
            continue
    return None


@pytest.fixture
def volume(lab: Site, tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o777)
    with ExitStack() as stack:
        for host in lab.edges:
            process = process_of(host)
            if process is None:
                pytest.skip("the hosts are machines of their own")
            subprocess.run([sys.executable, "-c", MOUNT, str(process), str(tmp_path), VOLUME], check=True)
            stack.callback(host.run, f"umount {VOLUME} && rmdir {VOLUME}")
        yield tmp_path


def test_open_files_of_a_shared_volume(lab: Site, volume: Path) -> None:
    container = Container(lab, "volume", lab.edges[0])
    use_files(container, NUMBER, "/shared", str(PORT), mounts=[f"--volume={VOLUME}:/shared"])
    try:
        before = ask(container, NUMBER, PORT)
        for strategy in STRATEGIES:
            arrived(start_migrations([container], strategy=strategy, shared_volumes=["/shared"]), [container])
            after = ask(container, NUMBER, PORT)
            assert after["faults"] == []
            assert after["pid"] == before["pid"]
            assert after["lines"] > before["lines"]
            before = after
        assert (volume / "log").stat().st_size > 0
    finally:
        lab.remove(container.name)
