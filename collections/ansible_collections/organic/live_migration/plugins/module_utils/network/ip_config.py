# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets the addresses, routes and neighbours of a container's interfaces in one step."""

from __future__ import annotations

from ..host import commands
from .interfaces import Interface


class IpConfig:
    """Addresses, routes and neighbours that are set in a namespace by ``ip``'s batch mode (ip(8)).

    The program is started before it is needed, so that only the kernel's own work is left for the downtime.

    Args:
        pid: a process in the namespace.
        wanted: interfaces with their settings; what exists already is kept.
    """

    def __init__(self, pid: int, wanted: list[Interface]) -> None:
        lines = []
        for interface in wanted:
            on = f"dev {interface.name}"
            lines += [f"address replace {address} {on}" for address in interface.addresses]
            lines += [f"route replace {' '.join(route)} {on}" for route in interface.routes]
            lines += [
                f"neighbour replace {ip} lladdr {mac} {on} nud {state}" for ip, mac, state in interface.neighbours
            ]
        self._lines = "".join(f"{line}\n" for line in lines)
        self._ip = commands.Prepared(["nsenter", "--target", str(pid), "--net", "ip", "-batch", "-"])
        self._applied = False

    def apply(self) -> None:
        """Set them; idempotent.

        Raises:
            MigrationError: ``ip`` refuses one.
        """
        if not self._applied:
            self._applied = True
            self._ip.run(self._lines)

    def close(self) -> None:
        if not self._applied:
            self._ip.close()
