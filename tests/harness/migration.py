# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that migrates between two hosts under load."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from .build import SERVER
from .client import Client
from .hosts import Host, Topology
from .playbook import PlaybookRun
from .site import Site
from .wait import CONVERGE_TIMEOUT_S

PORT = 7000


class MigrationUnderTest:
    """A container that migrates, its client, and the host on which it runs.

    Args:
        by_requests: what the process does follows from the order of its requests alone; see server.c.
    """

    def __init__(self, site: Site, name: str, memory_mb: int, number: int = 0, by_requests: bool = False) -> None:
        self.site = site
        self.name, self._number = name, number
        self.home = site.edges[0]
        site.remove(name)
        site.ran.run(
            f"ip neighbour flush to {site.address(number)}"
        )  # its ARP request tells the switches where it is now
        command = [SERVER, "--port", str(PORT), "--memory-mb", str(memory_mb)]
        command += ["--by-requests"] if by_requests else ["--dirty-pages-per-s", "100"]
        site.run_resident(self.home, name, number, command)
        self._arp_ignore = self._state()[self.home.name]["containers"][name]["arp_ignore"]

    def remove(self) -> None:
        self.site.remove(self.name)

    @property
    def away(self) -> Host:
        return self.site.other(self.home)

    def client(self, connections: int = 1) -> Client:
        """Start a client; it holds its connections for as long as it runs."""
        return Client.start(self._topology(), self.site.workload.client.read_bytes(), connections)

    def _topology(self) -> Topology:
        return dataclasses.replace(self.site.topology, address=self.site.ip(self._number), port=PORT)

    def start_migration(self, *ansible_options: str, ssh_master: bool = True, **options: Any) -> PlaybookRun:
        case = {"name": self.name, "target_host": self.away.name, **options}
        return self.site.start_playbook("migrate", self.home, [case], *ansible_options, ssh_master=ssh_master)

    def migrate(self, **options: Any) -> dict[str, Any]:
        """A migration that must succeed."""
        result = self.start_migration(**options).result()
        assert result.status == 0, result.items
        self.home = self.away
        migration: dict[str, Any] = result.only["migration"]
        return migration

    def _state(self) -> dict[str, dict[str, Any]]:
        return self.site.snapshot()

    def homes(self, state: dict[str, Any]) -> list[Host]:
        """The hosts on which its process lives: exactly one when all is well."""
        return [host for host in self.site.edges if self._runs(state[host.name])]

    def find(self) -> None:
        """Find its host; its process must live on exactly one."""
        state = self._state()
        homes = self.homes(state)
        assert len(homes) == 1, state
        self.home = homes[0]

    def _runs(self, state: dict[str, Any]) -> bool:
        entry = state["containers"].get(self.name, {})
        return entry.get("status") == "running" and bool(entry["processes"])

    def deviations(self, state: dict[str, Any] | None = None) -> dict[str, Any]:
        """What differs, by host, from exactly one live copy at home and no migration in progress."""
        state = state or self._state()
        wrong: dict[str, Any] = {}
        for host in self.site.edges:
            here = state[host.name]
            left = {key: here[key] for key in ("records", "awaits", "mounts", "agents") if here[key]}
            container = here["containers"].get(self.name)
            if host is self.home:
                expected = {"status": "running", "processes": 1, "restart_policy": "unless-stopped", "raw_rules": [],
                            "freezer_groups": [], "arp_ignore": self._arp_ignore}  # fmt: skip
            else:
                expected = {"status": "exited", "exit_code": 0, "restart_policy": "no"}
            if host is self.home or container is not None:
                found = container or {}
                left.update({key: found.get(key) for key, value in expected.items() if found.get(key) != value})
            if left:
                wrong[host.name] = left
        return wrong

    def converge(self, timeout_s: float = CONVERGE_TIMEOUT_S) -> None:
        """Wait until exactly one copy lives, at home, and nothing is left behind."""
        deadline = time.monotonic() + timeout_s
        while wrong := self.deviations():
            assert time.monotonic() < deadline, wrong
            time.sleep(0.1)

    def converge_anywhere(self, timeout_s: float = CONVERGE_TIMEOUT_S) -> None:
        """Wait for the same, on whichever host the one live copy is."""
        deadline = time.monotonic() + timeout_s
        while True:
            state = self._state()
            homes = self.homes(state)
            if len(homes) == 1:
                self.home = homes[0]
                if not (state := self.deviations()):
                    return
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
