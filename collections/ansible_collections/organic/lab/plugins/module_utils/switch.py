# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: two bridges in a namespace of their own, where no rule of the machine filters."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

from ansible_collections.organic.lab.plugins.module_utils import kernel
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, run

NAMESPACES = Path("/run/netns")
BRIDGES = ("br0", "br1")


def links(namespace: str | None = None) -> dict[str, list[str]]:
    """The links of a network namespace (none: the machine's) and their flags."""
    where = ("-n", namespace) if namespace else ()
    return {link["ifname"]: link["flags"] for link in json.loads(run("ip", *where, "-j", "link", "show"))}


def ip_batch(namespace: str | None, lines: list[str]) -> None:
    """Run several ip commands in one process."""
    where = ("-n", namespace) if namespace else ()
    run("ip", *where, "-batch", "-", stdin="\n".join(lines) + "\n")


def delete_namespace(name: str) -> bool:
    """Delete a named network namespace; True if it was there. The last one takes ip's mount of the directory along."""
    if not (NAMESPACES / name).exists():
        return False
    run("ip", "netns", "delete", name)
    if not any(NAMESPACES.iterdir()):
        try:
            for entry in kernel.mounts():
                if entry.point == str(NAMESPACES):
                    kernel.umount(NAMESPACES)
            NAMESPACES.rmdir()
        except OSError:
            # Somebody makes a namespace just now: then the directory is theirs.
            return True
    return True


class Switch:
    """Bridges br0 and br1; host H is on port H-0 and H-1; the controller's link to br0 is called LAB0."""

    def __init__(self, lab: str, controller_address: str) -> None:
        self.namespace = f"{lab}-switch"
        self.uplink = f"{lab}0"
        self._address = controller_address

    def complete(self) -> bool:
        """Is all of it there and up?"""
        if not (NAMESPACES / self.namespace).exists():
            return False
        inside, outside = links(self.namespace), links()
        return all("UP" in inside.get(name, []) for name in (*BRIDGES, "controller")) and "UP" in outside.get(
            self.uplink, []
        )

    def _refuse_taken_network(self) -> None:
        """Two labs, or a lab and a site, with one network would get each other's packets."""
        wanted = ipaddress.ip_interface(self._address).network
        for link in json.loads(run("ip", "-j", "address", "show")):
            for entry in link["addr_info"]:
                taken = ipaddress.ip_interface(f"{entry['local']}/{entry['prefixlen']}").network
                if link["ifname"] != self.uplink and wanted.version == taken.version and wanted.overlaps(taken):
                    raise LabError(f"{wanted} is in use on {link['ifname']}: choose another network for the lab")

    def create(self) -> None:
        """Build it again. All hosts have to be connected again."""
        self._refuse_taken_network()
        self.delete()
        run("ip", "netns", "add", self.namespace)
        # Without this, br_netfilter sends bridged packets through iptables even where there are no rules.
        for table in ("iptables", "ip6tables", "arptables"):
            setting = f"/proc/sys/net/bridge/bridge-nf-call-{table}"
            if Path(setting).exists():
                run("ip", "netns", "exec", self.namespace, "tee", setting, stdin="0")
        batch = ["link set lo up"]
        for bridge in BRIDGES:
            batch += [f"link add {bridge} type bridge mcast_snooping 0", f"link set {bridge} addrgenmode none up"]
        ip_batch(self.namespace, batch)
        run("ip", "link", "add", self.uplink, "type", "veth", "peer", "name", "controller", "netns", self.namespace)
        ip_batch(self.namespace, ["link set controller master br0 addrgenmode none up"])
        ip_batch(None, [f"address add {self._address} dev {self.uplink}", f"link set {self.uplink} up"])

    def delete(self) -> bool:
        """Remove the namespace and the controller's link; True if anything was there."""
        there = self.uplink in links()
        if there:
            run("ip", "link", "delete", self.uplink)
        return delete_namespace(self.namespace) or there

    def connect(self, host: str, namespace: str, hardware_addresses: list[str]) -> None:
        """Give a host's namespace eth0 and eth1, each a port of one bridge."""
        self.disconnect(host)
        batch = []
        for number, (bridge, hardware_address) in enumerate(zip(BRIDGES, hardware_addresses)):
            port = f"{host}-{number}"
            batch += [
                f"link add {port} type veth peer name eth{number} netns {namespace} address {hardware_address}",
                f"link set {port} master {bridge} addrgenmode none up",
            ]
        ip_batch(self.namespace, batch)

    def disconnect(self, host: str) -> None:
        """Remove a host's ports. A namespace that is going away would free their names only some time later."""
        if not (NAMESPACES / self.namespace).exists():
            return
        present = links(self.namespace)
        batch = [f"link delete {port}" for port in (f"{host}-{n}" for n in range(len(BRIDGES))) if port in present]
        if batch:
            ip_batch(self.namespace, batch)

    def raise_ports(self, host: str, check: bool) -> bool:
        """Set a host's ports up again where somebody left them down; True if one was."""
        present = links(self.namespace)
        ports = [f"{host}-{number}" for number in range(len(BRIDGES))]
        missing = [port for port in ports if port not in present]
        if missing:
            raise LabError(f"{self.namespace} has no port {missing[0]}")
        down = [port for port in ports if "UP" not in present[port]]
        if down and not check:
            ip_batch(self.namespace, [f"link set {port} up" for port in down])
        return bool(down)
