# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a core cannot be deployed on a Kubernetes cluster, each reason with its remedy. Works on what was read of it."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What shall run on a cluster.

    Attributes:
        places: inventory name of the host of each NF.
        nodes: node of each host of the play, by its inventory name.
        networks: of the core, as each host has them.
        endpoints: networks of each NF.
        replicas: how many pods the scheduler places, of the NFs that it does.
        stateless: NFs that can be started again without the state of before.
    """

    namespace: str
    core: str
    places: Mapping[str, str]
    nodes: Mapping[str, str]
    networks: Mapping[str, Sequence[Mapping[str, Any]]]
    endpoints: Mapping[str, Sequence[Mapping[str, Any]]]
    replicas: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stateless: Sequence[str] = ()

    def problems(self, found: Mapping[str, Any]) -> list[str]:
        """Args:
        found: what kubernetes_info returned as ``cluster``.
        """
        return [
            *self._rights(found),
            *self._namespace(found["namespace"]),
            *self._nodes(found),
            *self._networks(found),
            *self._addresses(),
            *self._deployments(found["deployments"]),
            *self._replicas(),
        ]

    def _replicas(self) -> Iterator[str]:
        for nf, count in self.replicas.items():
            if count != 1 or isinstance(count, bool):
                yield (
                    f"nf_replicas.{nf} is {count!r}, and all of them would have the addresses of {nf}: set it to 1, "
                    "which has the scheduler place it on any node"
                )
            if nf not in self.stateless:
                yield (
                    f"{nf} keeps state of its own, which Kubernetes would start it without on another node: leave it "
                    "out of nf_replicas, or have it keep its data elsewhere (minicore's UDM: nf_udm_store: udr)"
                )

    def _rights(self, found: Mapping[str, Any]) -> Iterator[str]:
        if found["missing_rights"]:
            yield (
                f"The user of the kubeconfig may not {', '.join(found['missing_rights'])}: have an administrator apply "
                "the role of docs/kubernetes.md (examples/kubernetes/rights.yml) and bind this user to it"
            )

    def _namespace(self, namespace: Mapping[str, Any]) -> Iterator[str]:
        if not _NAME.fullmatch(self.namespace):
            yield f"nf_namespace is {self.namespace!r}, no name of a namespace: use lower case, digits and hyphens"
        if namespace["ending"]:
            yield f"The namespace {self.namespace} is being deleted: wait until it is gone, or set nf_namespace"
        if namespace["exists"] and not namespace["ours"] and namespace["level"] in ("baseline", "restricted"):
            yield (
                f"The namespace {self.namespace} is not ours and enforces the pod security level {namespace['level']}, "
                "which forbids the volume of the resident runtime (hostPath): set nf_namespace to another one, or its "
                "label pod-security.kubernetes.io/enforce to privileged"
            )

    def _nodes(self, found: Mapping[str, Any]) -> Iterator[str]:
        if "list nodes" in found["missing_rights"]:
            return
        for host, node in self.nodes.items():
            if node not in found["nodes"]:
                yield (
                    f"The cluster has no node {node} (host {host}), its nodes are {', '.join(sorted(found['nodes']))}: "
                    f"set kubernetes_node of {host} to the name that 'kubectl get nodes' shows"
                )
        for host in dict.fromkeys(self.places.values()):
            node = found["nodes"].get(self.nodes[host])
            new = [nf for nf, place in self.places.items() if place == host and nf not in found["deployments"]]
            if node is None or not new:
                continue
            where = f"The node {self.nodes[host]}"
            if not node["ready"]:
                yield (
                    f"{where} is not Ready and starts no {', '.join(new)}: 'kubectl describe node {self.nodes[host]}' "
                    "says why; or place the NFs elsewhere (nf_placement)"
                )
            elif node["cordoned"]:
                yield (
                    f"{where} is cordoned and starts no {', '.join(new)}: kubectl uncordon {self.nodes[host]}, or "
                    "place the NFs elsewhere (nf_placement)"
                )
            elif node["taints"]:
                yield (
                    f"{where} has the taint {', '.join(node['taints'])} and starts no {', '.join(new)}: place the NFs "
                    "elsewhere (nf_placement), or take the taint off"
                )

    def _networks(self, found: Mapping[str, Any]) -> Iterator[str]:
        first, *others = self.networks
        for network in self.networks[first]:
            driver = network["driver"]
            if "kubernetes" not in driver.get("orchestrators", ["none"]):
                yield (
                    f"The network {network['name']} has the driver {driver['name']}, which Kubernetes runs no NFs on: "
                    "set nf_network_driver (or driver in nf_networks) to macvlan, bridge, ipvlan_l2 or ipvlan_l3"
                )
            for host in others:
                there = {one["name"]: one for one in self.networks[host]}.get(network["name"], {})
                if network["cni"] != there.get("cni"):
                    yield (
                        f"The network {network['name']} goes out by {network['parent']} on {first} and by "
                        f"{there.get('parent')} on {host}, and a network of pods is the same on all nodes: give the "
                        "interfaces one name (ip link property add dev OLD altname NEW), or leave a node out"
                    )
        if self.networks[first] and not found["has_multus"]:
            yield (
                "The cluster does not know NetworkAttachmentDefinitions, so that pods get no networks of their own: "
                "install Multus"
            )

    def _addresses(self) -> Iterator[str]:
        by_name = {one["name"]: one for one in next(iter(self.networks.values()), ())}
        for nf, endpoints in self.endpoints.items():
            for endpoint in endpoints:
                if endpoint["ipv6"]:
                    yield (
                        f"{nf} has the IPv6 address {endpoint['ipv6']}, which is not set on Kubernetes: leave ipv6 out "
                        "of nf_addresses"
                    )
                subnet = by_name.get(endpoint["network"], {}).get("subnet")
                if not subnet:
                    yield (
                        f"The network {endpoint['network']} of {nf} has no subnet: set nf_network_subnet, or subnet in "
                        "nf_networks"
                    )
                elif ipaddress.ip_address(endpoint["ipv4"]) not in ipaddress.ip_network(subnet):
                    yield (
                        f"The address {endpoint['ipv4']} of {nf} is not in the subnet {subnet} of "
                        f"{endpoint['network']}: correct nf_addresses or the subnet"
                    )

    def _deployments(self, deployments: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        for nf in self.places:
            found = deployments.get(nf)
            if found is None:
                continue
            if not found["ours"]:
                yield (
                    f"The namespace {self.namespace} has a Deployment {nf} already, which is not ours: remove or "
                    "rename it, or set nf_namespace"
                )
            elif found["core"] != self.core:
                yield (
                    f"The Deployment {nf} in {self.namespace} is of the core {found['core']}: remove that first "
                    "(playbooks/remove_core.yml), or set nf_namespace"
                )
            elif found["moving"]:
                yield (
                    f"{nf} is being moved, or its move was interrupted: wait for it, or run "
                    "playbooks/recover_migrations.yml"
                )
