# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nfs
short_description: The hosts where network functions run now
version_added: 0.2.0
description:
  - Asks the hosts of another inventory which network functions (NFs) run on them, and makes a group C(nf_NAME) of the
    host where each runs, so that a play can target the host where the SMF is.
  - The variable C(nfs_running) of each host lists its NFs.
  - A container that awaits the process of a migration does not count.
  - Of hosts with the variable C(orchestrator=kubernetes) the pods of the cluster are listed, by the variables
    C(kubeconfig), C(kubernetes_context), C(kubernetes_namespace) and C(kubernetes_node) that deploy the core.
  - Give it beside the inventory that it names, which has the variables of the hosts.
  - A host that does not answer is a warning, or with O(strict) an error. Such an answer is not cached.
author:
  - Organic 5GC contributors (@organic-5gc)
options:
  plugin:
    description: Name of this plugin.
    type: str
    required: true
    choices: [organic.core5g.nfs]
  inventory:
    description: The inventory whose hosts are asked. A relative path begins at the directory of this file.
    type: str
    required: true
  hosts:
    description: Pattern of the hosts that are asked.
    type: str
    default: nf_hosts
  timeout:
    description: Seconds that the hosts have to answer each question.
    type: int
    default: 60
extends_documentation_fragment:
  - constructed
  - inventory_cache
requirements:
  - The Python package C(kubernetes) on the controller, for pods.
"""

EXAMPLES = r"""
# nfs.yml, used as: ansible-playbook -i hosts.yml -i nfs.yml play.yml, with "hosts: nf_smf" in the play
plugin: organic.core5g.nfs
inventory: hosts.yml
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_cluster import Api, Cluster
from ansible_collections.organic.core5g.plugins.plugin_utils.nf_places_now import (
    NF_LABEL,
    failures,
    places,
    pod_places,
)

CONTAINERS = {"containers": True, "containers_filters": {"label": NF_LABEL}, "verbose_output": True}
# The variables by which the role nf deploys, as it reads them.
SETTINGS = {
    "orchestrator": "{{ nf_orchestrator | default(orchestrator | default('none')) }}",
    "kubeconfig": "{{ nf_kubeconfig | default(kubeconfig | default('')) }}",
    "context": "{{ nf_kubernetes_context | default(kubernetes_context | default('')) }}",
    "namespace": "{{ nf_namespace | default(kubernetes_namespace | default('core5g')) }}",
    "node": "{{ kubernetes_node | default(inventory_hostname, true) }}",
}


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "organic.core5g.nfs"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith((".yml", ".yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        key = self.get_cache_key(path)
        caches = self.get_option("cache")
        found = self._cache.get(key) if caches and cache else None
        if found is None:
            found, complete = self._ask(Path(path).parent / self.get_option("inventory"))
            if caches and complete:
                self._cache[key] = found
        for host, nfs in found.items():
            self._add(host, nfs)

    def _ask(self, source: Path) -> tuple[dict[str, list[str]], bool]:
        """The NFs of each host that answered, and whether all have."""
        if not source.exists():
            raise AnsibleParserError(f"There is no inventory {source}; correct the option inventory")
        everywhere = self.get_option("hosts")
        answers = self._module(source, everywhere, "ansible.builtin.debug", {"msg": SETTINGS})
        silent = failures(answers)
        settings = {host: answer["msg"] for host, answer in answers.items() if host not in silent}
        pods, without_pods = _pods(settings)
        engines = sorted(set(settings) - set(pods) - set(without_pods))
        with_engine = everywhere if len(engines) == len(answers) else ",".join(engines)
        containers = (
            self._module(source, with_engine, "community.docker.docker_host_info", CONTAINERS) if engines else {}
        )
        migrations = self._module(source, everywhere, "organic.live_migration.container_migration_info", {})
        silent |= without_pods | failures(containers) | failures(migrations)
        for host, reason in silent.items():
            message = f"Host '{host}' did not say which NFs it runs: {reason}"
            if self.get_option("strict"):
                raise AnsibleParserError(message)
            self.display.warning(message)
        found = {}
        for host in sorted(set(migrations) - set(silent)):
            moves = migrations[host]["migrations"]
            if host in pods:
                found[host] = pod_places(pods[host], settings[host]["node"], moves)
            elif host in containers:
                found[host] = places(containers[host]["containers"], moves)
        return found, not silent

    def _module(self, source: Path, hosts: str, module: str, arguments: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The answer of each host, by Ansible's own connection to it."""
        command = [sys.executable, "-m", "ansible", "adhoc", hosts, "--inventory", str(source)]
        command += ["--module-name", module]
        if arguments:  # An empty document would be taken for a text.
            command += ["--args", json.dumps(arguments)]
        callback = {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
        seconds = self.get_option("timeout")
        try:
            done = subprocess.run(
                command, env=os.environ | callback, capture_output=True, text=True, check=False, timeout=seconds
            )
            answers: dict[str, dict[str, Any]] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]
        except subprocess.TimeoutExpired:
            raise AnsibleParserError(f"The hosts of {source} did not answer within {seconds} s") from None
        except (ValueError, LookupError):
            raise AnsibleParserError(f"The hosts of {source} were not asked: {done.stderr or done.stdout}") from None
        return answers

    def _add(self, host: str, nfs: list[str]) -> None:
        self.inventory.add_host(host)
        self.inventory.set_variable(host, "nfs_running", nfs)
        for nf in nfs:
            self.inventory.add_host(host, group=self.inventory.add_group(self._sanitize_group_name(f"nf_{nf}")))
        variables = self.inventory.get_host(host).get_vars()
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def _pods(settings: dict[str, dict[str, Any]]) -> tuple[dict[str, list[Mapping[str, Any]]], dict[str, str]]:
    """The pods of the cluster of each host that is a node of one, and why they were not listed, by host."""
    listed: dict[tuple[str, str, str], list[Mapping[str, Any]] | str] = {}
    pods, silent = {}, {}
    for host, wanted in settings.items():
        if wanted["orchestrator"] != "kubernetes":
            continue
        cluster = (wanted["kubeconfig"], wanted["context"], wanted["namespace"])
        if cluster not in listed:
            try:
                listed[cluster] = list(Cluster(Api(*cluster[:2]), cluster[2]).pods_of_nfs())
            except AnsibleActionFail as error:
                listed[cluster] = str(error)
        answer = listed[cluster]
        if isinstance(answer, str):
            silent[host] = answer
        else:
            pods[host] = answer
    return pods, silent
