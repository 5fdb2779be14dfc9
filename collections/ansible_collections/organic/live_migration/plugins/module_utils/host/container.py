# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running container as the kernel sees it: its PID 1, the process tree, cgroups and mounts."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import MigrationError
from . import commands, processes

_CGROUP_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Mount:
    """One line of /proc/PID/mountinfo (proc(5))."""

    point: str
    filesystem: str
    options: dict[str, str]
    device: int
    read_only: bool
    root: str


class Container:
    """A container whose PID 1 is the resident init.

    Args:
        pid: PID 1 of the container as the host counts.
    """

    def __init__(self, pid: int) -> None:
        self.init = processes.ProcessId.of(pid)

    def enter_command(self, with_ipc: bool = True) -> list[str]:
        """Command prefix that runs a program in all namespaces of the container but the user's, or that of IPC."""
        namespaces = ["--mount", "--uts", *(["--ipc"] if with_ipc else []), "--net", "--pid", "--cgroup"]
        return ["nsenter", "--target", str(self.init.pid), *namespaces]

    def path_inside(self, name: str) -> str:
        """Path, in the container, of a file in the directory of its init below /proc."""
        return f"/proc/{processes.pid_inside(self.init.pid)}/{name}"

    def root_process(self) -> int:
        """The first process of the tree that is moved: the oldest child of the init.

        Raises:
            MigrationError: the container runs no process, or several trees beside each other.
        """
        below = processes.children(self.init.pid)
        below = [pid for pid in below if processes.state(pid) != "Z"]
        if not below:
            raise MigrationError("The container runs nothing: its init has no child. Look at its log.")
        if len(below) > 1:
            raise MigrationError(
                f"Processes {sorted(below)[1:]} were orphaned and do not descend from the container's first process, "
                f"{min(below, key=processes.start_time)}; a tree can be moved, not several."
            )
        return below[0]

    def cgroups(self) -> dict[str, Path]:
        """Directories of the container's control groups by controller; v2 has the key ''."""
        found = {}
        for line in Path(f"/proc/{self.init.pid}/cgroup").read_text().splitlines():
            _number, controllers, path = line.split(":", 2)
            name = controllers.replace("name=", "")
            candidates = [_CGROUP_ROOT / name, _CGROUP_ROOT] if name else [_CGROUP_ROOT, _CGROUP_ROOT / "unified"]
            for candidate in candidates:
                directory = candidate / path.lstrip("/")
                if (directory / "cgroup.procs").exists():
                    found[name] = directory
                    break
        return found

    def all_pids(self) -> list[int]:
        """All processes of the container, also those that were started in it from outside."""
        directory = next(iter(self.cgroups().values()), None)
        found: list[int] = []
        for group in directory.rglob("cgroup.procs") if directory else ():
            with contextlib.suppress(OSError):  # the group is gone
                found += [int(pid) for pid in group.read_text().split()]
        return found

    def freezer_group(self) -> Path:
        """The group below which the process tree is frozen: v1's freezer where it is mounted, else v2.

        Raises:
            MigrationError: the host has neither.
        """
        groups = self.cgroups()
        for controllers, directory in groups.items():
            if "freezer" in controllers.split(","):
                return directory
        if "" in groups and (groups[""] / "cgroup.freeze").exists():
            return groups[""]
        raise MigrationError("This host has no cgroup freezer (neither cgroup v2 nor v1's freezer is mounted).")

    def join_cgroups(self) -> None:
        """Move the calling process into the container's groups."""
        for directory in self.cgroups().values():
            (directory / "cgroup.procs").write_text(str(os.getpid()))

    def mounts(self) -> list[Mount]:
        return parse_mountinfo(Path(f"/proc/{self.init.pid}/mountinfo").read_text())

    def overlay_device(self) -> int | None:
        """Device number of the root when it is an overlay file system."""
        for mount in self.mounts():
            if mount.point == "/" and mount.filesystem == "overlay":
                return mount.device
        return None

    def reserve_pids_above(self, pid: int) -> None:
        """Have the container's next PIDs counted from above ``pid``, which a restore needs free."""
        # the container's own /proc/sys is read-only; --pid without --mount writes through the host's
        command = f"echo {pid + 2000} > /proc/sys/kernel/ns_last_pid"
        commands.run(["nsenter", "--target", str(self.init.pid), "--pid", "sh", "-c", command])

    def standard_streams(self, pid: int) -> dict[int, str]:
        """What the standard descriptors of a process point to, for example ``{1: "pipe:[4711]"}``."""
        return {number: target for number, target in processes.descriptors(pid) if number < 3}


def parse_mountinfo(text: str) -> list[Mount]:
    mounts = []
    for line in text.splitlines():
        left, _separator, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        major, _colon, minor = fields[2].partition(":")
        options = {}
        for option in tail[2].split(",") if len(tail) > 2 else []:
            key, _equals, value = option.partition("=")
            options[key] = value
        mounts.append(
            Mount(
                point=_unescape(fields[4]),
                filesystem=tail[0],
                options=options,
                device=os.makedev(int(major), int(minor)),
                read_only="ro" in fields[5].split(","),
                root=_unescape(fields[3]),
            )
        )
    return mounts


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
