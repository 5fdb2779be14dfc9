# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A core as a user has it, by the playbooks of the project."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.lab import prepared_inventory
from tests.harness.playbook import PlaybookResult, run

BRIDGE = f"@{Path(__file__).with_name('bridge.yml')}"
NFS = ["nrf", "upf", "smf"]
"""What most tests deploy of the core; test_core.py deploys all of it."""


class CoreSite:
    """The hosts of an inventory."""

    def __init__(self, inventory: str) -> None:
        self.inventory = inventory
        listing = json.loads(run("ansible-inventory", inventory, "--list").stdout)
        self.nf_hosts: list[str] = listing["nf_hosts"]["hosts"]
        self.ran_host: str = listing["ran"]["hosts"][0]
        self.variables: dict[str, Any] = listing["_meta"]["hostvars"][self.nf_hosts[0]]

    def try_playbook(self, playbook: str, *arguments: str, **variables: Any) -> PlaybookResult:
        """Run a playbook, which may fail."""
        options = [*arguments, "--extra-vars", json.dumps(variables)]
        done = run("ansible-playbook", self.inventory, f"playbooks/{playbook}.yml", *options)
        return PlaybookResult.parse(done.returncode, done.stdout, done.stderr)

    def playbook(self, playbook: str, *arguments: str, **variables: Any) -> PlaybookResult:
        """Run a playbook that must succeed."""
        result = self.try_playbook(playbook, *arguments, **variables)
        assert result.status == 0, result.messages + result.errors
        return result

    def module(self, hosts: str, module: str, **options: Any) -> dict[str, dict[str, Any]]:
        """Run one module; its result by host."""
        # an action without options takes no empty mapping for one
        arguments = ["--args", json.dumps(options)] if options else []
        done = run("ansible", self.inventory, hosts, "--module-name", module, *arguments)
        result = PlaybookResult.parse(done.returncode, done.stdout, done.stderr)
        assert result.status == 0, result.messages + result.errors
        return result.results

    def command(self, host: str, command: str) -> str:
        """Output of a command on a host."""
        return str(self.module(host, "ansible.builtin.command", cmd=command)[host]["stdout"])

    def states(self, addresses: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
        """Entry of nf_state_info of each NF that runs, with its host; ``addresses`` if not those of the inventory."""
        asked = {
            nf: address if isinstance(address, str) else address["sbi"]
            for nf, address in (addresses or self.variables["nf_addresses"]).items()
        }
        found = self.module("nf_hosts", "organic.core5g.nf_state_info", nfs=asked, must_run=False)
        running = {}
        for host, result in found.items():
            for entry in result["nfs"]:
                if entry["state"]:
                    assert entry["name"] not in running, f"{entry['name']} runs twice"
                    running[entry["name"]] = {"host": host, **entry}
        return running

    def starts(self) -> dict[str, str]:
        """When the container of each running NF was started: the same if nothing was done to it."""
        return {nf: entry["container"]["started_at"] for nf, entry in self.states().items()}


@pytest.fixture(scope="session")
def core_site() -> Iterator[CoreSite]:
    """Prepared hosts without a core, and without one afterwards."""
    if os.geteuid():
        pytest.skip("a lab needs root")
    made = CoreSite(str(prepared_inventory()))
    for playbook in ("build_minicore", "remove_core"):
        made.playbook(playbook)
    yield made
    made.playbook("remove_core")


@pytest.fixture(scope="module")
def core(core_site: CoreSite) -> CoreSite:
    """The core on the default network."""
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core", nf_names=NFS)
    return core_site


def leftovers(site: CoreSite) -> dict[str, list[str]]:
    """What is left of a core on each host: containers, networks, links and files."""
    found: dict[str, list[str]] = {}
    engines = site.module(
        "nf_hosts",
        "community.docker.docker_host_info",
        containers=True,
        containers_all=True,
        containers_filters={"label": "organic.core5g.nf"},
        networks=True,
        networks_filters={"label": "organic.core5g.network"},
    )
    for host, result in engines.items():
        left = [str(name) for each in result["containers"] for name in each["Names"]]
        left += [str(each["Name"]) for each in result["networks"]]
        if left:
            found[host] = left
    files = site.module(
        "all", "ansible.builtin.find", paths=["/run", "/sys/class/net"],
        patterns=["minicore-ran", "minicore-gnb", "br-core5g"], file_type="any",
    )  # fmt: skip
    for host, result in files.items():
        if result["files"]:
            found.setdefault(host, []).extend(file["path"] for file in result["files"])
    return found
