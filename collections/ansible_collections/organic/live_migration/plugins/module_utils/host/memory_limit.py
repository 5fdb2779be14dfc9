# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory limit of a container, which holds on the target host, too, where its processes share less."""

from __future__ import annotations

import contextlib

from ..errors import Blocker
from . import processes
from .container import Container

_RESTORE_BYTES = 8 << 20
"""What CRIU needs in the container while it restores."""
_MEBIBYTE = 1 << 20
_LIMITS = {"memory": "memory.limit_in_bytes", "": "memory.max"}
"""File with the limit, by the controller of cgroup v1; v2 has no name."""


def blockers(tree: list[int], container: Container) -> list[Blocker]:
    """Whether the processes would exceed the limit once each has pages of its own.

    Args:
        tree: PIDs on the host.
        container: in which they run.
    """
    needed = processes.resident_bytes(tree) + _RESTORE_BYTES
    for controllers, directory in container.cgroups().items():
        with contextlib.suppress(KeyError, OSError, ValueError):
            limit = int((directory / _LIMITS[controllers]).read_text())
            if needed > limit:
                return [
                    Blocker(
                        "memory_limit",
                        f"The container may use {limit // _MEBIBYTE} MiB of memory and would need "
                        f"{needed // _MEBIBYTE} MiB on the target host: what its {len(tree)} processes share since "
                        "they were forked is not shared there",
                        "Raise its limit (docker update --memory), or have it fork fewer processes",
                    )
                ]
    return []
