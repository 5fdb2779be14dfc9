# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of strategy ppm."""

    DOCUMENTATION = r"""
options:
  ppm_attempts:
    description:
      - With O(strategy=ppm), how many clones are made, one after the other, when they do not follow the process.
      - Then V(pre_copy) moves it.
    type: int
    default: 3
    version_added: 0.3.0
  ppm_verify_ms:
    description:
      - With O(strategy=ppm), how long the clone must have said the same as the process before it takes over, in
        milliseconds. It must have said at least 20 packets; a process that says less is watched ten times as long.
    type: int
    default: 50
    version_added: 0.3.0
  ppm_max_wait_ms:
    description:
      - With O(strategy=ppm), how long a packet may wait until all threads of the process sleep, in milliseconds.
      - When one waited longer, all are let in and the clone is given up. Raise it on hosts that are overloaded.
    type: int
    default: 5
    version_added: 0.3.0
"""
