# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts with ``orchestrator: swarm``."""

from __future__ import annotations

import json
from typing import Any

from tests.harness.playbook import PlaybookResult

from .conftest import CoreSite


class SwarmSite:
    """The hosts, and what is set of the inventory's variables."""

    def __init__(self, site: CoreSite, **variables: Any) -> None:
        self.site = site
        self.manager, self.worker, *_further = site.nf_hosts
        self._variables: dict[str, Any] = {"orchestrator": "swarm", **variables}

    def try_playbook(self, playbook: str, *arguments: str, **variables: Any) -> PlaybookResult:
        return self.site.try_playbook(playbook, *arguments, **{**self._variables, **variables})

    def playbook(self, playbook: str, *arguments: str, **variables: Any) -> PlaybookResult:
        return self.site.playbook(playbook, *arguments, **{**self._variables, **variables})

    def tasks(self, service: str) -> list[dict[str, str]]:
        """The newest task first."""
        text = self.site.command(self.manager, f"docker service ps {service} --format json")
        return [json.loads(line) for line in text.splitlines()]

    def command_in(self, nf: str, *command: str) -> str:
        """Output of a command in the namespaces of an NF's container."""
        entry = self.states()[nf]
        return self.site.command(entry["host"], f"nsenter -t {entry['container']['pid']} -n {' '.join(command)}")

    def interface(self, nf: str) -> tuple[str, list[str], list[str]]:
        """MAC address, IPv4 addresses and default gateways of the NF's container."""
        [link] = json.loads(self.command_in(nf, "ip", "-json", "address", "show", "dev", "eth0"))
        routes = json.loads(self.command_in(nf, "ip", "-json", "route", "show", "default"))
        addresses = [each["local"] for each in link["addr_info"] if each["family"] == "inet"]
        return link["address"], addresses, [route["gateway"] for route in routes]

    def states(self) -> dict[str, dict[str, Any]]:
        return self.site.states(self._variables.get("nf_addresses"))

    def kill(self, nf: str) -> None:
        """Kill the first process of an NF."""
        entry = self.states()[nf]
        pid, host = entry["container"]["pid"], entry["host"]
        child = self.site.command(host, f"cat /proc/{pid}/task/{pid}/children").split()[0]
        self.site.command(host, f"kill -9 {child}")
