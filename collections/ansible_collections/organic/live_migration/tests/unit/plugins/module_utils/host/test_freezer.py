# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes
from ansible_collections.organic.live_migration.plugins.module_utils.host.freezer import Freezer

V1, V2 = Path("/sys/fs/cgroup/freezer"), Path("/sys/fs/cgroup")
# Counts in a file, so that everybody can see whether it runs; its child does the same.
COUNTER = """
import time
name = sys.argv[1] + ("/child" if os.fork() == 0 else "/parent")
if name.endswith("child"):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
import threading
def count():
    number = 0
    while True:
        number += 1
        with open(name + ".new", "w") as out:
            out.write(str(number))
        os.rename(name + ".new", name)
        time.sleep(0.001)
threading.Thread(target=count, daemon=True).start()
"""


@pytest.fixture
def group(as_root: None) -> Iterator[Path]:
    """A control group for the freezer, as a container has one."""
    hierarchy = V1 if (V1 / "cgroup.procs").exists() else V2
    directory = hierarchy / f"organic-test-{os.getpid()}"
    try:
        directory.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    if not any((directory / name).exists() for name in ("freezer.state", "cgroup.freeze")):
        directory.rmdir()
        pytest.skip("no cgroup freezer is mounted here")
    yield directory
    deadline = time.monotonic() + 10
    while (directory / "cgroup.procs").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    directory.rmdir()


@pytest.fixture
def nf(spawn: Any, group: Path, tmp_path: Path, until: Callable[..., None]) -> Iterator[int]:
    """A process and its child in the group; its PID."""
    process = spawn.python(COUNTER, str(tmp_path))
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "parent").exists(), "both count")
    tree = processes.tree(process.pid)
    for pid in tree:
        (group / "cgroup.procs").write_text(str(pid))
    freezer = Freezer(group)
    yield process.pid
    for pid in processes.tree(process.pid)[1:]:
        os.kill(pid, 9)
    process.kill()
    freezer.thaw()
    process.wait()
    freezer.remove()


def count(directory: Path, name: str) -> int:
    return int((directory / name).read_text())


def advances(directory: Path, name: str) -> Callable[[], bool]:
    before = count(directory, name)
    return lambda: count(directory, name) > before


def test_a_tree_stops_and_goes_on(group: Path, nf: int, tmp_path: Path, until: Callable[..., None]) -> None:
    freezer = Freezer(group)
    freezer.collect(nf)
    assert sorted(freezer.members) == sorted(processes.tree(nf))
    assert not freezer.frozen
    freezer.freeze()
    assert freezer.frozen
    stopped_at = count(tmp_path, "parent"), count(tmp_path, "child")
    ticks = [processes._stat(pid)[11:13] for pid in processes.tree(nf)]
    freezer.freeze()  # idempotent
    assert (count(tmp_path, "parent"), count(tmp_path, "child")) == stopped_at
    assert [processes._stat(pid)[11:13] for pid in processes.tree(nf)] == ticks
    freezer.thaw()
    for name in ("parent", "child"):
        until(advances(tmp_path, name), f"the {name} counts again")


def test_whoever_is_not_of_the_tree_runs_on(
    group: Path, nf: int, spawn: Any, tmp_path: Path, until: Callable[..., None]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    other = spawn.python(COUNTER, str(outside))
    until((outside / "parent").exists, "it counts")
    (group / "cgroup.procs").write_text(str(other.pid))
    freezer = Freezer(group)
    freezer.collect(nf)
    freezer.freeze()
    until(advances(outside, "parent"), "the other process goes on counting")
    assert freezer.frozen
    for pid in processes.tree(other.pid)[1:]:
        os.kill(pid, 9)
    other.kill()
    other.wait()


def test_afterwards_everything_is_as_it_was(group: Path, nf: int, tmp_path: Path, until: Callable[..., None]) -> None:
    freezer = Freezer(group)
    freezer.collect(nf)
    freezer.freeze()
    freezer.remove()
    assert not freezer.directory.exists()
    assert set(processes.tree(nf)) <= {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    until(advances(tmp_path, "parent"), "the process counts again")
    freezer.remove()  # idempotent
    freezer.thaw()
    assert (freezer.frozen, freezer.members) == (False, [])


def test_what_is_killed_while_frozen_never_runs_again(group: Path, nf: int, tmp_path: Path) -> None:
    freezer = Freezer(group)
    freezer.collect(nf)
    freezer.freeze()
    stopped_at = count(tmp_path, "parent"), count(tmp_path, "child")
    child = processes.ProcessId.of(processes.tree(nf)[1])
    freezer.kill()
    os.waitid(os.P_PID, nf, os.WEXITED | os.WNOWAIT)
    assert (count(tmp_path, "parent"), count(tmp_path, "child")) == stopped_at
    deadline = time.monotonic() + 10
    while child.alive and time.monotonic() < deadline:
        time.sleep(0.002)
    assert not child.alive
