# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge network of these tests."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path

from tests.harness.containers import PREFIX
from tests.harness.site import Site

BRIDGE = f"{PREFIX}bridge"
BRIDGE_LINK = "br-move"


class Bridge:
    """A Docker network of driver bridge that spans the hosts, and the client's host."""

    def __init__(self, site: Site) -> None:
        self._site = site
        source = site.edges[0].name
        program = Path(sys.executable).with_name("ansible-inventory")
        command = [str(program), "--inventory", str(site.inventory), "--host", source]
        listed = subprocess.run(command, capture_output=True, check=True)
        variables = json.loads(listed.stdout)
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
