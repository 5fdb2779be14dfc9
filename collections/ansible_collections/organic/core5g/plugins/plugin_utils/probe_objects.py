# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects by which a network of a Kubernetes cluster is measured: one pod a role, each on a node that is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.network_probe import (
    DIRECTORY,
    PREFIX,
    SERVER,
    STRANGER,
    Probe,
)
from ansible_collections.organic.core5g.plugins.module_utils.probe_packets import FRAME_LISTENER, IDLE
from ansible_collections.organic.core5g.plugins.plugin_utils import kubernetes_objects
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_networks import Network

Object = dict[str, Any]


def objects(probe: Probe, nodes: Mapping[str, str]) -> list[Object]:
    """Namespace, network and pods.

    Args:
        probe: what is measured; its containers do not matter.
        nodes: node of each role.
    """
    made = [kubernetes_objects.namespace(PREFIX)]
    if network := _network(probe):
        made.append(network.definition(PREFIX))
    return made + [_pod(probe, network, role, node) for role, node in nodes.items()]


def _network(probe: Probe) -> Network | None:
    """A network beside the cluster's own, whose plugin gives the addresses."""
    driver = probe.driver
    if not driver["creates_network"] or "cni" not in driver:
        return None
    values = {"parent": probe.parent, "bridge": probe.bridge}
    cni = {key: str(value).format(**values) for key, value in driver["cni"].items()}
    return Network(probe.network.replace("_", "-"), driver["name"], cni, probe.subnet, is_static=True)


def _pod(probe: Probe, network: Network | None, role: str, node: str) -> Object:
    runtime = kubernetes_objects.RUNTIME
    annotations = {}
    if network and role != STRANGER:
        address = network.with_prefix(probe.address(role))
        selection = [{"name": network.name, "interface": "net1", "ips": [address]}]
        annotations[kubernetes_objects.NETWORKS_ANNOTATION] = json.dumps(selection)
    mounts = [
        {"name": "resident", "mountPath": runtime, "readOnly": True},
        {"name": "probe", "mountPath": "/probe"},
    ]
    container = {
        "name": "probe",
        "image": probe.image,
        "imagePullPolicy": "IfNotPresent",
        # Hosts find the pod by this name.
        "command": [kubernetes_objects.INIT, "--name", f"{PREFIX}.{role}", "--"],
        "args": ["python3", "-c", FRAME_LISTENER if role == SERVER else IDLE],
        "volumeMounts": mounts,
    }
    spec: Object = {
        "nodeName": node,
        "hostNetwork": not probe.driver["creates_network"] and role != STRANGER,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "resident", "hostPath": {"path": runtime, "type": "Directory"}},
            {"name": "probe", "hostPath": {"path": str(DIRECTORY), "type": "DirectoryOrCreate"}},
        ],
    }
    metadata = {"name": role, "namespace": PREFIX, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
