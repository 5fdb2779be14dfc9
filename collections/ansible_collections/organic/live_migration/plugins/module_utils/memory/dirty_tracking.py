# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How it is found out which pages a running process has written; see src/pager/source.c for the ways themselves."""

from __future__ import annotations

import json
from pathlib import Path

from .. import paths
from ..errors import MigrationError
from ..host import commands

AUTO = "auto"
WRITE_PROTECTION = "write_protection"
SOFT_DIRTY = "soft_dirty"

TRACKING_METHODS = {
    WRITE_PROTECTION: "userfaultfd write-protection",
    SOFT_DIRTY: "soft-dirty bits",
}
"""Best first: soft-dirty bits take a stop of the whole process tree for each look at them, and of a huge page they tell
only that something in it was written."""


def missing_kernel_features(root: str = paths.ROOT) -> dict[str, str]:
    """What the pager needs of this host's kernel, by name; each with what is wrong with it, or ''."""
    lacks: dict[str, str] = json.loads(commands.run([str(Path(root, "pager")), "check"]))
    return lacks


def choose(wanted: str, lacks: dict[str, str]) -> str:
    """The way to go.

    Args:
        wanted: one of the ways, or AUTO.
        lacks: of the kernel, as :func:`missing_kernel_features` tells.

    Raises:
        MigrationError: the kernel lacks what was wanted, or has neither; tells why.
    """
    faults = {
        way: lacks.get(way, "the runtime is too old to tell") for way in TRACKING_METHODS if wanted in (way, AUTO)
    }
    for way, fault in faults.items():
        if not fault:
            return way
    told = "; ".join(f"{TRACKING_METHODS[way]}: {fault}" for way, fault in faults.items())
    raise MigrationError(f"This host's kernel cannot tell which pages a process has written: {told}.")
