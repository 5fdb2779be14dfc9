# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts that were made inside the container, and edits of the files that the engine mounts into it."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import Blocker, MigrationError
from ..host.container import Mount, parse_mountinfo
from .base import NamespaceKind, State

_OF_RUNTIME = ("/proc", "/sys", "/dev", "/run/secrets")
"""Below these, container runtimes mount by themselves."""
_SWARM_OBJECT = re.compile(r"/[a-z0-9]{25}")
"""The identity of a secret or config of a Docker Swarm: its file in the tmpfs that the engine mounts it from."""
_FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


def mounted_inside(pid: int, destinations: list[str], container_id: str) -> list[Blocker]:
    """Blockers: mounts that neither the runtime made nor the engine was asked for.

    Args:
        destinations: of the mounts that the engine was asked for.
        container_id: in the path of what the engine mounts by itself, for example configurations of a service.
    """
    known = ("/", *_FILES, *destinations)
    return [
        Blocker(
            "mount",
            f"{mount.point} ({mount.filesystem}) was mounted inside the container, which is not migrated",
            "Unmount it, or have the engine mount it (a volume, a bind mount, --tmpfs)",
        )
        for mount in _mounts(pid)
        if mount.point not in known
        and container_id not in mount.root
        and not _is_of_swarm(mount)
        and not any(f"{mount.point}/".startswith(f"{top}/") for top in _OF_RUNTIME)
    ]


def _is_of_swarm(mount: Mount) -> bool:
    """Swarm gives every task of a service the same ones, so that they are on the target host, too."""
    return mount.filesystem == "tmpfs" and mount.read_only and bool(_SWARM_OBJECT.fullmatch(mount.root))


def _mounts(pid: int) -> list[Mount]:
    return parse_mountinfo(Path(f"/proc/{pid}/mountinfo").read_text())


class EngineFiles(NamespaceKind):
    """/etc/hosts, /etc/hostname and /etc/resolv.conf, as they are now."""

    name = "engine_files"

    def read(self, pid: int) -> State:
        points = {mount.point for mount in _mounts(pid)}
        return {name: Path(f"/proc/{pid}/root{name}").read_text() for name in _FILES if name in points}

    def apply(self, pid: int, wanted: State) -> None:
        points = {mount.point for mount in _mounts(pid)}
        for name, content in wanted.items():
            if name not in _FILES:
                raise ValueError(f"{name} is no file of the engine")
            path = Path(f"/proc/{pid}/root{name}")
            if name in points and _effective(path.read_text()) != _effective(content):
                try:
                    path.write_text(content)
                except OSError as error:
                    raise MigrationError(f"{name} cannot be written on the target host: {error.strerror}.") from None


def _effective(text: str) -> list[str]:
    """Without comments, in which Docker names the host's own name servers."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";"))]
