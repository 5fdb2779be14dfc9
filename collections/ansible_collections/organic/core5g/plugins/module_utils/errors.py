# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of this collection that are shown to the user."""

from __future__ import annotations


class CoreError(Exception):
    """Base of all errors whose message is shown to the user."""


class StateError(CoreError):
    """An NF does not report its state."""


class RanError(CoreError):
    """The RAN driver did not start, or did not end as it should."""


class ProvisioningError(CoreError):
    """The UDR does not take subscribers, or they are wrong."""
