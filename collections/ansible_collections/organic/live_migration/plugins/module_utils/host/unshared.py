# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes and threads of a container have for themselves (unshare(2)): namespaces, descriptors, directories.

CRIU dumps no namespace that is nested but that of the network, which it cannot restore below the first process. Of
threads it looks at nothing of this kind, so that they would lose theirs in silence. Sources: namespaces(7), kcmp(2),
CRIU's criu/namespaces.c, criu/pstree.c and criu/cr-dump.c.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ..errors import Blocker
from . import libc, processes

_OF_INIT = {
    "ipc": "IPC",
    "mnt": "mount",
    "net": "network",
    "pid": "PID",
    "user": "user",
    "uts": "UTS",
}
_OF_ROOT = {"cgroup": "cgroup", "time": "time"}
"""After a migration these may be others than those of the container's init; all have those of the first process."""
_OF_CHILDREN = {"pid": "pid_for_children", "time": "time_for_children"}
_NAMES = {**_OF_INIT, **_OF_ROOT, "pid_for_children": "PID", "time_for_children": "time"}
"""Files of /proc/PID/ns, and what users call them."""
_TABLES = {libc.KCMP_FILES: "descriptors", libc.KCMP_FS: "a working directory, root directory and umask"}


def blockers(tree: list[int], init_pid: int) -> list[Blocker]:
    """Everything of this kind, each once.

    Args:
        tree: PIDs on the host, the first process first.
        init_pid: first process of the container.
    """
    found = [*_around(init_pid)]
    expected = {**_read(init_pid, _OF_INIT), **(_read(tree[0], _OF_ROOT) if tree else {})}
    for kind, of_children in _OF_CHILDREN.items():
        if kind in expected:
            expected[of_children] = expected[kind]
    for pid in tree:
        found += _inside(pid, expected)
        found += _tables(pid)
    return list(dict.fromkeys(found))


def _around(init_pid: int) -> Iterator[Blocker]:
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{init_pid}/ns/user") != os.readlink("/proc/self/ns/user"):
            yield Blocker(
                "user_namespace",
                "The container has a user namespace of its own, in which CRIU may not restore it",
                "Start it in that of its host: docker run --userns=host, or a pod without hostUsers: false",
            )


def _inside(pid: int, expected: dict[str, str]) -> Iterator[Blocker]:
    with contextlib.suppress(OSError):
        for task in sorted(map(int, os.listdir(f"/proc/{pid}/task"))):
            who = f"process {pid}" if task == pid else f"thread {task} of process {pid}"
            found = _read(task, _NAMES)
            if "mnt" not in found:
                continue  # it has ended, and is at most a zombie
            # without a process in it, that of the children is not shown
            for name in sorted({_NAMES[kind] for kind, namespace in expected.items() if found.get(kind) != namespace}):
                yield Blocker(
                    "own_namespace",
                    f"The {who} ({processes.name(pid)}) has a {name} namespace of its own, which CRIU cannot move",
                    "Have the program do without (unshare, setns, ip netns, a sandbox), or put it into two containers",
                )


def _tables(pid: int) -> Iterator[Blocker]:
    """Threads with descriptors, or a working directory, that are not those of their process."""
    with contextlib.suppress(OSError):
        for task in sorted(map(int, os.listdir(f"/proc/{pid}/task"))):
            for kind, name in _TABLES.items():
                if not libc.is_shared(kind, pid, task):
                    yield Blocker(
                        "unshared_thread",
                        f"The thread {task} of process {pid} ({processes.name(pid)}) has {name} of its own, and would "
                        "have those of its process afterwards",
                        "Have the program share them between its threads (no unshare with CLONE_FILES or CLONE_FS), or "
                        "use processes in place of such threads",
                    )


def _read(task: int, kinds: dict[str, str]) -> dict[str, str]:
    """By kind; without those that this kernel does not know, or whose task has ended."""
    found = {}
    for kind in kinds:
        with contextlib.suppress(OSError):
            found[kind] = os.readlink(f"/proc/{task}/ns/{kind}")
    return found
