# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes in namespaces of their own, compared with this one, which stands for the container's init."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes, unshared

FLAGS = {
    "network": 0x40000000,
    "mount": 0x00020000,
    "UTS": 0x04000000,
    "IPC": 0x08000000,
    "cgroup": 0x02000000,
    "PID": 0x20000000,
    "time": 0x00000080,
}
"""Of unshare(2): sched.h."""
UNSHARE = "import ctypes; assert ctypes.CDLL(None, use_errno=True).unshare(int(sys.argv[1])) == 0"
IN_A_THREAD = f"""
import threading
made = threading.Event()
def live():
    {UNSHARE}
    made.set()
    threading.Event().wait()
threading.Thread(target=live, daemon=True).start()
made.wait()
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="unshare(2) needs root")


def look(*tree: int) -> list[tuple[str, str]]:
    return [(blocker.code, blocker.message) for blocker in unshared.blockers(list(tree), os.getpid())]


def test_a_process_in_the_namespaces_of_its_container_is_no_reason(spawn: Any) -> None:
    assert look(spawn.python("").pid, spawn.python("").pid) == []


@needs_root
@pytest.mark.parametrize("name", FLAGS)
def test_a_namespace_of_its_own_is_named(spawn: Any, name: str) -> None:
    first, other = spawn.python("").pid, spawn.python(UNSHARE, str(FLAGS[name])).pid
    [(code, message)] = look(first, other)
    assert code == "own_namespace"
    assert f"process {other} " in message and f"has a {name} namespace of its own" in message


@needs_root
def test_so_is_that_of_a_thread(spawn: Any) -> None:
    pid = spawn.python(IN_A_THREAD, str(FLAGS["network"])).pid
    [(code, message)] = look(pid)
    assert code == "own_namespace"
    assert f"of process {pid} " in message and "network" in message


@needs_root
@pytest.mark.parametrize("name", ["cgroup", "time"])
def test_what_the_first_process_has_after_a_migration_is_no_reason(spawn: Any, name: str) -> None:
    """All others have it, too: here there are none."""
    found = look(spawn.python(UNSHARE, str(FLAGS[name])).pid)
    assert [message for _code, message in found if name not in message] == []
    assert len(found) == (1 if name == "time" else 0), "only what is left for its children differs"


@needs_root
def test_a_user_namespace_around_the_container_is_named(spawn: Any) -> None:
    init = spawn.python("import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0").pid
    found = unshared.blockers([], init)
    assert [blocker.code for blocker in found] == ["user_namespace"]


@pytest.mark.parametrize(
    ("flag", "named"), [(0x00000400, "has descriptors of its own"), (0x00000200, "umask of its own")]
)
def test_a_thread_that_shares_less_than_its_process_is_named(spawn: Any, flag: int, named: str) -> None:
    """CLONE_FILES, CLONE_FS."""
    pid = spawn.python(IN_A_THREAD, str(flag)).pid
    [(code, message)] = look(pid)
    assert code == "unshared_thread"
    assert f"of process {pid} " in message and named in message


def test_a_zombie_is_no_reason(spawn: Any, until: Any) -> None:
    parent = spawn.python("child = os.fork()\nif not child: os._exit(0)").pid
    [child] = processes.children(parent)
    until(lambda: processes.state(child) == "Z", "it has ended")
    assert look(parent, child) == []


def test_a_process_that_has_ended_is_no_reason(spawn: Any) -> None:
    process = spawn.python("")
    process.kill()
    process.wait()
    assert look(process.pid) == []
