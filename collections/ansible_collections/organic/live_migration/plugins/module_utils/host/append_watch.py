# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large files to which processes only append: of these nothing but the tail must be read again.

Whoever writes into the middle of a file has a descriptor without O_APPEND (open(2)). So a file has only grown when all
descriptors by which it can be written append, and nobody has opened it since they were looked at. To hear of that
costs nothing while nobody does (inotify(7)); to compare all blocks of a large log would be downtime.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

from . import libc, processes
from .container import Container

_IN_OPEN = 0x20
_EVENT_BYTES = 64


@dataclass
class _Watched:
    """One file.

    Attributes:
        descriptor: our own, by which it is read without being opened again.
        events: says when it is opened.
        writers: PID and descriptor of each that can write to it.
        is_read: all of it was read since it is watched.
    """

    descriptor: int
    events: int
    writers: list[tuple[int, int]]
    is_read: bool = False

    @property
    def only_grows(self) -> bool:
        try:
            os.read(self.events, _EVENT_BYTES)
        except BlockingIOError:
            return all(appends(pid, number) for pid, number in self.writers)
        return False

    def close(self) -> None:
        os.close(self.events)
        os.close(self.descriptor)


class AppendWatch:
    """Finds such files of one container and watches them.

    Args:
        container: whose files.
        least_bytes: smaller ones are left out.
    """

    def __init__(self, container: Container, least_bytes: int) -> None:
        self._container = container
        self._least_bytes = least_bytes
        self._watched: dict[str, _Watched] = {}

    @property
    def descriptors(self) -> dict[str, int]:
        """Our own descriptors, by the path of the file relative to the container's root."""
        return {path: one.descriptor for path, one in self._watched.items()}

    def look(self) -> None:
        """Find files that are new, and watch them."""
        for path, those in writers(self._container, self._least_bytes).items():
            if path in self._watched:
                self._watched[path].writers = those
            else:
                with contextlib.suppress(OSError):  # without it, its blocks are compared
                    self._add(path, those)

    def _add(self, path: str, writers: list[tuple[int, int]]) -> None:
        pid, number = writers[0]
        descriptor = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            events = libc.inotify_init()
        except OSError:
            os.close(descriptor)
            raise
        watched = _Watched(descriptor, events, writers)
        try:
            libc.inotify_add_watch(events, f"/proc/self/fd/{descriptor}", _IN_OPEN)
        except OSError:
            watched.close()
            raise
        # once more, now that no descriptor can be made without an event
        pids = self._container.all_pids()
        watched.writers = [(pid, number) for pid in pids for number, target in processes.descriptors(pid)
                           if target == f"/{path}" and _flags(pid, number) & os.O_ACCMODE]  # fmt: skip
        if not watched.writers or not watched.only_grows:
            watched.close()
            return
        self._watched[path] = watched

    def grown(self, mapped: set[str]) -> set[str]:
        """Those that have only grown since they were read; the others are not watched any more.

        Args:
            mapped: files that may be written by a mapping.
        """
        for path in [path for path, one in self._watched.items() if path in mapped or not one.only_grows]:
            self._watched.pop(path).close()
        return {path for path, one in self._watched.items() if one.is_read}

    def note_read(self, paths: list[str]) -> None:
        """These were read, by :attr:`descriptors`, since :meth:`grown` was called."""
        for path in paths:
            if path in self._watched:
                self._watched[path].is_read = True

    def close(self) -> None:
        """Watch nothing any more; idempotent."""
        while self._watched:
            self._watched.popitem()[1].close()


def writers(container: Container, least_bytes: int) -> dict[str, list[tuple[int, int]]]:
    """Who can write to each large file: PID and descriptor, by the path relative to the container's root."""
    found: dict[str, list[tuple[int, int]]] = {}
    for pid in container.all_pids():
        with contextlib.suppress(PermissionError):  # where a container shares its control group with the host's init
            for number, target in processes.descriptors(pid):
                is_candidate = target.startswith("/") and _is_large(pid, number, least_bytes)
                if is_candidate and _flags(pid, number) & os.O_ACCMODE:
                    found.setdefault(target.lstrip("/"), []).append((pid, number))
    return found


def _is_large(pid: int, number: int, least_bytes: int) -> bool:
    try:
        status = os.stat(f"/proc/{pid}/fd/{number}")
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size >= least_bytes


def _flags(pid: int, number: int) -> int:
    """Of a descriptor, as in open(2); 0, which is read-only, when it is gone."""
    for line in processes.lines(f"/proc/{pid}/fdinfo/{number}"):
        if line.startswith("flags:"):
            return int(line.split()[1], 8)
    return 0


def appends(pid: int, number: int) -> bool:
    """Whether a descriptor can change nothing that a file has already."""
    flags = _flags(pid, number)
    return not flags & os.O_ACCMODE or bool(flags & os.O_APPEND)
