# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The descriptions that this collection holds as data: cores, profiles and network drivers, each with its schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible_collections.organic.core5g.plugins.plugin_utils import schema_faults

COLLECTION = Path(__file__).parents[2]
CONFIGURATION = "/etc/organic/nf"
"""Directory on the hosts with the configuration files of each NF, which its container has mounted."""
KUBERNETES = "kubernetes"
_FOLDERS = {"core": "cores", "profile": "profiles", "network_driver": "network_drivers"}
"""Kind of description, which is also the name of its schema, and the folder of its files."""
_UNKNOWN = {
    "core": "There is no core {name}, known are: {known}",
    "profile": "There is no profile of an NF '{name}', known are: {known}",
    "network_driver": "There is no network driver {name}, known are: {known}",
}


def known(kind: str) -> list[str]:
    """Names of all descriptions of a kind."""
    return sorted(path.stem for path in (COLLECTION / _FOLDERS[kind]).glob("*.yml"))


def function_of(name: str, in_core: Collection[str]) -> str:
    """The NF of the core that an instance belongs to: upf-standby is one of upf. Empty if there is none.

    Args:
        name: of the NF, or the NF's name with a hyphen and more.
        in_core: names of the core's NFs.
    """
    if name in in_core:
        return name
    return max((nf for nf in in_core if name.startswith(f"{nf}-")), key=len, default="")


def load(loader: DataLoader, kind: str, name: str) -> dict[str, Any]:
    """One description, checked against its schema. Templates in it are kept as they are.

    Raises:
        AnsibleActionFail: there is none of this name, or it does not follow the schema.
    """
    names = known(kind)
    if name not in names:
        raise AnsibleActionFail(_UNKNOWN[kind].format(name=name, known=", ".join(names)))
    path = COLLECTION / _FOLDERS[kind] / f"{name}.yml"
    schema = loader.load_from_file(str(COLLECTION / "schemas" / f"{kind}.yml"))
    found: dict[str, Any] = _load_trusted(loader, path)
    wrong = schema_faults.faults(path.read_text(encoding="utf-8"), schema, _without_templates(found))
    if wrong:
        raise AnsibleActionFail(f"{path} does not follow schemas/{kind}.yml: {'; '.join(wrong)}")
    return found


def network_driver(loader: DataLoader, profile: dict[str, Any], engine: str, wanted: str | None) -> dict[str, Any]:
    """The description of an NF's network driver: the wanted one, else the first that its profile likes and we have.

    One that only a Swarm can create is taken where it is wanted by name.

    Args:
        profile: of the NF.
        engine: container engine, which the driver must have options for.
        wanted: name of the driver that the user asks for.

    Raises:
        AnsibleActionFail: there is none.
    """
    if wanted:
        return load(loader, "network_driver", wanted)
    liked = [profile["network_driver"]["preferred"], *profile["network_driver"]["alternatives"]]
    for name in [name for name in liked if name in known("network_driver")]:
        description = load(loader, "network_driver", name)
        if _is_for(engine, description) and not description.get("needs_swarm"):
            return description
    raise AnsibleActionFail(
        f"None of the network drivers that {profile['name']} likes is there for {engine} ({', '.join(liked)}): "
        f"set nf_network_driver to one of {', '.join(known('network_driver'))}"
    )


def _is_for(engine: str, driver: dict[str, Any]) -> bool:
    """Pods are attached by a CNI plugin, whatever engine runs them."""
    return bool(driver.get("cni")) if engine == KUBERNETES else engine in driver["engines"]


def of_core(core: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    """An NF's profile with the core's own time budgets in place of the strictest of all cores."""
    budgets = core.get("budgets", {})
    return {**profile, "budgets": {key: budgets.get(key, value) for key, value in profile["budgets"].items()}}


def source(core: dict[str, Any], nf: dict[str, Any]) -> dict[str, Any]:
    """Where an NF of a core reports its state, as module_utils.nf_source takes it."""
    return {**(nf.get("state") or core["state"]), "associations": nf.get("associations", 0)}


def configuration(nf: dict[str, Any], name: str) -> list[dict[str, str]]:
    """The configuration files of an instance of an NF: template, file on the host, path in the container."""
    return [
        {**file, "nf": name, "file": f"{CONFIGURATION}/{name}/{PurePosixPath(file['path']).name}"}
        for file in nf.get("configuration", [])
    ]


def entry_faults(loader: DataLoader, schema: str, entry: Any) -> list[str]:
    """What is wrong with an entry of an inventory variable against a schema of this collection."""
    specification = loader.load_from_file(str(COLLECTION / "schemas" / f"{schema}.yml"))
    if not isinstance(entry, Mapping):
        return [f"it is no dictionary with {', '.join(specification)}"]
    if unknown := sorted(str(key) for key in set(entry) - set(specification)):
        return [f"there is no {', '.join(unknown)}, known are: {', '.join(specification)}"]
    return list(ArgumentSpecValidator(specification).validate(dict(entry)).error_messages)


def _load_trusted(loader: DataLoader, path: Path) -> Any:
    """With its templates marked as our own, which ansible-core asks for since 2.19."""
    try:
        return loader.load_from_file(str(path), trusted_as_template=True)
    except TypeError:
        return loader.load_from_file(str(path))


def _without_templates(description: dict[str, Any]) -> dict[str, Any]:
    """A description for validation: values that are rendered later may be of any type."""
    return {key: {} if key == "env" else value for key, value in description.items()}
