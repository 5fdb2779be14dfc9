# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds."""

from __future__ import annotations

from .case import FIRST, Case, Kind, Outcome

CASES = (
    Case(
        "inotify",
        Kind.FILES,
        "inotify on the container's own layer (overlay file system)",
        Outcome.REFUSED,
        FIRST,
        program="inotify",
        blocker="undumpable",
        named="inotify",
        exhaustive=False,
    ),
)
