# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container networks of a core, from the variables of an inventory, checked as a whole."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions, network_faults, reference_points
from ansible_collections.organic.core5g.plugins.plugin_utils.reference_points import (
    DYNAMIC,
    SBI,
    Endpoint,
    PointAddress,
)

_KEY = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclasses.dataclass(frozen=True)
class Inventory:
    """What a user sets.

    Attributes:
        addresses: nf_addresses.
        networks: nf_networks.
        driver: nf_network_driver.
        name: nf_network_name.
        parent: nf_network_parent.
        subnet: nf_network_subnet.
        orchestrator: nf_orchestrator.
    """

    addresses: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    networks: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    driver: str | None = None
    name: str | None = None
    parent: str | None = None
    subnet: str | None = None
    orchestrator: str = "none"


class CoreNetworks:
    """Resolves what the user set into endpoints.

    Args:
        loader: of descriptions.
        inventory: what the user set.
        profiles: of the NFs that are looked at, in the order of the core.
        engine: container engine.

    Raises:
        AnsibleActionFail: with every fault, and its remedy.
    """

    def __init__(
        self, loader: DataLoader, inventory: Inventory, profiles: Mapping[str, dict[str, Any]], engine: str
    ) -> None:
        self._loader = loader
        self._inventory = inventory
        self._check_entries()
        self._addresses = self._parsed_addresses()
        self._default_drivers = {
            nf: descriptions.network_driver(loader, profile, engine, inventory.driver)
            for nf, profile in profiles.items()
        }
        self._drivers = self._drivers_of_networks(profiles, engine)
        self._check(list(profiles))

    def driver(self, nf: str) -> dict[str, Any]:
        """Description of the driver of an NF's SBI."""
        key = self._addresses[nf][SBI].network if nf in self._addresses else SBI
        return self._drivers[key] if key in self._drivers else self._default_drivers[nf]

    def endpoints(self, nf: str) -> list[Endpoint]:
        """Where an NF is attached; nowhere if its address is not known."""
        addresses = self._addresses.get(nf, {})
        drivers = {each.network: self._driver_at(nf, each.network) for each in addresses.values()}
        names = {
            key: reference_points.network_name(
                key, self._inventory.networks.get(key), self._inventory.name, driver["name"]
            )
            for key, driver in drivers.items()
        }
        return reference_points.endpoints_of(
            addresses, names, {key: str(driver["name"]) for key, driver in drivers.items()}
        )

    def descriptions_of_drivers(self) -> dict[str, dict[str, Any]]:
        """Of all drivers in use, by their names."""
        used = [*self._default_drivers.values(), *self._drivers.values()]
        return {str(driver["name"]): driver for driver in used}

    def _driver_at(self, nf: str, key: str) -> dict[str, Any]:
        return self._drivers[key] if key in self._drivers else self._default_drivers[nf]

    def _check_entries(self) -> None:
        faults = [
            f"nf_networks.{key} is wrong: {fault}"
            for key, network in self._inventory.networks.items()
            for fault in descriptions.entry_faults(self._loader, "nf_network", network)
        ]
        faults += [
            f"The key {key} of nf_networks is not a lower-case word of at most 32 characters: rename it"
            for key in self._inventory.networks
            if not _KEY.fullmatch(str(key))
        ]
        for nf, value in self._inventory.addresses.items():
            for point, address in value.items() if isinstance(value, Mapping) else ():
                if isinstance(address, Mapping):
                    found = descriptions.entry_faults(self._loader, "nf_address", address)
                    faults += [f"nf_addresses.{nf}.{point} is wrong: {fault}" for fault in found]
        _refuse(faults)

    def _parsed_addresses(self) -> dict[str, dict[str, PointAddress]]:
        parsed, faults = {}, []
        for nf, value in self._inventory.addresses.items():
            try:
                parsed[nf] = reference_points.addresses_of(value)
            except ValueError as error:
                faults.append(f"nf_addresses.{nf} is wrong: {error}")
        _refuse(faults)
        return parsed

    def _drivers_of_networks(self, profiles: Mapping[str, dict[str, Any]], engine: str) -> dict[str, dict[str, Any]]:
        """Of the networks with an entry; the default is what the profile of their first NF likes."""
        drivers = {}
        for key, network in self._inventory.networks.items():
            users = [nf for nf in profiles if any(one.network == key for one in self._addresses.get(nf, {}).values())]
            wanted = network.get("driver") or self._inventory.driver
            if wanted or users:
                profile = profiles[users[0]] if users else {}
                drivers[key] = descriptions.network_driver(self._loader, profile, engine, wanted)
        return drivers

    def _check(self, names: list[str]) -> None:
        used = {key: network for key, network in self._inventory.networks.items() if key in self._drivers}
        faults = list(network_faults.faults_of_networks(used, self._drivers))
        if SBI not in used and used:
            sbi = {"parent": self._inventory.parent, "subnet": self._inventory.subnet}
            for key, network in used.items():
                faults += network_faults.pair_faults(SBI, sbi, key, network)
        for nf in names:
            if nf in self._addresses:
                faults += network_faults.faults_of_addresses(nf, self._addresses[nf], used)
                faults += network_faults.faults_of_dynamic_addresses(
                    nf,
                    self._addresses[nf],
                    {point: self._driver_at(nf, one.network) for point, one in self._addresses[nf].items()},
                    self._inventory.orchestrator,
                )
        faults += network_faults.shared_addresses(self._addresses, names)
        _refuse(faults)
        for nf in names:
            endpoints = self.endpoints(nf)
            alone = [each for each in endpoints if not self._driver_at(nf, each.key)["creates_network"]]
            if alone and len(endpoints) > 1:
                faults.append(
                    f"{nf} is on the network of its host by its {alone[0].key}, and can be on no other beside it: give "
                    f"all its reference points the driver host, or none"
                )
        _refuse(faults)


def _refuse(faults: list[str]) -> None:
    if faults:
        raise AnsibleActionFail(". ".join(faults))


def on_this_host(
    found: Mapping[str, Any], nfs: list[str], networks: Mapping[str, Mapping[str, Any]], default: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The networks of NFs as one host has them: names of interfaces may differ between hosts.

    Args:
        found: what nf_description returned.
        nfs: names of the NFs.
        networks: nf_networks of the host.
        default: parent, subnet and gateway of the network without an entry there, of the host.

    Returns:
        Each network once: key, name, description of the driver, parent, subnet, gateway, subnet6, gateway6, driver
        and options of each engine, and those of the CNI plugin.
    """
    made: dict[str, dict[str, Any]] = {}
    for nf in nfs:
        for endpoint in found["endpoints"][nf]:
            if endpoint["network"] not in made:
                own = networks.get(endpoint["key"])
                made[endpoint["network"]] = _network(
                    endpoint, found["drivers"][endpoint["driver"]], default if own is None else own, own is not None
                )
    return list(made.values())


def _network(
    endpoint: Mapping[str, Any], driver: Mapping[str, Any], settings: Mapping[str, Any], is_own: bool
) -> dict[str, Any]:
    bridge = reference_points.bridge_name(endpoint["key"], is_own)
    values = {"parent": settings.get("parent") or "", "bridge": bridge}
    uplink = driver.get("uplink_bridge")
    cni = driver.get("cni") or {}
    engines = {
        engine: {
            "driver": one["driver"],
            "options": {option: str(value).format(**values) for option, value in (one.get("options") or {}).items()},
        }
        for engine, one in driver["engines"].items()
    }
    return {
        "key": endpoint["key"],
        "name": endpoint["network"],
        "driver": driver,
        **{option: settings.get(option) or None for option in ("parent", "subnet", "gateway", "subnet6", "gateway6")},
        "uplink_bridge": uplink.format(**values) if uplink else "",
        "engines": engines,
        "cni": {option: str(value).format(**values) for option, value in cni.items()},
    }


def attachments(found: Mapping[str, Any], nfs: list[str], networks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What NFs need of a host, for nf_host_info: one entry for each NF and network.

    Args:
        found: what nf_description returned.
        nfs: names of the NFs.
        networks: of this host.
    """
    by_name = {network["name"]: network for network in networks}
    return [
        {
            **found["needs"][nf],
            "address": endpoint["ipv4"],
            "driver": by_name[endpoint["network"]]["driver"],
            "network": endpoint["network"],
            "parent": by_name[endpoint["network"]]["parent"],
            "subnet": by_name[endpoint["network"]]["subnet"],
        }
        for nf in nfs
        for endpoint in found["endpoints"][nf]
    ]


def engine_endpoints(found: Mapping[str, Any], nf: str, with_macs: bool) -> list[dict[str, Any]]:
    """The entries ``networks`` of community.docker.docker_container for an NF.

    Args:
        found: what nf_description returned.
        nf: its name.
        with_macs: of a container that is new: the engine may report another MAC of one that was migrated.
    """
    entries = []
    for endpoint in found["endpoints"][nf]:
        entry = {"name": endpoint["network"]}
        if endpoint["ipv4"] != DYNAMIC:
            entry["ipv4_address"] = endpoint["ipv4"]
        if endpoint["ipv6"]:
            entry["ipv6_address"] = endpoint["ipv6"]
        if with_macs and endpoint["ipv4"] != DYNAMIC and found["drivers"][endpoint["driver"]]["pins_mac"]:
            entry["mac_address"] = endpoint["mac"].lower() or mac_of(endpoint["ipv4"])
        entries.append(entry)
    return entries


def mac_of(ipv4: str) -> str:
    """The scheme that Docker itself uses for an address, spelt out so that the MAC is the same on every host."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in ipv4.split("."))
