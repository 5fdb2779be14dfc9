# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a process tree as a whole, by a control group of its own.

Sources: the kernel's Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst (cgroup.freeze).
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from .. import paths
from ..errors import MigrationError
from . import processes

POLL_INTERVAL_S = 0.0001
"""The kernel has no event for "all frozen"; it takes some 0.1 ms, and each task needs a CPU to get there."""


class Freezer:
    """A child group of the container's that holds the process tree; the init and exec'd processes stay outside.

    Args:
        group: directory of the container's group, in the v1 freezer hierarchy or the v2 one.
    """

    def __init__(self, group: Path) -> None:
        self.parent = group
        self.directory = group / paths.FREEZER
        self._v1 = (group / "freezer.state").exists()
        self.tree: list[int] = []
        """The processes that :meth:`freeze` has found below the root, parents first."""
        self._switch = self.directory / ("freezer.state" if self._v1 else "cgroup.freeze")

    def create(self) -> None:
        self.directory.mkdir(exist_ok=True)

    def join(self) -> None:
        """Move the calling process in; its children are members, too."""
        (self.directory / "cgroup.procs").write_text(str(os.getpid()))

    def collect(self, root: int) -> None:
        """Move the tree below ``root`` in; repeats until no process was forked meanwhile.

        Raises:
            MigrationError: processes are forked faster than they can be moved.
        """
        self._root = root
        self.create()
        deadline = time.monotonic() + 5
        while missing := self._outside():
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"The program forks processes faster than they can be moved into its freezer: {sorted(missing)}. "
                    "Try again when it is less busy."
                )
            for pid in missing:
                with contextlib.suppress(ProcessLookupError):
                    (self.directory / "cgroup.procs").write_text(str(pid))

    def _outside(self) -> set[int]:
        """Processes of the tree that are not in the group; a zombie is in none."""
        found = set()
        self.tree = processes.tree(self._root)
        for pid in self.tree:
            with contextlib.suppress(ProcessLookupError):
                if processes.state(pid) not in "ZX":
                    found.add(pid)
        return found - set(self.members)

    @property
    def members(self) -> list[int]:
        try:
            return [int(pid) for pid in (self.directory / "cgroup.procs").read_text().split()]
        except OSError:  # ENOENT, or ENODEV: the group disappears with its container
            return []

    def request_freeze(self) -> None:
        """Stop all members, without waiting for it; a traced one stops when its tracer lets it continue."""
        self._switch.write_text("FROZEN" if self._v1 else "1")

    @property
    def has_killed_member(self) -> bool:
        """Whether a member was sent SIGKILL, which takes effect when it is thawed."""
        return any(processes.is_killed(pid) for pid in self.members)

    def freeze(self, timeout_s: float = 5) -> None:
        """Stop all members; returns when the kernel reports that all are frozen.

        Raises:
            MigrationError: a task did not stop (uninterruptible), or a process escaped; the tree was thawed again.
        """
        self.request_freeze()
        deadline = time.monotonic() + timeout_s
        while not self.frozen:
            if time.monotonic() > deadline:
                self.thaw()
                raise MigrationError(
                    f"The processes {self.members} did not stop within {timeout_s:.0f} s. "
                    "One is probably waiting for a disk or a network file system; try again when that is back."
                )
            time.sleep(POLL_INTERVAL_S)
        if escaped := self._outside():
            self.thaw()
            raise MigrationError(f"Processes {sorted(escaped)} were forked just before the freeze; try again.")

    @property
    def frozen(self) -> bool:
        try:
            if self._v1:
                return self._switch.read_text().strip() == "FROZEN"
            return "frozen 1" in (self.directory / "cgroup.events").read_text()
        except FileNotFoundError:
            return False

    @property
    def freeze_requested(self) -> bool:
        """Whether this group itself was frozen and not thawed since, whatever its parent's state (docker pause)."""
        with contextlib.suppress(OSError):
            own = self.directory / ("freezer.self_freezing" if self._v1 else "cgroup.freeze")
            return own.read_text().strip() == "1"
        return False

    def thaw(self) -> None:
        with contextlib.suppress(OSError):
            self._switch.write_text("THAWED" if self._v1 else "0")

    def kill(self) -> None:
        """Kill all members. In a frozen v1 group SIGKILL takes effect at the thaw, so none of them runs again."""
        for pid in self.members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.thaw()

    def remove(self) -> None:
        """Move the members back to the container's group and remove this one; idempotent."""
        if not self.directory.exists():
            return
        self.thaw()
        deadline = time.monotonic() + 5
        while True:
            for pid in self.members:
                with contextlib.suppress(ProcessLookupError):
                    (self.parent / "cgroup.procs").write_text(str(pid))
            try:
                self.directory.rmdir()
                return
            except OSError:
                # a member is exiting; its group is busy until it has been reaped
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
