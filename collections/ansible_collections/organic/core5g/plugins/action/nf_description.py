# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions, network_faults, reference_points
from ansible_collections.organic.core5g.plugins.plugin_utils.core_networks import CoreNetworks, Inventory

ARGUMENTS: dict[str, Any] = {
    "core": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "addresses": {"type": "dict"},
    "network_driver": {"type": "str"},
    "engine": {"type": "str", "default": "docker"},
    "image": {"type": "str"},
    "network_name": {"type": "str"},
    "networks": {"type": "dict", "default": {}},
    "network_parent": {"type": "str"},
    "network_subnet": {"type": "str"},
    "orchestrator": {"type": "str", "choices": ["none", "swarm", "kubernetes"], "default": "none"},
}


class ActionModule(ActionBase):
    """Reads files of this collection on the controller; no host is asked."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, wanted = self.validate_argument_spec(ARGUMENTS)
        core = descriptions.load(self._loader, "core", wanted["core"])
        in_core = [nf["name"] for nf in core["nfs"]]
        names = wanted["names"] or in_core
        self._check_names(core["name"], names, in_core)
        functions = {name: descriptions.function_of(name, in_core) for name in [*in_core, *names]}
        ordered = [name for nf in in_core for name in dict.fromkeys(names) if functions[name] == nf]
        if wanted["addresses"] is not None:
            self._check_addresses(wanted["addresses"], names)
            self._check_needs(core, task_vars or {})
            self._check_dynamic(core, wanted["addresses"], names)
        profiles = {
            name: descriptions.of_core(core, descriptions.load(self._loader, "profile", functions[name]))
            for name in ordered
        }
        networks = CoreNetworks(
            self._loader,
            Inventory(
                wanted["addresses"] or {},
                wanted["networks"],
                wanted["network_driver"],
                wanted["network_name"],
                wanted["network_parent"],
                wanted["network_subnet"],
                wanted["orchestrator"],
            ),
            profiles,
            wanted["engine"],
        )
        nfs = {nf["name"]: nf for nf in core["nfs"]}
        definitions = {name: nfs[nf] for name, nf in functions.items()}
        result.update(
            changed=False,
            names=ordered,
            functions=functions,
            core=core,
            profiles=profiles,
            network_drivers={name: networks.driver(name) for name in names},
            drivers=networks.descriptions_of_drivers(),
            endpoints={name: [endpoint.as_dict() for endpoint in networks.endpoints(name)] for name in names},
            sources={name: descriptions.source(core, nf) for name, nf in definitions.items()},
            configuration=[file for name in names for file in descriptions.configuration(definitions[name], name)],
            needs={
                name: {
                    "name": name,
                    "image": wanted["image"] or definitions[name].get("image", core["image"]),
                    "devices": definitions[name].get("devices", []),
                }
                for name in names
            },
        )
        return result

    @staticmethod
    def _check_needs(core: dict[str, Any], variables: dict[str, Any]) -> None:
        if missing := {name: what for name, what in core.get("needs", {}).items() if not variables.get(name)}:
            listed = ". ".join(f"Set {name}, {what}" for name, what in missing.items())
            raise AnsibleActionFail(f"The core {core['name']} needs more than its NFs. {listed}")

    @staticmethod
    def _check_dynamic(core: dict[str, Any], addresses: dict[str, Any], names: list[str]) -> None:
        dynamic = [
            name for name in names if reference_points.address_at(addresses[name], "sbi") == reference_points.DYNAMIC
        ]
        if dynamic and not core.get("dynamic_addresses", False):
            raise AnsibleActionFail(
                f"The NFs of the core {core['name']} are configured by addresses, and {', '.join(dynamic)} would have "
                "a dynamic one: put them on the driver macvlan, with an address each in nf_addresses"
            )

    @staticmethod
    def _check_addresses(addresses: dict[str, Any], names: list[str]) -> None:
        if missing := [name for name in names if name not in addresses]:
            raise AnsibleActionFail(
                f"No address is known of {', '.join(missing)}: add it to nf_addresses in the inventory, or set "
                "nf_names to the NFs that you want"
            )
        parsed = {name: _addresses_of(name, value) for name, value in addresses.items()}
        if shared := list(network_faults.shared_addresses(parsed, names)):
            raise AnsibleActionFail(". ".join(shared))

    @staticmethod
    def _check_names(core: str, names: list[str], in_core: list[str]) -> None:
        known = descriptions.known("profile")
        faults = [
            f"There is no profile of an NF '{name}', known are: {', '.join(known)}"
            for name in names
            if descriptions.function_of(name, known) not in known
        ]
        if missing := [name for name in names if not descriptions.function_of(name, in_core)]:
            faults.append(f"The core {core} has no NF {', '.join(missing)}")
        if faults:
            raise AnsibleActionFail(". ".join(faults))


def _addresses_of(nf: str, value: Any) -> dict[str, reference_points.PointAddress]:
    try:
        return reference_points.addresses_of(value)
    except ValueError as error:
        raise AnsibleActionFail(f"nf_addresses.{nf} is wrong: {error}") from error
