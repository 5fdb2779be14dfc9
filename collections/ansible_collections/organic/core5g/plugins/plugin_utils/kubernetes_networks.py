# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of pods beside the cluster's own, as Multus attaches them."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils.core_networks import mac_of

MANAGED_BY = {"app.kubernetes.io/managed-by": "organic-core5g"}
_LABEL = "organic.core5g/network"
_CNI_VERSION = "1.0.0"


@dataclasses.dataclass(frozen=True)
class Network:
    """A network of pods beside the cluster's own.

    Attributes:
        cni: type and options of its CNI plugin, as a network driver describes them.
        subnet: of its addresses.
        is_static: the plugin gives the addresses; else the resident init sets them, so that a pod that awaits a
            migration has none.
    """

    name: str
    driver: str
    cni: Mapping[str, Any]
    subnet: str
    gateway: str | None = None
    is_static: bool = False

    @classmethod
    def of(cls, network: Mapping[str, Any]) -> Network:
        """From an entry of nf_networks_here."""
        driver = network["driver"]
        return cls(
            network["name"],
            driver["name"],
            network["cni"],
            network["subnet"],
            network["gateway"],
            not driver["movable"],
        )

    def definition(self, namespace: str) -> dict[str, Any]:
        """The NetworkAttachmentDefinition."""
        config: dict[str, Any] = {"cniVersion": _CNI_VERSION, "name": self.name, **self.cni}
        if self.is_static:
            config.update(capabilities={"ips": True}, ipam={"type": "static"})
        return {
            "apiVersion": "k8s.cni.cncf.io/v1",
            "kind": "NetworkAttachmentDefinition",
            "metadata": {
                "name": self.name,
                "namespace": namespace,
                "labels": {_LABEL: self.driver, **MANAGED_BY},
            },
            "spec": {"config": json.dumps(config, sort_keys=True)},
        }

    def with_prefix(self, address: str) -> str:
        return f"{address}/{ipaddress.ip_network(self.subnet).prefixlen}"


@dataclasses.dataclass(frozen=True)
class Attachment:
    """An NF on a network, by an interface."""

    network: Network
    interface: str
    ipv4: str
    mac: str

    @classmethod
    def of(cls, endpoint: Mapping[str, Any], networks: Mapping[str, Network], number: int) -> Attachment:
        """From an entry of ``endpoints`` of nf_description; ``number`` is its place among those of the NF."""
        address = str(endpoint["ipv4"])
        mac = str(endpoint["mac"]).lower() or mac_of(address)
        return cls(networks[endpoint["network"]], f"net{number + 1}", address, mac)

    def selection(self) -> dict[str, Any]:
        """What Multus is told (Network Plumbing Working Group, de-facto standard 1.3, section 4.1.2)."""
        found: dict[str, Any] = {"name": self.network.name, "interface": self.interface}
        return {**found, "ips": [self.network.with_prefix(self.ipv4)]} if self.network.is_static else found

    def init_options(self) -> list[str]:
        """The option of the resident init that sets the address."""
        if self.network.is_static:
            return []
        return ["--address", f"{self.interface},{self.network.with_prefix(self.ipv4)},mac={self.mac}"]
