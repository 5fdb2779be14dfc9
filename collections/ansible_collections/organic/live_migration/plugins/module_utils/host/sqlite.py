# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data bases of SQLite that cannot be written any more once their file is another one, even with the same content.

With a rollback journal SQLite compares, before each transaction, the inode of the open file with that of its name, and
fails with SQLITE_READONLY_DBMOVED where they differ (databaseIsUnmoved() in pager.c). It remembers the inode of what
it opened, and a copy on another host has another one. With a write-ahead log it does not compare.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ..errors import Blocker
from . import processes
from .container import Container, Mount

_MAGIC = b"SQLite format 3\0"
_WRITE_VERSION, _ROLLBACK = 18, 1
"""Place in the header, and value for a rollback journal (https://www.sqlite.org/fileformat2.html, 1.3.3)."""
_COPIED = ("overlay", "tmpfs")
"""File systems whose files are copied to the target host."""


def blockers(tree: list[int], container: Container) -> list[Blocker]:
    """Those that processes have open for writing, each once.

    Args:
        tree: PIDs on the host.
        container: in which they run.
    """
    mounts = container.mounts()
    found = {path: who for pid in tree for path, who in _open_in(pid, mounts)}
    return [
        Blocker(
            "sqlite_journal",
            f"{who} has the SQLite data base {path} open with a rollback journal. SQLite would take its copy on the "
            "target host for another file, and refuse to write to it (SQLITE_READONLY_DBMOVED)",
            "Have the program use a write-ahead log (PRAGMA journal_mode=WAL), or put the data base on a volume that "
            "both hosts see",
        )
        for path, who in sorted(found.items())
    ]


def _open_in(pid: int, mounts: list[Mount]) -> Iterator[tuple[str, str]]:
    for number, target in processes.descriptors(pid):
        if target.startswith("/") and _has_rollback_journal(pid, number) and _is_copied(target, mounts):
            yield target, f"Process {pid} ({processes.name(pid)})"


def _has_rollback_journal(pid: int, number: int) -> bool:
    """Whether a descriptor is such a data base, open for writing; a leased file is not touched."""
    information = processes.lines(f"/proc/{pid}/fdinfo/{number}")
    flags = next((int(line.split()[1], 8) for line in information if line.startswith("flags:")), 0)
    if not flags & os.O_ACCMODE or any("LEASE" in line for line in information):
        return False
    place = f"/proc/{pid}/fd/{number}"
    try:
        if not stat.S_ISREG(os.stat(place).st_mode):
            return False
        with open(place, "rb", buffering=0) as file:
            header = file.read(_WRITE_VERSION + 1)
    except OSError:
        return False
    return header.startswith(_MAGIC) and header[_WRITE_VERSION:] == bytes([_ROLLBACK])


def _is_copied(path: str, mounts: list[Mount]) -> bool:
    below = [mount for mount in mounts if path.startswith(mount.point.rstrip("/") + "/")]
    return bool(below) and max(below, key=lambda mount: len(mount.point)).filesystem in _COPIED
