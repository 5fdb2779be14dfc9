# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this host run these NFs? Every reason why not, with its remedy."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from ansible_collections.organic.core5g.plugins.module_utils import arp
from ansible_collections.organic.core5g.plugins.module_utils.network_driver import NetworkDriver
from ansible_collections.organic.core5g.plugins.module_utils.nf_state import DYNAMIC
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker, EngineError, Refused

SIOCGIFADDR = 0x8915

T = TypeVar("T")
_SET_PARENT = "Set nf_network_parent to the interface that the network goes out by"


@dataclasses.dataclass(frozen=True)
class Link:
    """Where a network of NFs goes out.

    Attributes:
        parent: interface of the host.
        subnet: of the network.
    """

    parent: str | None
    subnet: str | None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What an NF needs of its host for one of its networks.

    Attributes:
        link: of the network; None for that of the check.
    """

    name: str
    image: str
    address: str
    driver: NetworkDriver
    network: str | None
    devices: list[str]
    link: Link | None = None


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


def interface_exists(name: str) -> bool:
    return bool(name) and os.path.exists(f"/sys/class/net/{name}")


def interface_of(subnet: str) -> str | None:
    """An interface of this host that has a route to addresses of a subnet, as it is attached there."""
    wanted = ipaddress.IPv4Network(subnet)
    with open("/proc/net/route", encoding="ascii") as routes:
        next(routes)
        for line in routes:
            interface, destination, gateway, _flags, _count, _use, _metric, mask = line.split()[:8]
            network = ipaddress.IPv4Network((_ipv4(destination), str(_ipv4(mask))))
            if int(gateway, 16) == 0 and network.prefixlen and network.overlaps(wanted):
                return interface
    return None


def _ipv4(digits: str) -> ipaddress.IPv4Address:
    """Of the form in /proc/net/route, which is the number as the host's memory has it."""
    return ipaddress.IPv4Address(struct.pack("=I", int(digits, 16)))


def is_vlan_name(interface: str) -> bool:
    """Whether Docker makes this interface for macvlan and ipvlan where it is missing: eth0.30 on eth0."""
    parent, dot, number = interface.rpartition(".")
    return bool(dot) and interface_exists(parent) and number.isdecimal() and 0 < int(number) < 4095


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


def _subnet_missing(wanted: Wanted) -> Blocker:
    return Blocker(
        "subnet_missing",
        f"The network {wanted.network} of {wanted.name} has no subnet to give it an address of",
        "Set nf_network_subnet, or the subnet of the network in nf_networks",
    )


class HostCheck:
    """Looks, and changes nothing.

    Args:
        connect: makes the engine.
        wanted: what the NFs need, one for each NF and network; what they have in common is looked at once.
        link: of the networks that have none of their own.
    """

    def __init__(self, connect: Callable[[], Engine], wanted: Sequence[Wanted], link: Link) -> None:
        self._connect = connect
        self._wanted = wanted
        self._link = link
        self.existing: list[str] = []
        """The NFs that have a container here; known after ``problems``."""

    def problems(self) -> list[Blocker]:
        wrong = [self._address_is_wrong(wanted) for wanted in self._wanted]
        found = [blocker for blockers in wrong for blocker in blockers]
        missing = [path for path in (paths.INIT, paths.KERNDAT) if not os.path.exists(path)]
        if missing:
            found.append(
                Blocker(
                    "resident_runtime_missing",
                    f"The resident runtime is not installed on this host, {' and '.join(missing)} missing",
                    "Run playbooks/prepare_hosts.yml",
                )
            )
        for device in _each(device for wanted in self._wanted for device in wanted.devices):
            if not os.path.exists(device):
                found.append(
                    Blocker("device_missing", f"This host has no {device}", "Load the kernel module that provides it")
                )
        try:
            engine = self._connect()
            for image in _each(wanted.image for wanted in self._wanted):
                if engine.image_id(image) is None:
                    found.append(
                        Blocker(
                            "image_missing",
                            f"The image {image} is not on this host",
                            "Build and distribute it (minicore: playbooks/build_minicore.yml) or pull it",
                        )
                    )
            found += self._network_overlaps(engine)
            running = {name for name in _each(wanted.name for wanted in self._wanted) if self._runs(engine, name)}
            found += self._swarm_is_missing(engine, running) + self._overlay_conflicts()
        except Refused as refused:
            return found + refused.blockers
        except EngineError as error:
            found.append(Blocker("engine_unreachable", str(error), "Start Docker, or run playbooks/prepare_hosts.yml"))
            return found
        new = [
            wanted
            for wanted, blockers in zip(self._wanted, wrong)
            if wanted.name not in running and not any(blocker.code == "address_invalid" for blocker in blockers)
        ]
        return found + (self._links_are_wrong(new) or self._addresses_are_taken(new))

    def _runs(self, engine: Engine, name: str) -> bool:
        """Whether the NF has a process here, paused or not."""
        container = engine.inspect(name)
        if container is not None:
            self.existing.append(name)
        return container is not None and container.pid > 0

    def _address_is_wrong(self, wanted: Wanted) -> list[Blocker]:
        try:
            text = self._link_of(wanted).subnet
            address = None if wanted.address == DYNAMIC else ipaddress.ip_address(wanted.address)
            subnet = ipaddress.ip_network(text) if text else None
        except ValueError as error:
            return [Blocker("address_invalid", str(error), "Correct nf_addresses or nf_network_subnet")]
        if address is None:
            return [] if subnet is not None else [_subnet_missing(wanted)]
        if wanted.driver.creates_network and (subnet is None or address not in subnet):
            return [
                Blocker(
                    "address_outside_subnet",
                    f"The address {address} of {wanted.name} is not in the network's subnet {subnet}",
                    "Correct nf_addresses or nf_network_subnet",
                )
            ]
        return []

    def _link_of(self, wanted: Wanted) -> Link:
        return self._link if wanted.link is None else wanted.link

    def _network_overlaps(self, engine: Engine) -> list[Blocker]:
        """The engine gives no two networks the same address."""
        subnets: dict[str, str] = {}
        for wanted in self._wanted:
            subnet = self._link_of(wanted).subnet
            if wanted.driver.creates_network and wanted.network and subnet is not None:
                subnets[wanted.network] = subnet
        if not subnets:
            return []
        found = [
            Blocker(
                "network_overlaps",
                f"The addresses {pool.subnet} belong to the container network {network.name} already",
                f"Remove that network ('docker network rm {network.name}'), or let the NFs into it (nf_network_name), "
                "or give them another nf_network_subnet",
            )
            for network in engine.networks()
            for pool in network.pools
            if network.name not in subnets and any(overlap(pool.subnet, subnet) for subnet in subnets.values())
        ]
        same = [
            name
            for name, subnet in subnets.items()
            if any(overlap(subnet, other) for network, other in subnets.items() if network != name)
        ]
        if same:
            found.append(
                Blocker(
                    "network_drivers_differ",
                    f"The NFs would be on {len(same)} container networks ({', '.join(same)}) with the same addresses",
                    "Set nf_network_driver, so that all NFs have the same one",
                )
            )
        return found

    def _swarm_is_missing(self, engine: Engine, running: Collection[str]) -> list[Blocker]:
        """Only a Swarm spans a network over its hosts by itself."""
        drivers = _each(wanted.driver.name for wanted in self._wanted if wanted.driver.needs_swarm)
        if not drivers or all(wanted.name in running for wanted in self._wanted) or engine.in_swarm():
            return []
        return [
            Blocker(
                "swarm_missing",
                f"The driver {', '.join(drivers)} needs a Docker Swarm, which this host is not part of",
                "Join the host to a Swarm (docker swarm init, docker swarm join), or use another driver",
            )
        ]

    def _overlay_conflicts(self) -> list[Blocker]:
        """The engine makes no overlay with addresses that a host is attached to itself."""
        found = []
        for subnet in _each(self._link_of(wanted).subnet for wanted in self._wanted if wanted.driver.needs_swarm):
            interface = interface_of(subnet) if subnet else None
            if interface is not None:
                found.append(
                    Blocker(
                        "overlay_overlaps",
                        f"The overlay would have the addresses {subnet}, to which this host is attached by {interface}",
                        "Set nf_network_subnet, or the subnet of the overlay in nf_networks, to other addresses",
                    )
                )
        return found

    def _links_are_wrong(self, new: Sequence[Wanted]) -> list[Blocker]:
        found = [
            blocker
            for driver, link in _each((wanted.driver, self._link_of(wanted)) for wanted in new)
            for blocker in self.driver_lacks(driver, link.parent)
        ]
        return found + [
            Blocker(
                "address_not_local",
                f"With the driver {wanted.driver.name} {wanted.name} uses {wanted.address}, "
                "which this host does not have",
                "Give the address to the host, or use the driver macvlan",
            )
            for wanted in new
            if not wanted.driver.creates_network and not is_local(wanted.address)
        ]

    @staticmethod
    def driver_lacks(driver: NetworkDriver, parent: str | None) -> list[Blocker]:
        """What keeps a network of this driver from being created on this host."""
        if driver.needs_parent:
            if not parent:
                return [Blocker("parent_missing", f"The {driver.name} network has no parent interface", _SET_PARENT)]
            is_planned = driver.parent_keeps_address and is_vlan_name(parent)
            if not (interface_exists(parent) or is_planned):
                return [Blocker("parent_missing", f"This host has no network interface '{parent}'", _SET_PARENT)]
            refusal = None if interface_exists(parent) else kernel_refusal("vlan id 1")
            if refusal is not None:
                return [
                    Blocker(
                        "driver_unsupported",
                        f"The interface {parent} is missing, and this kernel refuses vlan links ({refusal})",
                        "Use another interface as the parent, or a kernel with CONFIG_VLAN_8021Q",
                    )
                ]
            if not driver.parent_keeps_address:
                carried = interface_address(parent)
                if carried is not None:
                    return [
                        Blocker(
                            "parent_has_address",
                            f"The interface {parent} carries {carried}, which could not be reached in a bridge",
                            "Set nf_network_parent to an interface without an address, or use the driver macvlan",
                        )
                    ]
        if driver.link_kind is not None:
            refusal = kernel_refusal(driver.link_kind)
            if refusal is not None:
                return [
                    Blocker(
                        "driver_unsupported",
                        f"The kernel of this host refuses {driver.link_kind.split()[0]} links ({refusal})",
                        f"Use another nf_network_driver, or a kernel with {driver.kernel_option}",
                    )
                ]
        return []

    def _addresses_are_taken(self, new: Sequence[Wanted]) -> list[Blocker]:
        asked: dict[str, dict[str, str]] = {}
        for wanted in new:
            parent = self._link_of(wanted).parent
            # A VLAN interface that Docker has yet to make cannot be asked.
            if parent is None or not wanted.driver.needs_parent or not interface_exists(parent):
                continue
            if ":" not in wanted.address:
                asked.setdefault(parent, {})[wanted.address] = wanted.name
        return [
            Blocker(
                "address_taken",
                f"Another machine ({mac}) answers for the address {address} of {names[address]}",
                "Stop that machine, or give the NF another address in nf_addresses",
            )
            for parent, names in asked.items()
            for address, mac in arp.holders(parent, names).items()
        ]


def _each(values: Iterable[T]) -> list[T]:
    """Every value once, in order."""
    return list(dict.fromkeys(values))
