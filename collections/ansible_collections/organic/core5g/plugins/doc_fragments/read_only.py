# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of the modules that change nothing."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Runs the same in check mode, as it changes nothing.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""
