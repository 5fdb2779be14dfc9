# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that these tests move, and who talks to them."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from faults.site import Host, Play, Site

HERE = Path(__file__).parent
WORK = "/run/organic-migration"
OUTSIDE = "/run/organic-migration-outside"
PREFIX = "move-"
IMAGE = "minicore:0.1.0"
HEALTHY = f"{PREFIX}healthy"
BRIDGE = f"{PREFIX}bridge"
BRIDGE_LINK = "br-move"


class Bridge:
    """A Docker network of driver bridge that spans the hosts, and the client's host."""

    def __init__(self, site: Site) -> None:
        self._site = site
        source = site.edges[0].name
        program = Path(sys.executable).with_name("ansible-inventory")
        command = [str(program), "--inventory", str(site.inventory), "--host", source]
        told = subprocess.run(command, capture_output=True, check=True)
        variables = json.loads(told.stdout)
        self.subnet, self.uplink = IPv4Network(variables["nf_bridge_subnet"]), variables["nf_bridge_uplink"]
        self.client_address = f"{self.subnet.broadcast_address - 5}/{self.subnet.prefixlen}"

    def address(self, number: int) -> str:
        return str(self.subnet.broadcast_address - 16 - number)

    def create(self) -> None:
        for host in self._site.edges:
            host.run(
                f"docker network create --driver bridge --subnet {self.subnet} "
                f"--opt com.docker.network.bridge.name={BRIDGE_LINK} "
                f"--opt com.docker.network.bridge.inhibit_ipv4=true "
                f"--opt com.docker.network.bridge.enable_ip_masquerade=false {BRIDGE}; "
                f"ip link set dev {self.uplink} up master {BRIDGE_LINK}"
            )
        self._site.ran.run(
            f"ip link set dev {self.uplink} up; ip address replace {self.client_address} dev {self.uplink}"
        )

    def remove(self) -> None:
        for host in self._site.edges:
            host.run(f"! docker network inspect {BRIDGE} >/dev/null 2>&1 || docker network rm {BRIDGE}")
        self._site.ran.run(f"ip address flush to {self.client_address} dev {self.uplink}")


class Container:
    """A container by its name, wherever it is."""

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


def start_migrations(containers: list[Container], *options: str, **choices: Any) -> Play:
    """Start one play that moves containers, which are at the same home, to the other host.

    Args:
        containers: at the same home.
        options: of ansible-playbook.
        choices: options of container_migrate, for example ``strategy="pre_copy"``.
    """
    first = containers[0]
    cases = [{"name": one.name, "target_host": one.away.name, **choices} for one in containers]
    return first.site.play(str(HERE / "migrate"), first.home, cases, *options)


def arrived(play: Play, containers: list[Container]) -> list[dict[str, Any]]:
    """Await the end of a play that must succeed; returns what it told of each migration."""
    told = play.told()
    assert told.status == 0, [(item.get("msg"), item.get("migration", {}).get("steps")) for item in told.items]
    for one in containers:
        one.home = one.away
    return [item["migration"] for item in told.items]


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
