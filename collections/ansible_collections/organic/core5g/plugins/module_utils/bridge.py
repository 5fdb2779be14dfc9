# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of a Linux bridge."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.nf_host import bridge_of, interface_address

IFF_UP = 1


@dataclasses.dataclass(frozen=True)
class Port:
    """State of an interface: the bridge that it is a port of, and whether it is up."""

    bridge: str | None
    up: bool

    def __str__(self) -> str:
        return f"bridge {self.bridge or 'none'}, {'up' if self.up else 'down'}"


class Uplink:
    """An interface of this host that is to be a port of ``bridge``, or is not."""

    def __init__(self, interface: str, bridge: str) -> None:
        self._interface = interface
        self._bridge = bridge

    def plan(self, present: bool) -> tuple[Port, Port]:
        """State before and after. Refuses what would cut the host off. Changes nothing."""
        if not os.path.exists(f"/sys/class/net/{self._interface}"):
            if present:
                raise CoreError(f"This host has no network interface {self._interface}")
            return Port(None, False), Port(None, False)
        flags = int(Path(f"/sys/class/net/{self._interface}/flags").read_text(encoding="ascii"), 16)
        before = Port(bridge_of(self._interface), bool(flags & IFF_UP))
        if not present:
            return before, before if before.bridge != self._bridge else Port(None, before.up)
        if before.bridge not in (None, self._bridge):
            raise CoreError(f"The interface {self._interface} is a port of the bridge {before.bridge} already")
        address = interface_address(self._interface)
        if before.bridge is None and address is not None:
            raise CoreError(f"The interface {self._interface} carries the address {address}, which it would lose")
        return before, Port(self._bridge, True)

    def apply(self, port: Port) -> None:
        """Put the interface into the state that ``plan`` gave."""
        where = ["master", port.bridge] if port.bridge else ["nomaster"]
        command = ["ip", "link", "set", "dev", self._interface, *where, "up" if port.up else "down"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CoreError(f"{' '.join(command)}: {done.stderr.strip()}")
