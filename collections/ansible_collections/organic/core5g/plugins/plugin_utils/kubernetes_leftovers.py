# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels of nodes by which NFs are placed, and what goes with the NFs that are removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_objects import HERE, Object, node_label


def labelled_nodes(namespace: str, places: Mapping[str, str], labels: Mapping[str, Mapping[str, str]]) -> list[Object]:
    """The nodes that get labels, each with all of this namespace's NFs, so that applying it takes none away.

    Args:
        places: node of each NF.
        labels: of each node.
    """
    prefix = node_label(namespace, "")
    made = []
    for node in dict.fromkeys(places.values()):
        had = {name: value for name, value in labels[node].items() if name.startswith(prefix)}
        wanted = {node_label(namespace, nf): HERE for nf, place in places.items() if place == node}
        if any(had.get(name) != value for name, value in wanted.items()):
            made.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": {**had, **wanted}}})
    return made


def unlabelled_nodes(namespace: str, leaving: Sequence[str], labels: Mapping[str, Mapping[str, str]]) -> list[Object]:
    """The nodes that lose the labels of NFs, as a merge patch of each."""
    made = []
    for node, has in labels.items():
        gone = {label: None for label in (node_label(namespace, nf) for nf in leaving) if label in has}
        if gone:
            made.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": gone}})
    return made


def leftovers(cluster: Mapping[str, Any], namespace: str, leaving: Sequence[str]) -> list[Object]:
    """What is to be removed with NFs: their objects, and with the last NF what all share.

    Args:
        cluster: what kubernetes_info returned.
        leaving: names of the NFs.
    """
    if not cluster["namespace"]["exists"]:
        return []
    ours = {(each[0], each[1]) for each in cluster["objects"]}
    kinds = {"Deployment": "apps/v1", "Service": "v1", "PodDisruptionBudget": "policy/v1"}
    of_nfs = [(kind, nf, version) for nf in leaving for kind, version in kinds.items()]
    of_nfs += [(kind, f"{nf}-configuration", "v1") for nf in leaving for kind in ("ConfigMap", "Secret")]
    made = [_named(kind, version, name, namespace) for kind, name, version in of_nfs if (kind, name) in ours]
    if all(kind != "Deployment" or name in leaving for kind, name in ours):
        version = {"NetworkAttachmentDefinition": "k8s.cni.cncf.io/v1", "ServiceAccount": "v1"}
        made += [_named(kind, version[kind], name, namespace) for kind, name in sorted(ours) if kind in version]
        if cluster["namespace"]["ours"]:
            made.append(_named("Namespace", "v1", namespace))
    return made


def _named(kind: str, version: str, name: str, namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
