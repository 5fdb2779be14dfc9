# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import memory_limit, processes, unmovable

EFD_SEMAPHORE = 1


class Groups:
    """Stands for a container: its control groups are directories of the test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def cgroups(self) -> dict[str, Path]:
        return {"pids": self._directory, "memory": self._directory}


@pytest.fixture
def look(tmp_path: Path) -> Callable[[int], dict[str, str]]:
    """Blockers of a process by their code."""

    def found(pid: int) -> dict[str, str]:
        container: Any = Groups(tmp_path)
        return {blocker.code: blocker.message for blocker in unmovable.blockers([pid], container)}

    return found


Look = Callable[[int], dict[str, str]]


def test_what_can_move_is_no_reason(spawn: Any, look: Look) -> None:
    assert look(spawn.python("import tempfile; kept = [tempfile.TemporaryFile(), os.eventfd(0)]").pid) == {}


def test_a_stopped_process_is_named(spawn: Any, look: Look, until: Any) -> None:
    pid = spawn.python("").pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: processes.state(pid) == "T", "it is stopped")
    assert f"has stopped process {pid}" in look(pid)["stopped"]


def test_an_execution_domain_is_named(spawn: Any, look: Look) -> None:
    pid = spawn.python("import ctypes; ctypes.CDLL(None).personality(0x0040000)").pid
    assert "is 0x40000 " in look(pid)["personality"]


def test_a_traced_process_is_named(spawn: Any, look: Look) -> None:
    source = "import ctypes; ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), 0, 0)"
    pid = spawn.python("").pid
    tracer = spawn.python(source, str(pid)).pid
    if f"TracerPid:\t{tracer}" not in Path(f"/proc/{pid}/status").read_text():
        pytest.skip("this host does not let one trace another")
    assert f"process {tracer}) is attached to process {pid}" in look(pid)["traced"]


def test_a_main_thread_that_has_ended_is_named(spawn: Any, look: Look, until: Any) -> None:
    source = """
import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(600)).start()
threading.Thread(target=lambda: (time.sleep(0.05), print('ready', flush=True), time.sleep(600))).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)
"""
    pid = spawn.python(source).pid
    until(lambda: processes.state(pid) == "Z", "the main thread has ended")
    assert "The main thread" in look(pid)["main_thread_ended"]


@pytest.mark.parametrize(("sharing", "found"), [(1, True), (2, False)], ids=["shared", "private"])
def test_code_of_criu_that_would_have_no_place_is_named(spawn: Any, look: Look, sharing: int, found: bool) -> None:
    """Below all others: MAP_FIXED (0x10), MAP_ANONYMOUS (0x20); readable and executable (5)."""
    source = f"""
import ctypes
mmap = ctypes.CDLL(None).mmap
mmap.restype = ctypes.c_void_p
assert mmap(ctypes.c_void_p(1 << 20), ctypes.c_size_t(4096), 5, 0x30 | {sharing}, -1, 0) == 1 << 20
"""
    assert ("shared_code" in look(spawn.python(source).pid)) is found


def test_a_process_that_has_locked_all_its_memory_is_named(as_root: None, spawn: Any, look: Look) -> None:
    pid = spawn.python("import ctypes; assert ctypes.CDLL(None).mlockall(1 | 2) == 0").pid
    assert f"All memory of process {pid}" in look(pid)["memory_locked"]


def test_a_process_that_has_locked_some_of_its_memory_is_not(as_root: None, spawn: Any, look: Look) -> None:
    source = "import ctypes; page = ctypes.create_string_buffer(8192); assert ctypes.CDLL(None).mlock(page, 8192) == 0"
    assert look(spawn.python(source).pid) == {}


def test_a_write_lease_is_named_with_its_file(spawn: Any, look: Look, tmp_path: Path) -> None:
    path = tmp_path / "leased"
    path.touch()
    source = "import fcntl; f = open(sys.argv[1], 'r+'); fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)"
    assert f"write lease on {path}," in look(spawn.python(source, str(path)).pid)["write_lease"]


def test_an_open_file_that_has_another_name_now_is_named(spawn: Any, look: Look, tmp_path: Path) -> None:
    path = tmp_path / "first"
    source = "f = open(sys.argv[1], 'w'); os.link(sys.argv[1], sys.argv[1] + '2'); os.unlink(sys.argv[1])"
    assert f"open file {path} " in look(spawn.python(source, str(path)).pid)["open_file_renamed"]


def test_deleted_files_have_a_limit_each_and_together(spawn: Any, look: Look, tmp_path: Path) -> None:
    source = """
kept = [open(f'{sys.argv[1]}/{n}', 'w') for n in range(int(sys.argv[2]))]
for one in kept: one.truncate(int(sys.argv[3])); os.unlink(one.name)
"""
    one = spawn.python(source, str(tmp_path), "1", str(unmovable.GHOST_BYTES + 1)).pid
    assert f"{tmp_path}/0 (descriptor 3" in look(one)["deleted_file_too_large"]
    three = spawn.python(source, str(tmp_path), "3", str(unmovable.GHOST_BYTES)).pid
    assert "open files were deleted and have 48 MiB together" in look(three)["deleted_file_too_large"]
    two = spawn.python(source, str(tmp_path), "2", str(unmovable.GHOST_BYTES)).pid
    assert look(two) == {}


def test_a_semaphore_eventfd_is_named(spawn: Any, look: Look) -> None:
    pid = spawn.python(f"kept = os.eventfd(1, {EFD_SEMAPHORE})").pid
    if "eventfd-semaphore" not in Path(f"/proc/{pid}/fdinfo/3").read_text():
        pytest.skip("this kernel does not say which eventfd is a semaphore")
    assert f"Descriptor 3 of process {pid}" in look(pid)["eventfd_semaphore"]


def test_a_limit_of_processes_that_leaves_no_room_is_named(spawn: Any, look: Look, tmp_path: Path) -> None:
    pid = spawn.python("").pid
    (tmp_path / "pids.max").write_text("8")
    assert "may have 8 processes and threads" in look(pid)["pids_limit"]
    for enough in ("9", "max"):
        (tmp_path / "pids.max").write_text(enough)
        assert look(pid) == {}


def test_a_memory_limit_below_what_forked_processes_need_alone_is_named(spawn: Any, tmp_path: Path) -> None:
    source = """
kept = os.urandom(1 << 20) * 24
for _ in range(2):
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1); break
"""
    process = spawn.python(source)
    tree = processes.tree(process.pid)
    container: Any = Groups(tmp_path)
    (tmp_path / "memory.limit_in_bytes").write_text(str(60 << 20))
    [blocker] = memory_limit.blockers(tree, container)
    for pid in tree[1:]:
        os.kill(pid, signal.SIGKILL)
    assert (blocker.code, "may use 60 MiB" in blocker.message) == ("memory_limit", True)
    (tmp_path / "memory.limit_in_bytes").write_text(str(600 << 20))
    assert memory_limit.blockers(tree[:1], container) == []


def test_shared_memory_counts_once_and_also_where_it_is_not_mapped(spawn: Any) -> None:
    source = """
import mmap
m = mmap.mmap(-1, 24 << 20); m.write(b'x' * (24 << 20)); m.madvise(mmap.MADV_DONTNEED)
if os.fork() == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
"""
    process = spawn.python(source)
    tree = processes.tree(process.pid)
    counted = processes.resident_bytes(tree)
    for pid in tree[1:]:
        os.kill(pid, signal.SIGKILL)
    assert 24 << 20 <= counted < 48 << 20
