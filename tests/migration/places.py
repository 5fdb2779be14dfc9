# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of what these tests bring to the hosts."""

from __future__ import annotations

from pathlib import Path

from tests.harness.containers import PREFIX

HERE = Path(__file__).parent
OUTSIDE = "/run/organic-migration-outside"
"""A directory of the host to which a link in a container points."""
HEALTHY = f"{PREFIX}healthy"
"""An image with a health check."""
