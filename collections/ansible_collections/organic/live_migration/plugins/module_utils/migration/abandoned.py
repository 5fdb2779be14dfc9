# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that awaits a process whose source has not connected: the controller may have been killed in between.

Nothing shows whether it lives. The source connects in the controller's next task, so it is given several times what
preparing this host took: both take longer where many plays load the hosts.
"""

from __future__ import annotations

import time
from math import ceil

from ..errors import Blocker
from ..session import states
from ..session.journal import MigrationRecord

_FACTOR = 6
_LEAST_S = 10.0


def deadline(began_s: float) -> float:
    """When the source must have connected, on the clock of time.monotonic().

    Args:
        began_s: when the container began to be made.
    """
    now_s = time.monotonic()
    return now_s + max(_LEAST_S, _FACTOR * (now_s - began_s))


def is_awaiting_source(record: MigrationRecord) -> bool:
    """Whether it has been prepared, and no source has connected."""
    return record.role == states.TARGET and record.state == states.SETUP and record.source_awaited_until_s > 0


def is_abandoned(record: MigrationRecord) -> bool:
    """Whether the source should have connected long ago."""
    return is_awaiting_source(record) and time.monotonic() > record.source_awaited_until_s


def blocker(record: MigrationRecord) -> Blocker:
    """Why another migration of the container cannot begin, by its record on the target host."""
    if is_awaiting_source(record):
        left_s = max(1, ceil(record.source_awaited_until_s - time.monotonic()))
        return Blocker(
            "busy",
            f"The container '{record.container_name}' on the target host awaits its process: a migration from "
            f"{record.peer} has prepared it, and has not begun yet",
            f"Wait until that migration has ended. If its playbook was killed, run this again in {left_s} s, which "
            "removes what it has prepared",
        )
    return Blocker(
        "busy",
        f"Another migration of '{record.container_name}' from {record.peer} to the target host is under way",
        "Wait until it has ended. If its playbook was killed, the migration completes, or is rolled back, by itself",
    )
