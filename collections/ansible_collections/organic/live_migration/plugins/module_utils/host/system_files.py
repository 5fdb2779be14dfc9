# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open files that the kernel makes, below /sys and /proc: a restore opens them by name, and the target may lack them.

A program in Go holds two files of its control group open for its whole life (runtime/cgroup_linux.go, since Go 1.25);
they have other names where control groups have another version.
"""

from __future__ import annotations

import os
import re

from ..errors import Blocker
from . import processes

_CGROUPS = "/sys/fs/cgroup/"
_OWN = re.compile(r"^/proc/(self|thread-self|\d+)(/|$)")
"""Files of a process, which the restore makes with it."""


def open_paths(tree: list[int]) -> list[str]:
    """Those that processes have open, each once.

    Args:
        tree: PIDs on the host.
    """
    found = {target for pid in tree for _number, target in processes.descriptors(pid)
             if target.startswith(("/sys/", "/proc/")) and not _OWN.match(target)}  # fmt: skip
    return sorted(found)


def blockers(paths: list[str], root: str = "/") -> list[Blocker]:
    """Those that a container on this host would not have.

    Args:
        paths: as the container on the source host has them.
        root: of this host.
    """
    missing = [path for path in paths if not _is_here(path, root.rstrip("/"))]
    if not missing:
        return []
    is_cgroup = any(path.startswith(_CGROUPS) for path in missing)
    why = "; the hosts have control groups of different versions or layouts" if is_cgroup else ""
    remedy = "Have the program close them, or migrate between hosts with the same kernel and the same layout of /sys"
    if is_cgroup:
        remedy += "; a program in Go holds none with GODEBUG=containermaxprocs=0"
    return [
        Blocker(
            "open_system_file",
            f"Processes have open what a container on the target host does not have: {', '.join(missing)}{why}",
            remedy,
        )
    ]


def _is_here(path: str, root: str) -> bool:
    """Whether a container would have it: below the mount of control groups it has a directory of its own."""
    if not path.startswith(_CGROUPS):
        return os.path.exists(root + path)
    hierarchy, _slash, rest = path[len(_CGROUPS) :].partition("/")
    if rest and os.path.isdir(f"{root}{_CGROUPS}{hierarchy}") and not _is_unified(root):
        return True
    return _is_unified(root) and not rest


def _is_unified(root: str) -> bool:
    """Whether control groups of version 2 are mounted at the usual place (cgroups(7))."""
    return os.path.exists(f"{root}{_CGROUPS}cgroup.controllers")
