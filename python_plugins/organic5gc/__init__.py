# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Organic 5GC for programs: run its playbooks, read the result of a migration."""

from __future__ import annotations

from organic5gc.migration import Connections, Gaps, Held, Migration, Outcomes, Pfcp, Step
from organic5gc.playbooks import Interrupted, MigrationProgress, PlaybookFailed, PlaybookRun, Progress

__all__ = [
    "Connections",
    "Gaps",
    "Held",
    "Interrupted",
    "Migration",
    "MigrationProgress",
    "Outcomes",
    "Pfcp",
    "PlaybookFailed",
    "PlaybookRun",
    "Progress",
    "Step",
]
