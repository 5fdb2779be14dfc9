# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration, a drain or a benchmark as one HTML file, which needs nothing else to be read."""

from __future__ import annotations

from organic5gc.report.inputs import Subject, read_all, source
from organic5gc.report.page import render, write

__all__ = ["Subject", "read_all", "render", "source", "write"]
