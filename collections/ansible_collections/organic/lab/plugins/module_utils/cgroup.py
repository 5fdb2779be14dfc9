# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control group of the host's own in every hierarchy of the machine (cgroup v1, v2 or both)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.organic.lab.plugins.module_utils import kernel
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, wait_for
from ansible_collections.organic.lab.plugins.module_utils.process import Process

ROOT = Path("/sys/fs/cgroup")
# Options of a v1 mount that are not controllers.
_FLAGS = {"rw", "ro", "noprefix", "clone_children", "xattr", "cpuset_v2_mode"}


class HostCgroup:
    """The cgroups of one host: made before it starts, entered by it, mounted inside it, removed after it."""

    def __init__(self, name: str) -> None:
        self.name = name
        found = {Path(entry.point): entry for entry in kernel.mounts() if entry.kind in ("cgroup", "cgroup2")}
        self._v1 = {
            point: ",".join(
                option
                for option in entry.options.split(",")
                if option not in _FLAGS and not option.startswith("release_agent=")
            )
            for point, entry in found.items()
            if entry.kind == "cgroup" and point.parent == ROOT
        }
        self._v2 = [point for point, entry in found.items() if entry.kind == "cgroup2"]

    def directories(self) -> list[Path]:
        """The host's directory in each hierarchy, there or not."""
        return [point / self.name for point in (*self._v1, *self._v2)]

    def create(self) -> None:
        """Make the directories. A cpuset is useless until it has CPUs and memory nodes (cpuset(7))."""
        for directory in self.directories():
            directory.mkdir(exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):
                file = directory / setting
                if directory.parent in self._v1 and file.exists() and not file.read_text(encoding="ascii").strip():
                    file.write_text((directory.parent / setting).read_text(encoding="ascii"), encoding="ascii")

    def enter(self) -> None:
        """Move the calling process in; what it unshares next has these as its roots."""
        for directory in self.directories():
            (directory / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def mount(self, target: Path) -> None:
        """Mount the hierarchies of the machine below target, from inside the cgroup namespace."""
        if not self._v1:
            kernel.mount("cgroup2", target, "cgroup2", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
            self._delegate(target)
            return
        kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC, "mode=755")
        for point, options in self._v1.items():
            directory = target / point.name
            directory.mkdir()
            kernel.mount("cgroup", directory, "cgroup", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC, options)

    @staticmethod
    def _delegate(root: Path) -> None:
        """v2: controllers reach the children only from a cgroup without processes (cgroups(7))."""
        leaf = root / "init"
        leaf.mkdir(exist_ok=True)
        for pid in (root / "cgroup.procs").read_text(encoding="ascii").split():
            (leaf / "cgroup.procs").write_text(pid, encoding="ascii")
        for controller in (root / "cgroup.controllers").read_text(encoding="ascii").split():
            (root / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")

    def processes(self) -> Iterator[Process]:
        """All processes in the host's cgroups."""
        pids = set()
        for directory in self._tree(top_down=True):
            pids.update((directory / "cgroup.procs").read_text(encoding="ascii").split())
        for pid in pids:
            process = Process.of(int(pid))
            if process:
                yield process

    def thaw(self) -> None:
        """v1: a frozen process does not even see SIGKILL."""
        for directory in self._tree(top_down=True):
            state = directory / "freezer.state"
            if state.exists() and state.read_text(encoding="ascii").strip() != "THAWED":
                state.write_text("THAWED", encoding="ascii")

    def remove(self, timeout_s: float = 10.0) -> bool:
        """Remove all directories; processes that were just killed may hold them for a moment. True if any was there."""
        there = any(directory.exists() for directory in self.directories())
        if not wait_for(self._try_remove, time.monotonic() + timeout_s):
            left = ", ".join(str(directory) for directory in self._tree(top_down=False))
            raise LabError(f"cgroups are still busy after {timeout_s:.0f} s: {left}")
        return there

    def _try_remove(self) -> bool:
        try:
            for directory in self._tree(top_down=False):
                directory.rmdir()
        except OSError:
            # Busy for a moment, or another has removed it meanwhile: the next try sees.
            return False
        return True

    def _tree(self, top_down: bool) -> Iterator[Path]:
        for top in self.directories():
            for path, _directories, _files in os.walk(top, topdown=top_down):
                yield Path(path)
