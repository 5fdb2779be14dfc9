#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nf_description
short_description: Check and return the descriptions of a core and its network functions
version_added: 0.2.0
description:
  - Reads the core's description, the profiles of its network functions (NFs) and the descriptions of their network
    drivers from the collection's directories C(cores), C(profiles) and C(network_drivers), and checks each against its
    schema in C(schemas).
  - An action plugin of the same name does it on the controller; no host is asked.
author:
  - Organic 5GC contributors (@organic-5gc)
options:
  core:
    description:
      - Name of the core.
    type: str
    required: true
  names:
    description:
      - Names of the NFs. By default all NFs of the core.
      - Another instance of an NF has its name with a hyphen and more, for example C(upf-standby).
    type: list
    elements: str
    default: []
  addresses:
    description:
      - IP address of each NF by its name. Each NF must have one of its own.
      - In place of an address, addresses by reference point, V(sbi), V(n2), V(n3), V(n4) and V(n6). Each is an IPv4
        address, or a dictionary of C(ipv4), C(ipv6), C(mac) and C(network), the key of its network in O(networks).
      - V(dynamic) in place of an IPv4 address is what a Docker Swarm gives the NF on an overlay, which must be the
        network of the SBI.
      - Without them, addresses are not checked, as for NFs that are to be removed.
    type: dict
  network_driver:
    description:
      - Network driver of all NFs. By default the first of those that an NF's profile likes which O(engine) has.
    type: str
  engine:
    description:
      - Container engine of the hosts.
    type: str
    default: docker
    version_added: 0.2.0
  orchestrator:
    description:
      - Who runs the NFs, the engine of each host by itself, a Docker Swarm, or Kubernetes.
    type: str
    choices: [none, swarm, kubernetes]
    default: none
    version_added: 0.2.0
  image:
    description:
      - Image of all NFs. By default the core's own.
    type: str
    version_added: 0.2.0
  network_name:
    description:
      - Name of the container network. By default C(core5g-) and the driver.
    type: str
    version_added: 0.2.0
  networks:
    description:
      - Container network of each reference point, with C(driver), C(parent), C(subnet), C(gateway), C(name), C(subnet6)
        and C(gateway6). The SBI without an entry is on the network of the other options.
    type: dict
    default: {}
    version_added: 0.2.0
  network_parent:
    description:
      - Interface of the hosts that the network of the SBI goes out by, unless O(networks) has an entry for it.
    type: str
    version_added: 0.2.0
  network_subnet:
    description:
      - Subnet of that network.
    type: str
    version_added: 0.2.0
extends_documentation_fragment:
  - organic.core5g.read_only
"""

EXAMPLES = r"""
- name: Load the description of the SMF
  organic.core5g.nf_description:
    core: minicore
    names: [smf]
    addresses: "{{ nf_addresses }}"
  register: nf_described
  run_once: true
"""

RETURN = r"""
names:
  description: The NFs, in the order in which the core starts them.
  returned: success
  type: list
  elements: str
functions:
  description: The NF of the core that each NF and instance is, by its name.
  returned: success
  type: dict
  sample: {upf: upf, upf-standby: upf}
core:
  description: The core's description, with its templates not yet rendered.
  returned: success
  type: dict
profiles:
  description: Profile of each NF by its name.
  returned: success
  type: dict
network_drivers:
  description: Description of the network driver of each NF's SBI by the NF's name.
  returned: success
  type: dict
drivers:
  description: Description of each network driver in use, by its name.
  returned: success
  type: dict
endpoints:
  description: The networks of each NF by the NF's name, the one of its SBI first; empty without O(addresses).
  returned: success
  type: dict
  sample:
    upf:
      - {key: sbi, network: core5g-macvlan, driver: macvlan, points: [sbi, n2], ipv4: 192.0.2.35, ipv6: "", mac: ""}
      - {key: n3, network: core5g-n3, driver: bridge, points: [n3], ipv4: 198.51.100.35, ipv6: "", mac: ""}
sources:
  description: Where each NF of the core reports its state, by the NF's name, for M(organic.core5g.nf_state_info).
  returned: success
  type: dict
needs:
  description: What each NF needs of its host beside its networks, by the NF's name.
  returned: success
  type: dict
configuration:
  description: The configuration files of the NFs.
  returned: success
  type: list
  elements: dict
  contains:
    nf:
      description: Name of the NF.
      type: str
    template:
      description: Template below C(templates) of the role.
      type: str
    file:
      description: Path on the host.
      type: str
    path:
      description: Path in the container.
      type: str
"""
