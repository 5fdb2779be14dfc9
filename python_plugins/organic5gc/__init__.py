# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Organic 5GC for programs: deploy and migrate NFs, watch and cancel runs, read results."""

from __future__ import annotations

from organic5gc.core import Core
from organic5gc.errors import (
    Blocker,
    Cancelled,
    HostUnreachable,
    InDoubt,
    Interrupted,
    InvalidRequest,
    MigrationFailed,
    OrganicError,
    PlaybookFailed,
    Refused,
    TimedOut,
)
from organic5gc.migration import Connections, Gaps, Held, Migration, Outcomes, Pfcp, Step
from organic5gc.playbooks import MigrationProgress, PlaybookRun, Progress, Stop
from organic5gc.results import (
    Association,
    Done,
    Drained,
    Ending,
    Measured,
    Migrated,
    Moving,
    NfStatus,
    Recovered,
    Report,
    Status,
)
from organic5gc.running import Running
from organic5gc.runs import History, Run

__all__ = [
    "Association",
    "Blocker",
    "Cancelled",
    "Connections",
    "Core",
    "Done",
    "Drained",
    "Ending",
    "Gaps",
    "Held",
    "History",
    "HostUnreachable",
    "InDoubt",
    "Interrupted",
    "InvalidRequest",
    "Measured",
    "Migrated",
    "Migration",
    "MigrationFailed",
    "MigrationProgress",
    "Moving",
    "NfStatus",
    "OrganicError",
    "Outcomes",
    "Pfcp",
    "PlaybookFailed",
    "PlaybookRun",
    "Progress",
    "Recovered",
    "Refused",
    "Report",
    "Run",
    "Running",
    "Status",
    "Step",
    "Stop",
    "TimedOut",
]
