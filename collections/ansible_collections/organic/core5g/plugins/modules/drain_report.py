#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drain_report
short_description: Report what a drain moved, what it did not, and where everything lives
version_added: 0.2.0
description:
  - Compares the surveys before and after, and fails if a container did not move or a network function (NF) lost
    something.
  - Hosts that died meanwhile are named in the report; what runs on them is as it was known last.
  - An action plugin of the same name does all of this on the controller; no host is asked.
author:
  - Organic 5GC contributors (@organic-5gc)
options:
  host:
    description:
      - Inventory name of the host that was drained, or whose containers came back.
    type: str
    required: true
  direction:
    description:
      - As O(organic.core5g.drain_plan#module:direction).
    type: str
    choices: [away, back]
    default: away
  plan:
    description:
      - RV(organic.core5g.drain_plan#module:plan).
    type: dict
    required: true
  batches:
    description:
      - Results of M(organic.live_migration.containers_migrate), by the hosts that the containers left.
    type: dict
    default: {}
  before:
    description:
      - Results of M(organic.core5g.nf_survey) before, by the names of their hosts.
    type: dict
    required: true
  after:
    description:
      - The same afterwards; empty if nothing was done.
    type: dict
    default: {}
  core:
    description:
      - Of the filter P(organic.core5g.nf_drain_core#filter).
    type: dict
    default: {}
  n4_addresses:
    description:
      - Addresses of the NFs between which PFCP is spoken, by their names.
    type: dict
    default: {}
  home:
    description:
      - RV(organic.core5g.drain_plan#module:home).
    type: list
    elements: str
    default: []
  tolerated_loss:
    description:
      - How many sessions, registered UEs and so on their users may have ended meanwhile.
    type: int
    default: 0
  record:
    description:
      - File on the controller that the report is written to (JSON), not in check mode. None by default.
    type: path
  is_final:
    description:
      - Show the report, write it, and fail if the drain is not complete. Else only the report is returned.
    type: bool
    default: true
attributes:
  check_mode:
    description: Reports what would be done.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
seealso:
  - module: organic.core5g.drain_plan
"""

EXAMPLES = r"""
- name: Report
  organic.core5g.drain_report:
    host: edge-a
    plan: "{{ drain.plan }}"
    batches: {edge-a: "{{ moved }}"}
    before: "{{ surveys_by_host }}"
    after: "{{ surveys_by_host_after }}"
    record: drain-edge-a.json
  run_once: true
"""

RETURN = r"""
drain:
  description:
    - C(containers) has an entry for each container that was to move, with C(name), C(from), C(to), C(status),
      C(reason), C(outcome), C(strategy), C(process_downtime_ms), C(predicted_downtime_ms), C(migration_time_ms) and
      C(started_at), in seconds since 1970. C(violations) is what NFs lost, C(where) the host of each container now,
      C(unreachable) the hosts that cannot be reached and why.
    - C(home) is what an undrain would bring back, and C(complete) whether all went well.
  returned: always
  type: dict
summary:
  description: The report as a table, in lines of at most 80 columns.
  returned: with O(is_final=true)
  type: list
  elements: str
"""
