#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drain_plan
short_description: Plan how a host is emptied, or how its containers come back
version_added: 0.2.0
description:
  - Says which containers leave a host, in which order and to which hosts, and which cannot, and why.
  - A network function (NF) moves after those that it depends on, as the core's description says. Each container goes to
    the host that has most of its memory and CPU left, the largest container first.
  - An action plugin of the same name does all of this on the controller; no host is asked.
author:
  - Organic 5GC contributors (@organic-5gc)
options:
  host:
    description:
      - Inventory name of the host.
    type: str
    required: true
  direction:
    description:
      - V(away) empties the host. V(back) brings back what has left it, as O(record) says.
    type: str
    choices: [away, back]
    default: away
  surveys:
    description:
      - Results of M(organic.core5g.nf_survey) with O(organic.core5g.nf_survey#module:resources=true), by the names of
        their hosts. A host whose survey failed takes no container.
    type: dict
    required: true
  core:
    description:
      - Of the filter P(organic.core5g.nf_drain_core#filter).
    type: dict
    required: true
  containers:
    description:
      - What else is moved besides the NFs of the core. V(nfs) is nothing, V(all) is all containers that run on the
        host. Else a list of names.
    type: raw
    default: nfs
  stateless:
    description:
      - What is done with NFs that their profile calls stateless. V(migrate) moves them as all others; V(leave) refuses
        them and names how to redeploy them.
    type: str
    choices: [migrate, leave]
    default: migrate
  strategy:
    description:
      - As the strategy of M(organic.live_migration.container_migrate). V(profile) is what each NF's profile asks for.
    type: str
    choices: [profile, auto, inter_copy, pre_copy, post_copy, hybrid, ppm]
    default: profile
  method:
    description:
      - As the method of M(organic.live_migration.container_migrate).
    type: str
    choices: [resident, engine]
    default: resident
  namespace:
    description:
      - Namespace of the NFs on Kubernetes, where an NF's container is called NAMESPACE.NF.
    type: str
    default: ""
    version_added: 0.2.0
  record:
    description:
      - File that M(organic.core5g.drain_report) writes, which says what has left the host. It need not exist.
    type: path
    required: true
extends_documentation_fragment:
  - organic.core5g.read_only
seealso:
  - module: organic.core5g.drain_report
  - module: organic.live_migration.containers_migrate
"""

EXAMPLES = r"""
- name: Plan how edge-a is emptied
  organic.core5g.drain_plan:
    host: edge-a
    surveys: "{{ surveys_by_host }}"
    core: "{{ nf_described | organic.core5g.nf_drain_core }}"
    record: drain-edge-a.json
  run_once: true
  register: drain
"""

RETURN = r"""
plan:
  description:
    - C(moves) are the moves of M(organic.live_migration.containers_migrate) by the host that they leave, C(refused) the
      reasons of those that stay by their names, C(already) the names of those that are where they shall be, and
      C(notes) what else is to be known, by name.
  returned: success
  type: dict
targets:
  description: Names of the hosts that containers move to.
  returned: success
  type: list
  elements: str
  sample: [edge-b]
home:
  description: Names of the containers that have left the host before.
  returned: success
  type: list
  elements: str
"""
