# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the program of a case; prints its answer."""

from __future__ import annotations

import socket

from answering import ADDRESS

with socket.socket(socket.AF_UNIX) as link:
    link.settimeout(30)
    link.connect(ADDRESS)
    print(link.makefile().read())
