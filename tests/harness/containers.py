# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that migrate, and the programs that talk to them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from .hosts import Host
from .playbook import PlaybookRun
from .site import Site

WORK = "/run/organic-migration"
PREFIX = "move-"
IMAGE = "minicore:0.1.0"


class Container:
    """A container and the host on which it runs."""

    def __init__(self, site: Site, name: str, home: Host) -> None:
        self.site, self.name, self.home = site, PREFIX + name, home

    @property
    def away(self) -> Host:
        return self.site.other(self.home)

    def inspect(self, host: Host | None = None) -> dict[str, Any]:
        [description] = json.loads((host or self.home).run(f"docker inspect {self.name}"))
        found: dict[str, Any] = description
        return found

    @property
    def init(self) -> int:
        return int(self.inspect()["State"]["Pid"])

    def in_network(self, command: str) -> str:
        """Run a command of the host in the container's network namespace."""
        return self.home.run(f"nsenter --target {self.init} --net {command}")

    def logs(self) -> list[str]:
        return self.home.run(f"docker logs {self.name} 2>&1").splitlines()


def run_resident(container: Container, number: int, command: list[str], *options: str, **more: Any) -> None:
    container.site.run_resident(container.home, container.name, number, command, *options, **more)


def start_migrations(containers: list[Container], *options: str, **choices: Any) -> PlaybookRun:
    """Start one playbook that migrates containers to the other host.

    Args:
        containers: all on the same host.
        options: of ansible-playbook.
        choices: options of container_migrate, for example ``strategy="pre_copy"``.
    """
    first = containers[0]
    cases = [{"name": one.name, "target_host": one.away.name, **choices} for one in containers]
    return first.site.start_playbook("migrate", first.home, cases, *options)


def arrived(run: PlaybookRun, containers: list[Container]) -> list[dict[str, Any]]:
    """Wait for the end of a run that must succeed; returns the `migration` of each result."""
    result = run.result()
    assert result.status == 0, [(item.get("msg"), item.get("migration", {}).get("steps")) for item in result.items]
    for one in containers:
        one.home = one.away
    return [item["migration"] for item in result.items]


class Conversation:
    """A program on the client's host that answers each line of input with one of JSON."""

    def __init__(self, host: Host, command: str) -> None:
        self._process = subprocess.Popen(
            host.command(f"exec {command}"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the peer ended"
        return line

    def ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.line())
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=30)
