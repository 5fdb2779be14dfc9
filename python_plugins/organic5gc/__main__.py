# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: ``organic5gc`` or ``python -m organic5gc``."""

from __future__ import annotations

from organic5gc.cli import main

if __name__ == "__main__":
    main()
