# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that a migration has to move: touched, incompressible pages."""

from __future__ import annotations

import os

_CHUNK = 1 << 20


def allocate(megabytes: int) -> bytearray:
    """Return `megabytes` MiB of random bytes, each page written once."""
    ballast = bytearray(megabytes * _CHUNK)
    for offset in range(0, len(ballast), _CHUNK):
        ballast[offset : offset + _CHUNK] = os.urandom(_CHUNK)
    return ballast
