# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes
from ansible_collections.organic.live_migration.plugins.module_utils.host.processes import ProcessId


def test_a_process_that_has_ended_has_nothing(spawn: Any) -> None:
    process = spawn.python("")
    process.kill()
    process.wait()
    assert list(processes.descriptors(process.pid)) == []


def test_a_process_is_not_mistaken_for_a_later_one(spawn: Any) -> None:
    process = spawn.python("")
    me = ProcessId.of(process.pid)
    assert me.alive
    earlier = ProcessId(me.pid, me.start_time - 1)
    assert not earlier.alive
    earlier.kill()
    assert process.poll() is None
    me.kill()
    assert process.wait(10) == -signal.SIGKILL
    assert not me.alive
    me.kill()  # idempotent


def test_a_zombie_is_not_alive(spawn: Any) -> None:
    process = spawn.python("")
    me = ProcessId.of(process.pid)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not me.alive


def test_who_is_gone_raises_and_has_no_children() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(ProcessLookupError):
        ProcessId.of(child)
    assert processes.children(child) == []
    assert processes.tree(child) == [child]


def test_names_that_look_like_fields_do_not_confuse(spawn: Any, tmp_path: Path) -> None:
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to(sys.executable)
    process = spawn.start([str(odd), "-ISc", "import signal; print('ready', flush=True); signal.pause()"])
    assert processes.children(os.getpid()).count(process.pid) == 1
    assert processes.session(process.pid) == os.getsid(process.pid)


def test_a_tree_with_children_of_every_thread(spawn: Any) -> None:
    source = """
import threading
def fork():
    if os.fork() == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        signal.pause()
thread = threading.Thread(target=fork); thread.start(); thread.join(); fork()
"""
    process = spawn.python(source)
    tree = processes.tree(process.pid)
    assert tree[0] == process.pid
    assert len(tree) == 3
    for pid in tree[1:]:
        os.kill(pid, signal.SIGKILL)


def test_pids_as_a_container_counts_them(as_root: None, spawn: Any) -> None:
    program = "import signal; print('ready', flush=True); signal.pause()"
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-ISc", program]
    [inside] = processes.children(spawn.start(command).pid)
    assert processes.pid_inside(inside) == 1


def test_memory_in_use_and_shared_mappings(spawn: Any, tmp_path: Path) -> None:
    source = """
import mmap
kept = bytearray(os.urandom(1 << 20) * 24)
with open(sys.argv[1], "w+b") as file:
    file.truncate(4096)
    shared = mmap.mmap(file.fileno(), 4096)
"""
    path = tmp_path / "counters with space"
    pid = spawn.python(source, str(path)).pid
    assert 24 << 20 <= processes.resident_bytes([pid]) < 100 << 20
    assert str(path) in processes.shared_file_mappings(pid)
    programs = processes.programs([pid])
    assert os.path.realpath(sys.executable) in {program for program, _offset, _size in programs}
    assert str(path) not in {program for program, _offset, _size in programs}
    assert processes.resident_bytes([]) == 0


def test_a_process_that_was_never_known_is_not_killed() -> None:
    """As the init in the record of a container that could not even be started."""
    ProcessId(0, 0).kill()


def test_the_end_of_a_process_is_awaited_so_long_at_most(spawn: Any) -> None:
    waits = ProcessId.of(spawn.python("").pid)
    waits.await_end(0.05)
    assert waits.alive
    ends = ProcessId.of(spawn.python("signal.setitimer(signal.ITIMER_REAL, 0.3)").pid)
    ends.await_end(30)
    assert not ends.alive


def test_whoever_was_killed_is_told_before_it_is_reaped(spawn: Any) -> None:
    pid = spawn.python("import time; time.sleep(60)").pid
    assert not processes.is_killed(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert processes.is_killed(pid)
    assert processes.is_killed(2**22)
