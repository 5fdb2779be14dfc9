# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Docker Swarm must be like for an NF to be deployed on it. Works on what swarm_info returned; asks nobody."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils import reference_points

DYNAMIC = reference_points.DYNAMIC
PREPARE = "run playbooks/swarm.yml"
PLACEHOLDERS = ipaddress.IPv4Network("169.254.0.0/16")
"""Docker gives each container on macvlan some address, which the init replaces. Nothing else uses those of RFC 3927."""
_ON_HOST = re.compile(r"\s*node\.hostname\s*==\s*(?P<hostname>\S+)\s*")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The swarm of the hosts of a play.

    Args:
        found: ``swarm`` of swarm_info by inventory name.
    """

    found: Mapping[str, Mapping[str, Any]]

    @property
    def manager(self) -> str | None:
        """The first host that can manage the swarm."""
        return next(
            (host for host, one in self.found.items() if one["is_manager"] and not one["cluster_error"]),
            None,
        )

    @property
    def nodes(self) -> dict[str, Mapping[str, Any]]:
        """Node of each host that is in the manager's swarm, by the host's inventory name."""
        if self.manager is None:
            return {}
        by_id = {node["id"]: node for node in self.found[self.manager]["nodes"]}
        return {host: by_id[one["node_id"]] for host, one in self.found.items() if one["node_id"] in by_id}

    @property
    def services(self) -> dict[str, Mapping[str, Any]]:
        """The services of the swarm by their names."""
        return {one["name"]: one for one in self.found[self.manager]["services"]} if self.manager else {}

    def places(self) -> dict[str, str]:
        """Host of each NF that a service keeps on one host, by its placement constraint."""
        hosts = {node["hostname"]: host for host, node in self.nodes.items()}
        found = {}
        for name, service in self.services.items():
            for constraint in service["constraints"]:
                match = _ON_HOST.fullmatch(constraint)
                if service["nf"] and match and match["hostname"] in hosts:
                    found[name] = hosts[match["hostname"]]
        return found

    def problems(self) -> list[str]:
        """Why the hosts are no usable swarm: each with its remedy. Empty if they are."""
        outside = [host for host, one in self.found.items() if one["state"] == "inactive"]
        faults = [
            f"{host} is a node of a Docker Swarm in the state '{one['state']}' ({one['error'] or 'without a reason'}): "
            f"see 'docker info' there; where its manager is gone, 'docker swarm leave --force' and {PREPARE}"
            for host, one in self.found.items()
            if one["state"] not in ("inactive", "active")
        ]
        without_quorum = {
            host: one["cluster_error"] for host, one in self.found.items() if one["is_manager"] and one["cluster_error"]
        }
        if outside:
            faults.append(f"{', '.join(outside)} is in no Docker Swarm: {PREPARE}")
        if self.manager is None and without_quorum:
            host, error = next(iter(without_quorum.items()))
            faults.append(
                f"The Docker Swarm has no quorum, {', '.join(without_quorum)} cannot manage it ({error.rstrip('.')}): "
                f"start its other managers, or, if they are lost, make {host} the only one "
                "(docker swarm init --force-new-cluster)"
            )
        elif self.manager is None and len(outside) < len(self.found):
            faults.append(
                f"None of {', '.join(self.found)} is a manager of the Docker Swarm: promote one (docker node promote), "
                f"or {PREPARE}"
            )
        if self.manager is not None:
            strangers = [
                host for host, one in self.found.items() if one["state"] == "active" and host not in self.nodes
            ]
            faults += [
                f"{host} is in another Docker Swarm than {self.manager}: let it leave that (docker swarm leave), "
                f"then {PREPARE}"
                for host in strangers
            ]
            faults += self._ambiguous()
        return faults

    def _ambiguous(self) -> list[str]:
        if self.manager is None:
            return []
        hostnames = [node["hostname"] for node in self.found[self.manager]["nodes"] if node["state"] != "down"]
        twice = sorted({name for name in hostnames if hostnames.count(name) > 1})
        return [
            f"{hostnames.count(name)} nodes of the Docker Swarm have the host name {name}, by which an NF is placed: "
            "give each host a name of its own, or remove the node that is gone (docker node rm)"
            for name in twice
        ]


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What shall run on a swarm.

    Attributes:
        places: inventory name of the host of each NF that is kept on one host.
        drivers: description of the network driver of each NF.
        endpoints: networks of each NF.
        running: inventory name of the host of each NF that runs.
        possible: network drivers that Swarm knows.
        replicas: how many tasks Swarm shall run of each NF that it places by itself.
        stateless: names of the NFs that keep no state of their own.
        endpoint_mode: ``auto``, ``vip`` or ``dnsrr``, of the services.
    """

    places: Mapping[str, str]
    drivers: Mapping[str, Mapping[str, Any]]
    endpoints: Mapping[str, Sequence[Mapping[str, Any]]]
    running: Mapping[str, str | None]
    possible: Sequence[str] = ("macvlan", "overlay")
    replicas: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stateless: Sequence[str] = ()
    endpoint_mode: str = "auto"

    def problems(self, cluster: Cluster) -> list[str]:
        """Why it cannot run there: each with its remedy. Empty if it can."""
        return [
            *self._nodes(cluster),
            *self._drivers(),
            *self._networks(),
            *self._replicas(cluster),
            *self._virtual_addresses(cluster),
            *(
                f"The Docker Swarm has a service {name} already, which is not ours: remove or rename it"
                for name in self.drivers
                if name in cluster.services and not cluster.services[name]["nf"]
            ),
        ]

    def _nodes(self, cluster: Cluster) -> list[str]:
        faults = []
        for host in dict.fromkeys(self.places.values()):
            node = cluster.nodes.get(host)
            if node is None:
                continue
            new = [name for name, place in self.places.items() if place == host and self.running.get(name) != host]
            which = f"The node {node['hostname']} of the Docker Swarm"
            if node["state"] != "ready":
                faults.append(f"{which} is {node['state']}: start Docker on {host}, or place the NFs elsewhere")
            elif node["availability"] != "active" and new:
                word = {"drain": "drained", "pause": "paused"}.get(node["availability"], node["availability"])
                faults.append(
                    f"{which} is {word} and starts no {', '.join(new)}: make it available "
                    f"(docker node update --availability active {node['hostname']}), or place the NFs elsewhere "
                    "(nf_placement)"
                )
        return faults

    def _drivers(self) -> list[str]:
        wrong = sorted({driver["name"] for driver in self.drivers.values() if not _runs_under_swarm(driver)})
        return [
            f"Docker Swarm runs no NFs on the network driver {name}: set nf_network_driver to one of "
            f"{', '.join(self.possible)}"
            for name in wrong
        ]

    def _networks(self) -> list[str]:
        return [
            f"{name} has {len(endpoints)} networks ({', '.join(str(one['driver']) for one in endpoints)}), which "
            "Docker Swarm gives to a task in any order, so that only one on macvlan beside one overlay can be told "
            "apart: put its reference points on one of each, or run it without an orchestrator (orchestrator: none)"
            for name, endpoints in self.endpoints.items()
            if len(endpoints) > 1 and sorted(str(one["driver"]) for one in endpoints) != ["macvlan", "overlay"]
        ]

    def _replicas(self, cluster: Cluster) -> list[str]:
        faults = []
        for name, count in self.replicas.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                faults.append(f"nf_replicas.{name} is {count!r}: set it to 1 or more")
            if name not in self.stateless:
                faults.append(
                    f"{name} keeps state of its own, which Docker Swarm would start its replicas without: leave "
                    "it out of nf_replicas, or have it keep its data elsewhere (minicore's UDM: nf_udm_store: udr)"
                )
            fixed = [one["ipv4"] for one in self.endpoints.get(name, ()) if one["ipv4"] != DYNAMIC]
            if fixed and count != 1:
                faults.append(
                    f"All replicas of {name} would have the address {', '.join(fixed)}: put it on an overlay alone, "
                    f"with the address {DYNAMIC} in nf_addresses, or have one replica (nf_replicas.{name}: 1)"
                )
        usable = [one for one in cluster.nodes.values() if (one["state"], one["availability"]) == ("ready", "active")]
        if self.replicas and not usable:
            faults.append(
                f"No node of the Docker Swarm can start {', '.join(self.replicas)}: make one available "
                "(docker node update --availability active NODE)"
            )
        return faults

    def _virtual_addresses(self, cluster: Cluster) -> list[str]:
        if self.endpoint_mode != "vip":
            return []
        if not any(str(one["driver"]) == "overlay" for ends in self.endpoints.values() for one in ends):
            return [
                "nf_endpoint_mode is vip, but no NF is on an overlay, and no other network of a Docker Swarm has "
                "virtual addresses: put the SBI on an overlay (nf_networks), or leave nf_endpoint_mode at auto"
            ]
        lacking = [host for host, one in cluster.found.items() if not one["has_ip_vs"]]
        return [
            f"The kernel of {host} has no IP_VS (CONFIG_IP_VS), without which the virtual address of a service is "
            "never answered for: load ip_vs there (modprobe ip_vs), or set nf_endpoint_mode to dnsrr"
            for host in lacking
        ]


def _runs_under_swarm(driver: Mapping[str, Any]) -> bool:
    return "swarm" in driver.get("orchestrators", ["none"])


def placeholders(found: Mapping[str, Mapping[str, Any]], network: str, networks: Sequence[str] = ()) -> dict[str, str]:
    """Subnet of each host for the addresses that Docker gives before the init sets the NF's own.

    No two hosts have the same one, as Docker derives MAC addresses from them, and no two networks of a host. A host
    keeps the one that it has.

    Args:
        found: ``swarm`` of swarm_info by inventory name.
        network: name of the network configuration on the hosts.
        networks: all of the core, which get theirs in this order.
    """
    given = {subnet for one in found.values() for subnet in one["configurations"].values()}
    free = (str(subnet) for subnet in PLACEHOLDERS.subnets(new_prefix=24) if str(subnet) not in given)
    next(free)  # 169.254.0.0/24 is reserved (RFC 3927, section 2.1)
    by_network = {
        name: {host: one["configurations"].get(name) or next(free) for host, one in found.items()}
        for name in dict.fromkeys([*networks, network])
    }
    return by_network[network]


def resident_address(address: str, subnet: str, gateway: str | None, mac: str, is_alone: bool = True) -> str:
    """The option --address of the resident init (src/addresses.h).

    Args:
        gateway: by default the subnet's first address, as Docker has it, if the network is the only one of the NF.
        is_alone: else the interface is found by its placeholder, and the default route is left as it is.
    """
    network = ipaddress.ip_network(subnet)
    route = gateway or (str(next(network.hosts())) if is_alone else "")
    interface = "eth0" if is_alone else str(PLACEHOLDERS)
    return f"{interface},{address}/{network.prefixlen},mac={mac}" + (f",gateway={route}" if route else "")


def endpoint_mode(found: Mapping[str, Mapping[str, Any]], drivers: Sequence[str], wanted: str = "auto") -> str:
    """How an NF's service is reached by its name: ``vip``, one address for all of its tasks, or ``dnsrr``, theirs.

    Args:
        found: ``swarm`` of swarm_info by inventory name.
        drivers: of the networks of the NF.
        wanted: by the user; ``auto`` takes ``vip`` where it works.
    """
    if wanted == "dnsrr" or "overlay" not in drivers:
        return "dnsrr"
    return "vip" if wanted == "vip" or all(one["has_ip_vs"] for one in found.values()) else "dnsrr"
