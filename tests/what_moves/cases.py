# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All cases, in the order of the table."""

from __future__ import annotations

from . import namespaces, processes, sockets
from .case import Case

CASES: tuple[Case, ...] = (*namespaces.CASES, *sockets.CASES, *processes.CASES)
