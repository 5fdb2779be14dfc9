#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_probe
short_description: Measure a network driver between containers of two hosts
version_added: 0.2.0
description:
  - Makes a container network of one driver with containers on it, measures from one host to the other, and removes all
    of it. Each is one state, as both hosts must have reached one before the next. The role C(network_measurement) runs
    them in order.
  - Round-trip times are those of ICMP echo from the network namespace of the container C(client) of one host to the
    container C(server) of the other, in which the kernel answers.
  - Frames are Ethernet frames of EtherType 0x88B5, which a program in the server waits for.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - iproute2 and util-linux on the host
options:
  state:
    description:
      - V(network) creates the network, V(containers) starts the containers, V(routed) makes a route to those of the
        other host, as a driver without ARP needs it.
      - V(measured) measures from the client of this host. V(seen) returns the frames that the server of this host got.
      - V(containers_absent) removes containers and routes, V(absent) the network, too.
    type: str
    choices: [network, containers, routed, measured, seen, containers_absent, absent]
    required: true
  driver:
    description:
      - Description of the network driver, a file of this collection's directory C(network_drivers).
    type: dict
    required: true
  parent:
    description:
      - Interface of the host that the network goes out by. Of a driver without a network, that of the host's address.
    type: str
    default: ""
  subnet:
    description:
      - Subnet of the network.
    type: str
    required: true
  image:
    description:
      - Image of the containers, which needs Python.
    type: str
    default: organic/minicore:latest
  containers:
    description:
      - The containers of this host.
    type: list
    elements: str
    choices: [client, server, neighbour, stranger]
    default: []
  peer_address:
    description:
      - Address of the server on the other host.
    type: str
  peer_mac:
    description:
      - MAC address of the server on the other host.
    type: str
  peer_host:
    description:
      - Address of the other host, for O(state=routed).
    type: str
  sizes:
    description:
      - Sizes of the IP packets in bytes.
    type: list
    elements: int
    default: [64, 1400]
  packets:
    description:
      - Number of packets of each size.
    type: int
    default: 10000
  engine:
    description:
      - V(docker), or V(kubernetes), where the controller has made the pods and NetworkAttachmentDefinition of
        P(organic.core5g.network_probe_objects#filter), and this host is a node.
    type: str
    choices: [docker, kubernetes]
    default: docker
    version_added: 0.2.0
  docker_socket:
    description:
      - Unix socket of the Docker engine.
    type: path
    default: /var/run/docker.sock
attributes:
  check_mode:
    description: Looks whether the driver can be measured on this host, and changes nothing.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Create the network
  organic.core5g.network_probe:
    state: network
    driver: "{{ lookup('ansible.builtin.file', 'macvlan.yml') | from_yaml }}"
    parent: eth0
    subnet: 198.18.0.0/24
"""

RETURN = r"""
impossible:
  description: Why the driver cannot be measured on this host; empty if it can.
  returned: success
  type: str
  sample: "The kernel of this host refuses ipvlan links (Error: Unknown device type.)"
own:
  description: Address and MAC address of the server or client of this host, and the address of the host.
  returned: O(state=containers)
  type: dict
  sample: {address: 198.18.0.21, mac: "02:42:c6:12:00:15", host: 192.0.2.11}
measured:
  description: C(round_trips) of each size, and which container C(reaches) which.
  returned: O(state=measured)
  type: dict
seen:
  description: The frames that the server has received, V(unicast) and V(broadcast).
  returned: O(state=seen)
  type: list
  elements: str
  sample: [broadcast, unicast]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.network_probe import DockerProbeHost, Probe
from ansible_collections.organic.core5g.plugins.module_utils.pod_probe import PodProbeHost
from ansible_collections.organic.live_migration.plugins.module_utils.engines import docker_api
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError


def run(host: DockerProbeHost | PodProbeHost, options: dict[str, Any], check: bool) -> dict[str, Any]:
    """Do what the state says; the module's result."""
    state = options["state"]
    if state in ("containers_absent", "absent"):
        if check:
            return {"changed": bool(host.leftovers()), "impossible": ""}
        changed = host.remove_containers()
        return {"changed": (host.remove_networks() if state == "absent" else False) or changed, "impossible": ""}
    if state == "network":
        impossible = host.impossible() or ("" if check else host.create_network())
        return {"changed": not impossible, "impossible": impossible}
    if check:
        return {"changed": False, "impossible": ""}
    if state == "containers":
        impossible = host.start_containers()
        return {"changed": True, "impossible": impossible, "own": {} if impossible else host.describe()}
    if state == "routed":
        host.route_by(options["peer_host"])
        return {"changed": True, "impossible": ""}
    if state == "measured":
        measured = host.measure(options["peer_address"], options["peer_mac"], options["sizes"], options["packets"])
        return {"changed": False, "impossible": measured.get("error", ""), "measured": measured}
    return {"changed": False, "impossible": "", "seen": host.seen()}


def main() -> None:
    states = ["network", "containers", "routed", "measured", "seen", "containers_absent", "absent"]
    roles = ["client", "server", "neighbour", "stranger"]
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": states, "required": True},
            "driver": {"type": "dict", "required": True},
            "parent": {"type": "str", "default": ""},
            "subnet": {"type": "str", "required": True},
            "image": {"type": "str", "default": "organic/minicore:latest"},
            "containers": {"type": "list", "elements": "str", "choices": roles, "default": []},
            "peer_address": {"type": "str"},
            "peer_mac": {"type": "str"},
            "peer_host": {"type": "str"},
            "sizes": {"type": "list", "elements": "int", "default": [64, 1400]},
            "packets": {"type": "int", "default": 10000},
            "engine": {"type": "str", "choices": ["docker", "kubernetes"], "default": "docker"},
            "docker_socket": {"type": "path", "default": docker_api.DEFAULT_SOCKET},
        },
        required_if=[("state", "measured", ("peer_address", "peer_mac")), ("state", "routed", ("peer_host",))],
        supports_check_mode=True,
    )
    options = module.params
    try:
        probe = Probe(options["driver"], options["parent"], options["subnet"], options["image"], options["containers"])
        host = (
            PodProbeHost(probe)
            if options["engine"] == "kubernetes"
            else DockerProbeHost(docker_api.DockerApi(options["docker_socket"]), probe)
        )
        result = run(host, options, module.check_mode)
    except (CoreError, EngineError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
