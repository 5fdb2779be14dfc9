# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable

CONVERGE_TIMEOUT_S = 60
"""Seconds in which the hosts must reach a final state after a migration, whatever failed."""
POLL_INTERVAL_S = 0.02


def until(condition: Callable[[], object], what: str, timeout_s: float = CONVERGE_TIMEOUT_S) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: it did not hold within timeout_s.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(POLL_INTERVAL_S)
