#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_table
short_description: Write the table of measured network drivers
version_added: 0.2.0
description:
  - Writes C(table.md), C(table.csv) and C(table.svg), in which the round-trip times, capabilities and isolation that
    the role C(network_measurement) measured are beside those of the paper (Table 1).
  - An action plugin of the same name does it on the controller; no host is asked.
author:
  - Organic 5GC contributors (@organic-5gc)
options:
  rows:
    description:
      - What was measured of each driver, or why it was not.
    type: list
    elements: dict
    required: true
  directory:
    description:
      - Directory on the controller. It is made if there is none.
    type: path
    required: true
attributes:
  check_mode:
    description: Reports what would be measured, and writes nothing.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Write the table
  organic.core5g.network_table:
    rows: "{{ network_measurement_rows }}"
    directory: results/network-drivers
"""

RETURN = r"""
msg:
  description: The table, or in check mode what would be measured.
  returned: success
  type: str
files:
  description: The files that were written.
  returned: not in check mode
  type: list
  elements: str
"""
