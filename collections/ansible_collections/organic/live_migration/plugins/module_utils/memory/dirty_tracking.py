# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dirty-page tracking: which method finds the pages that a running process writes (src/pager/dirty_pages.c)."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from .. import paths
from ..errors import Blocker, MigrationError
from ..host import commands

AUTO = "auto"
WRITE_PROTECTION = "write_protection"
SOFT_DIRTY = "soft_dirty"

TRACKING_METHODS = {
    WRITE_PROTECTION: "userfaultfd write-protection",
    SOFT_DIRTY: "soft-dirty bits",
}
"""Best first: soft-dirty bits need a stop of the process tree for each scan, and report a huge page as a whole."""


@functools.cache
def missing_kernel_features(root: str = paths.ROOT) -> dict[str, str]:
    """Features of this host's kernel that the pager needs, by name; each with the reason why it is missing, or ''.

    The kernel is asked once: the answer is kept for this process and those that it forks.
    """
    lacks: dict[str, str] = json.loads(commands.run([str(Path(root, "pager")), "check"]))
    return lacks


def choose(wanted: str, lacks: dict[str, str]) -> str:
    """The tracking method to use.

    Args:
        wanted: a tracking method, or AUTO.
        lacks: missing features of the kernel, from :func:`missing_kernel_features`.

    Raises:
        MigrationError: the kernel lacks the wanted method, or both; with the reasons.
    """
    reasons = {
        method: lacks.get(method, "the runtime is too old to check it")
        for method in TRACKING_METHODS
        if wanted in (method, AUTO)
    }
    for method, reason in reasons.items():
        if not reason:
            return method
    listed = "; ".join(f"{TRACKING_METHODS[method]}: {reason}" for method, reason in reasons.items())
    raise MigrationError(f"This host's kernel has no dirty-page tracking: {listed}.")


def blockers(tracking: str) -> list[Blocker]:
    """Why the source cannot track written pages by the method that was asked for."""
    try:
        choose(tracking, missing_kernel_features())
    except MigrationError as error:
        return [
            Blocker(
                "no_page_tracking",
                str(error).rstrip("."),
                "Use strategy inter_copy or post_copy" + (", or leave out page_tracking" if tracking != AUTO else ""),
            )
        ]
    return []
