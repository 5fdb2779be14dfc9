# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection tells the user when something is wrong."""

from __future__ import annotations


class CoreError(Exception):
    """Base of all faults that are told to the user."""


class StateError(CoreError):
    """An NF does not tell its state."""


class RanError(CoreError):
    """The RAN driver did not start, or did not end as it should."""
