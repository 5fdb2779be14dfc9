# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of some directories were written since they were looked at (inotify(7)).

A look at every file takes some 5 us each. With a watch, only files that the kernel names need another look.
The kernel names no write through a mapping. It does name the file when its last descriptor or mapping that can
write is gone, so only files that are still open for writing, or mapped, must be looked at besides.
"""

from __future__ import annotations

import contextlib
import os
import struct

from . import libc

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED, _CREATE, _DELETE = 0x2, 0x4, 0x8, 0xC0, 0x100, 0x200
_UNMOUNT, _OVERFLOW = 0x2000, 0x4000
_ONLY_DIRECTORIES, _NO_LINKS = 0x1000000, 0x2000000
_MASK = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED | _CREATE | _DELETE | _ONLY_DIRECTORIES | _NO_LINKS
_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 18
_MOST_DIRECTORIES = 4096
"""Each costs 2 us of the downtime, and a watch of those that the kernel allows to a user (fs.inotify)."""


class DirectoryWatch:
    """Watches of directories, which are added one by one, each before it is listed."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}
        self._is_complete = True
        try:
            self._queue = libc.inotify_init()
        except OSError:  # no more are allowed (fs.inotify.max_user_instances)
            self._queue = -1
            self._is_complete = False

    def add(self, place: str, path: str) -> None:
        """Watch one more directory.

        Args:
            place: where this process finds it.
            path: by which it is known in :meth:`touched`.
        """
        if not self._is_complete:
            return
        try:
            number = libc.inotify_add_watch(self._queue, place, _MASK)
        except OSError:  # it has just been removed, or no more are allowed
            number = -1
        self._is_complete = number >= 0 and number not in self._paths and len(self._paths) < _MOST_DIRECTORIES
        self._paths[number] = path

    def touched(self) -> set[str] | None:
        """Paths of files that were written, changed, made, moved or removed since; None when that is not known."""
        found: set[str] = set()
        while self._is_complete:
            try:
                events = os.read(self._queue, _READ_BYTES)
            except BlockingIOError:
                return found
            self._take(events, found)
        return None

    def _take(self, events: bytes, found: set[str]) -> None:
        at = 0
        while at < len(events):
            number, mask, _cookie, length = _EVENT.unpack_from(events, at)
            name = events[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
            at += _EVENT.size + length
            if mask & (_OVERFLOW | _UNMOUNT):
                self._is_complete = False
            if name and number in self._paths:
                directory = self._paths[number]
                found.add(os.path.join(directory, os.fsdecode(name)))

    def close(self) -> None:
        self._is_complete = False
        if self._queue >= 0:
            with contextlib.suppress(OSError):
                os.close(self._queue)
        self._queue = -1
