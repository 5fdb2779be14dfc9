# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on what organic.core5g.kubernetes_info and organic.core5g.nf_description returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.network_probe import Probe
from ansible_collections.organic.core5g.plugins.plugin_utils import (
    kubernetes_faults,
    kubernetes_leftovers,
    kubernetes_objects,
    probe_objects,
)
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_networks import Attachment, Network
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_objects import File, Nf


def nf_kubernetes_problems(cluster: dict[str, Any], deployment: dict[str, Any]) -> list[str]:
    """Why NFs cannot be deployed on the cluster."""
    return kubernetes_faults.Deployment(**deployment).problems(cluster)


def nf_kubernetes_places(cluster: dict[str, Any], namespace: str, nodes: dict[str, str]) -> dict[str, str]:
    """Host of each NF that has a Deployment, by the labels of the nodes; ``nodes`` by inventory name."""
    return {
        nf: host
        for nf in cluster["deployments"]
        for host, node in nodes.items()
        if kubernetes_objects.node_label(namespace, nf) in cluster["nodes"].get(node, {"labels": {}})["labels"]
    }


def nf_kubernetes_objects(
    described: dict[str, Any], settings: dict[str, Any], networks: list[dict[str, Any]], rendered: dict[str, Any]
) -> list[dict[str, Any]]:
    """The objects in the namespace of a core; ``rendered`` has the environments, files and resources of the NFs,
    and which of them are floating."""
    common = kubernetes_objects.Settings(**settings)
    by_name = {one["name"]: Network.of(one) for one in networks}
    made = kubernetes_objects.shared(common, list(by_name.values()))
    definitions = {nf["name"]: nf for nf in described["core"]["nfs"]}
    for name in described["names"]:
        definition = definitions[described["functions"][name]]
        made += Nf(
            name,
            definition["name"],
            described["needs"][name]["image"],
            definition["command"],
            rendered["environments"][name],
            [Attachment.of(one, by_name, number) for number, one in enumerate(described["endpoints"][name])],
            definition["ports"],
            definition.get("devices") or [],
            definition.get("capabilities") or [],
            definition.get("sysctls") or {},
            [File(one["path"], one["content"], one["is_secret"]) for one in rendered["files"] if one["nf"] == name],
            {**rendered["resources"]["default"], **rendered["resources"].get(name, {})},
            name in rendered["floating"],
        ).objects(common)
    return made


def nf_kubernetes_cluster_objects(
    cluster: dict[str, Any], namespace: str, places: dict[str, str]
) -> list[dict[str, Any]]:
    """The namespace, unless it is another's, and the nodes that get labels; ``places`` are nodes by NF."""
    labels = {name: node["labels"] for name, node in cluster["nodes"].items()}
    found = cluster["namespace"]
    own = [kubernetes_objects.namespace(namespace)] if found["ours"] or not found["exists"] else []
    return own + kubernetes_leftovers.labelled_nodes(namespace, places, labels)


def nf_kubernetes_leftovers(cluster: dict[str, Any], namespace: str, leaving: list[str]) -> list[dict[str, Any]]:
    """The objects that go with NFs, in the order in which they are removed."""
    return kubernetes_leftovers.leftovers(cluster, namespace, leaving)


def nf_kubernetes_unlabelled(cluster: dict[str, Any], namespace: str, leaving: list[str]) -> list[dict[str, Any]]:
    """The nodes that lose the labels of NFs."""
    labels = {name: node["labels"] for name, node in cluster["nodes"].items()}
    return kubernetes_leftovers.unlabelled_nodes(namespace, leaving, labels)


def network_probe_objects(
    driver: dict[str, Any], parent: str, subnet: str, image: str, nodes: dict[str, str]
) -> list[dict[str, Any]]:
    """Namespace, network and pods by which a driver is measured; ``nodes`` are those of the roles."""
    return probe_objects.objects(Probe(driver, parent, subnet, image, ()), nodes)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        filters = (
            nf_kubernetes_problems,
            nf_kubernetes_places,
            nf_kubernetes_objects,
            nf_kubernetes_cluster_objects,
            nf_kubernetes_leftovers,
            nf_kubernetes_unlabelled,
            network_probe_objects,
        )
        return {function.__name__: function for function in filters}
