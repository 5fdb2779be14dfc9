# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System V IPC objects and POSIX message queues: they are not carried, so each is named."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..errors import Blocker
from ..host import libc
from .base import NamespaceKind, State

_KINDS = {"sem": "semaphore set", "msg": "message queue", "shm": "shared memory segment"}


class Ipc(NamespaceKind):
    name = "ipc"

    def blockers(self, pid: int) -> list[Blocker]:
        found = []
        with libc.namespace(pid, "ipc"):
            for kind, what in _KINDS.items():
                for line in Path("/proc/sysvipc", kind).read_text().splitlines()[1:]:
                    key, number = line.split()[:2]
                    found.append(f"System V {what} {number} (key {int(key) & 0xFFFFFFFF:#x})")
        with contextlib.suppress(OSError):
            found += [f"POSIX message queue /{path.name}" for path in Path(f"/proc/{pid}/root/dev/mqueue").iterdir()]
        return [
            Blocker(
                "ipc",
                f"The container has the {what}, which is not migrated",
                "Remove it (ipcrm, mq_unlink), or configure the program for mmap or /dev/shm instead",
            )
            for what in found
        ]

    def read(self, pid: int) -> State:
        return {}

    def apply(self, pid: int, wanted: State) -> None:
        """There is nothing to set."""
