# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots limit how many migrations are in progress on a host at once; the others wait.

A slot is a file that its holder has locked, so a holder that dies has given it back. A host has one pool for what
leaves it and one for what arrives. A migration takes LEAVING at its source first and ARRIVING at its target second:
who holds the second has all that it needs and comes to its end, so whoever waits for it does too. There is no
deadlock, whatever the directions are.

Of those that leave a host, only one is in its switchover at a time: each would make the downtime of the others longer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from .. import paths

LEAVING = "leaving"
ARRIVING = "arriving"
SWITCHING = "switching"
"""Taken last, by the worker on the source, for the switchover: its memory rounds are over, and it waits for nobody."""


class Slot:
    """A slot that is held, by this process and those that it forks."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, pool: str, count: int) -> Slot | None:
        """Take one of the first ``count`` slots of a pool; None when all are held."""
        for number in range(1, count + 1):
            slot = cls._lock(paths.slots() / f"{pool}-{number}")
            if slot is not None:
                return slot
        return None

    @classmethod
    def _lock(cls, path: Path) -> Slot | None:
        while True:
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except (FileNotFoundError, FileExistsError):  # the last holder has just removed a directory
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return cls(path, descriptor)
            os.close(descriptor)  # its last holder removed the file after it was opened

    def release(self) -> None:
        """Give it back, for every process that holds it."""
        self._path.unlink(missing_ok=True)  # while it is locked, so that nobody else's file is removed
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        _remove_directories()


def remove_stale() -> None:
    """Remove what holders that were killed have left."""
    for path in paths.slots().glob("*-*"):
        slot = Slot._lock(path)
        if slot is not None:
            slot.release()


def _remove_directories() -> None:
    for path in (paths.slots(), paths.STATE):
        with contextlib.suppress(OSError):
            path.rmdir()
