# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's files looked like at one time, and how they differ from then."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import NamedTuple

from . import processes
from .directory_watch import DirectoryWatch

_BLOCK_BYTES = 512
"""Unit of st_blocks (inode(7))."""
_GRAIN_NS = 20_000_000
"""Kernels before 6.13 stamp files with the time of the last tick: a write after the snapshot may look older than it."""


class Stamp(NamedTuple):
    """Equal stamps mean that a file did not change in between. A sparse file uses less than its size."""

    mode: int
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    used_bytes: int = 0


class Listed(NamedTuple):
    """A directory that was listed."""

    place: str
    stamp: Stamp
    names: set[str]


@dataclass
class Snapshot:
    """The files of a container at one time. Paths are relative to the container's root.

    Attributes:
        files: all that are the container's own.
        removed: paths of the image that are hidden; a directory that replaced one of the image is in both.
        taken_ns: when it was taken, in ns since the epoch; 0 when nothing was written around that time.
        directories: that were listed: where each is, its stamp before that, and the names in it.
        linked: paths of files that have several names, by inode.
        watch: of these directories, since before they were listed.
        racy_files: see :meth:`racy`.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    taken_ns: int = 0
    directories: dict[str, Listed] = field(default_factory=dict)
    linked: dict[int, list[str]] = field(default_factory=dict)
    watch: DirectoryWatch | None = None
    racy_files: list[str] = field(default_factory=list)

    def diff(self, before: Snapshot, always: set[str]) -> tuple[list[str], list[str]]:
        """Paths that changed since ``before`` (and those of ``always``), and paths that are gone."""
        changed = [path for path, stamp in self.files.items()
                   if before.files.get(path) != stamp or before.racy(stamp) or path in always]  # fmt: skip
        gone = (before.files.keys() - self.files.keys()) | (self.removed - before.removed)
        return sorted(changed), sorted(gone, reverse=True)

    def close(self) -> None:
        """End its watch."""
        if self.watch is not None:
            self.watch.close()

    @property
    def size_bytes(self) -> int:
        """What all regular files hold."""
        return sum(min(stamp.size, stamp.used_bytes) for stamp in self.files.values() if stat.S_ISREG(stamp.mode))

    def is_changed(self, path: str, stamp: Stamp | None) -> bool:
        """Whether a file that has this stamp now, or is gone, may have changed since."""
        before = self.files.get(path)
        return before != stamp or (stamp is not None and self.racy(stamp))

    def racy(self, stamp: Stamp) -> bool:
        """Whether a file changed so shortly before the snapshot that a later change may have the same stamp."""
        return 0 < self.taken_ns - _GRAIN_NS <= max(stamp.modified_ns, stamp.changed_ns)


def open_for_writing(pids: list[int], known: Snapshot) -> set[str]:
    """Which of the known files these processes have open for writing."""
    found = set()
    for pid in pids:
        for descriptor, target in processes.descriptors(pid):
            if target[1:] in known.files and processes.is_open_for_writing(pid, descriptor):
                found.add(target[1:])
    return found


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_blocks * _BLOCK_BYTES,
    )


def below(snapshot: Snapshot, path: str) -> set[str]:
    """A path, and all that is below it, as far as it is in a snapshot."""
    found = {path} & snapshot.files.keys()
    if path in snapshot.directories:
        prefix = f"{path}/" if path else ""
        found |= {other for other in snapshot.files if other.startswith(prefix)}
    return found
