# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this host run an NF? Every reason why not, with its remedy."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import subprocess
from collections.abc import Callable

from ansible_collections.organic.core5g.plugins.module_utils import arp
from ansible_collections.organic.core5g.plugins.module_utils.network_driver import NetworkDriver
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker, EngineError, Refused

SIOCGIFADDR = 0x8915


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What an NF needs of its host."""

    name: str
    image: str
    address: str
    driver: NetworkDriver
    parent: str | None
    network: str | None
    subnet: str | None
    devices: list[str]


def interface_address(interface: str) -> str | None:
    """IPv4 address of an interface, None if it has none; see netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        try:
            answer = fcntl.ioctl(query, SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return None
            raise
    return socket.inet_ntoa(answer[20:24])


def bridge_of(interface: str) -> str | None:
    """Name of the bridge that an interface is a port of."""
    link = f"/sys/class/net/{interface}/master"
    return os.path.basename(os.readlink(link)) if os.path.islink(link) else None


def kernel_refusal(kind: str) -> str | None:
    """What the kernel says against links of ``kind``; tried in a network namespace that is gone afterwards."""
    batch = f"link add probe0 type veth peer name probe1\nlink add link probe0 name probe2 type {kind}\n"
    tried = subprocess.run(
        ["unshare", "--net", "ip", "-batch", "-"], input=batch, capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else tried.stderr.strip().partition("\n")[0]


def overlap(one: str, other: str) -> bool:
    """Whether two subnets have an address in common."""
    try:
        return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    except (TypeError, ValueError):  # of two versions of IP, or no subnet, which is told elsewhere
        return False


def is_local(address: str) -> bool:
    """Whether this host itself has the address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((address, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return False
            raise
    return True


class HostCheck:
    """Looks, and changes nothing."""

    def __init__(self, connect: Callable[[], Engine], wanted: Wanted) -> None:
        self._connect = connect
        self._wanted = wanted
        self.exists = False
        """Whether the NF has a container here; known after ``problems``."""

    def problems(self) -> list[Blocker]:
        wanted = self._wanted
        found = self._address_is_wrong()
        missing = [path for path in (paths.INIT, paths.KERNDAT) if not os.path.exists(path)]
        if missing:
            found.append(
                Blocker(
                    "resident_runtime_missing",
                    f"The resident runtime is not installed on this host, {' and '.join(missing)} missing",
                    "Run playbooks/prepare_hosts.yml",
                )
            )
        for device in wanted.devices:
            if not os.path.exists(device):
                found.append(
                    Blocker("device_missing", f"This host has no {device}", "Load the kernel module that provides it")
                )
        try:
            engine = self._connect()
            if engine.image_id(wanted.image) is None:
                found.append(
                    Blocker(
                        "image_missing",
                        f"The image {wanted.image} is not on this host",
                        "Build and distribute it (minicore: playbooks/build_minicore.yml) or pull it",
                    )
                )
            found += self._network_overlaps(engine)
            running = self._runs(engine)
        except Refused as refused:
            return found + refused.blockers
        except EngineError as error:
            found.append(Blocker("engine_unreachable", str(error), "Start Docker, or run playbooks/prepare_hosts.yml"))
            return found
        if not running and not any(blocker.code == "address_invalid" for blocker in found):
            link = self._link_is_wrong()
            found += link or self._address_is_taken()
        return found

    def _runs(self, engine: Engine) -> bool:
        """Whether the NF has a process here, paused or not."""
        container = engine.inspect(self._wanted.name)
        self.exists = container is not None
        return container is not None and container.pid > 0

    def _address_is_wrong(self) -> list[Blocker]:
        wanted = self._wanted
        try:
            address = ipaddress.ip_address(wanted.address)
            subnet = ipaddress.ip_network(wanted.subnet) if wanted.subnet else None
        except ValueError as error:
            return [Blocker("address_invalid", str(error), "Correct nf_addresses or nf_network_subnet")]
        if wanted.driver.creates_network and (subnet is None or address not in subnet):
            return [
                Blocker(
                    "address_outside_subnet",
                    f"The address {address} of {wanted.name} is not in the network's subnet {subnet}",
                    "Correct nf_addresses or nf_network_subnet",
                )
            ]
        return []

    def _network_overlaps(self, engine: Engine) -> list[Blocker]:
        """The engine gives no two networks the same address."""
        wanted = self._wanted
        if not wanted.driver.creates_network or wanted.network is None or wanted.subnet is None:
            return []
        return [
            Blocker(
                "network_overlaps",
                f"The addresses {pool.subnet} belong to the container network {network.name} already",
                f"Remove that network ('docker network rm {network.name}'), or let the NFs into it (nf_network_name), "
                "or give them another nf_network_subnet",
            )
            for network in engine.networks()
            for pool in network.pools
            if network.name != wanted.network and overlap(pool.subnet, wanted.subnet)
        ]

    def _link_is_wrong(self) -> list[Blocker]:
        wanted, driver = self._wanted, self._wanted.driver
        if driver.needs_parent:
            if not wanted.parent or not os.path.exists(f"/sys/class/net/{wanted.parent}"):
                return [
                    Blocker(
                        "parent_missing",
                        f"This host has no network interface {wanted.parent!r}",
                        f"Set nf_network_parent to the interface that the {driver.name} network goes out by",
                    )
                ]
            if not driver.parent_keeps_address:
                carried = interface_address(wanted.parent)
                if carried is not None:
                    return [
                        Blocker(
                            "parent_has_address",
                            f"The interface {wanted.parent} carries {carried}, which could not be reached in a bridge",
                            "Set nf_network_parent to an interface without an address, or use the driver macvlan",
                        )
                    ]
        if driver.link_kind is not None:
            refusal = kernel_refusal(driver.link_kind)
            if refusal is not None:
                return [
                    Blocker(
                        "driver_unsupported",
                        f"The kernel of this host refuses {driver.link_kind} links ({refusal})",
                        f"Use another nf_network_driver, or a kernel with {driver.kernel_option}",
                    )
                ]
        if not driver.creates_network and not is_local(wanted.address):
            return [
                Blocker(
                    "address_not_local",
                    f"With the driver {driver.name} {wanted.name} uses {wanted.address}, which this host does not have",
                    "Give the address to the host, or use the driver macvlan",
                )
            ]
        return []

    def _address_is_taken(self) -> list[Blocker]:
        wanted = self._wanted
        if not wanted.driver.needs_parent or wanted.parent is None or ":" in wanted.address:
            return []
        mac = arp.holder(wanted.parent, wanted.address)
        if mac is None:
            return []
        return [
            Blocker(
                "address_taken",
                f"Another machine ({mac}) answers for the address {wanted.address} of {wanted.name}",
                "Stop that machine, or give the NF another address in nf_addresses",
            )
        ]
