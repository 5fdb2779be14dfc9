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
    description: Seconds that the hosts have to answer each of the two questions.
    type: int
    default: 60
extends_documentation_fragment:
  - constructed
  - inventory_cache
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
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.organic.core5g.plugins.plugin_utils.nf_places_now import NF_LABEL, failures, places

CONTAINERS = {"containers": True, "containers_filters": {"label": NF_LABEL}, "verbose_output": True}


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
        containers = self._module(source, "community.docker.docker_host_info", "--args", json.dumps(CONTAINERS))
        migrations = self._module(source, "organic.live_migration.container_migration_info")
        silent = failures(containers) | failures(migrations)
        for host, reason in silent.items():
            message = f"Host '{host}' did not say which NFs it runs: {reason}"
            if self.get_option("strict"):
                raise AnsibleParserError(message)
            self.display.warning(message)
        asked = sorted((set(containers) & set(migrations)) - set(silent))
        return {
            host: places(containers[host]["containers"], migrations[host]["migrations"]) for host in asked
        }, not silent

    def _module(self, source: Path, module: str, *arguments: str) -> dict[str, dict[str, Any]]:
        """The answer of each host, by Ansible's own connection to it."""
        command = [sys.executable, "-m", "ansible", "adhoc", self.get_option("hosts"), "--inventory", str(source)]
        command += ["--module-name", module, *arguments]
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
