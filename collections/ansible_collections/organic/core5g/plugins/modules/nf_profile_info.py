# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nf_profile_info
short_description: Explain how network functions are deployed and migrated, and why
version_added: 0.2.0
description:
  - What the profile of a network function (NF) chooses (strategy, orchestrator, network driver), the reason, the
    paper's own words and their section, the alternatives, the time budgets, and what is taken in place of what is not
    built yet.
  - An action plugin of the same name does it on the controller; no host is asked.
author:
  - Organic 5GC contributors (@organic-5gc)
options:
  names:
    description:
      - Names of the NFs. By default all that have a profile.
    type: list
    elements: str
    default: []
  method:
    description:
      - Method of the migration, see M(organic.live_migration.container_migrate). Not every strategy has each.
    type: str
    choices: [resident, engine]
    default: resident
  engine:
    description:
      - Container engine of the hosts.
    type: str
    default: docker
  network_driver:
    description:
      - Network driver of all NFs. By default the first of those that an NF's profile likes which O(engine) has.
    type: str
extends_documentation_fragment:
  - organic.core5g.read_only
seealso:
  - module: organic.core5g.nf_description
"""

EXAMPLES = r"""
- name: Ask how the AMF is migrated
  organic.core5g.nf_profile_info:
    names: [amf]
  register: profile

- name: Show why
  ansible.builtin.debug:
    var: profile.nfs[0].explanation
"""

RETURN = r"""
nfs:
  description: One entry for each NF that was asked for.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the NF.
      type: str
      sample: amf
    full_name:
      description: Its name in TS 23.501.
      type: str
      sample: Access and Mobility Management Function
    plane:
      description: V(control) or V(user).
      type: str
    stateful:
      description: Whether it is migrated with its state; a stateless one is redeployed.
      type: bool
    demands:
      description: Its demands on C(latency) and C(availability).
      type: dict
    isolation:
      description: The isolation that it needs, of the C(network) and C(guest_host).
      type: dict
    orchestrator:
      description: C(preferred) and its C(reason).
      type: dict
    network_driver:
      description: C(preferred), C(alternatives), C(reason), and C(used), the first of them that the engine has.
      type: dict
    migration:
      description:
        - C(strategy), C(alternatives), C(reason), C(quote) and C(paper_section).
        - C(built) lists those of them that are implemented, C(used) is the one that is taken.
      type: dict
    budgets:
      description: Milliseconds after which somebody notices a downtime.
      type: dict
    explanation:
      description: All of it in words, line by line.
      type: list
      elements: str
"""
