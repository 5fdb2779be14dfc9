# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the cause of a failure in CRIU's log."""

from __future__ import annotations

_HARMLESS = ("Can't setup RLIMIT_NOFILE for self", "tun: Unable to create tun")
"""Errors that CRIU reports without failing: where CAP_SYS_RESOURCE is missing, and where there is no /dev/net/tun."""
_MOST_LINES = 8


def error_lines(log: str) -> list[str]:
    """The lines in which CRIU names the cause."""
    lines = [line.strip() for line in log.splitlines()]
    return [line for line in lines if "Error" in line and not any(text in line for text in _HARMLESS)]


def failure_lines(log: str) -> list[str]:
    """The newest lines that name the cause of a failure, oldest first and each starting with the word "Error"."""
    return [line[line.index("Error") :] for line in error_lines(log)][-_MOST_LINES:]
