# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of one host on one network of one driver, by which the driver is measured; all of it is temporary."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.bridge import Uplink
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.network_driver import NetworkDriver
from ansible_collections.organic.core5g.plugins.module_utils.nf_host import (
    HostCheck,
    interface_address,
    interface_exists,
)
from ansible_collections.organic.core5g.plugins.module_utils.probe_packets import (
    FRAME_LISTENER,
    IDLE,
    Pinger,
    network_of,
    send_frames,
)
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker_api import DockerApi, NotFound
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError

LABEL = "organic.core5g.probe"
PREFIX = "organic-probe"
DIRECTORY = Path("/run/organic-network-probe")
SERVER, CLIENT, NEIGHBOUR, STRANGER = "server", "client", "neighbour", "stranger"
NUMBERS = {CLIENT: 11, NEIGHBOUR: 12, SERVER: 21}
"""Of each container's address in the subnet, of which each host has a share. The stranger is on Docker's own."""
_SHARE = 29
"""Length of the prefix of a host's share."""
BROADCAST = "ff:ff:ff:ff:ff:ff"
WAIT_S = 15


@dataclasses.dataclass(frozen=True)
class Probe:
    """What is measured on a host.

    Attributes:
        driver: description of the driver.
        parent: interface of the host that the network goes out by; of the driver host: the one with its address.
        subnet: of the network.
        image: of the containers; it needs Python.
        containers: roles of the containers of this host.
    """

    driver: Mapping[str, Any]
    parent: str
    subnet: str
    image: str
    containers: Sequence[str]

    @property
    def network(self) -> str:
        return f"{PREFIX}-{self.driver['name']}"

    @property
    def bridge(self) -> str:
        return "br-probe"

    def address(self, role: str) -> str:
        return str(ipaddress.ip_network(self.subnet)[NUMBERS[role]])


class ProbeHost(ABC):
    """Measures from this host to the other one.

    Args:
        probe: what is measured.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    @property
    def _interface(self) -> str:
        """Of a container on the network."""
        return "eth0" if self._probe.driver["creates_network"] else self._probe.parent

    @abstractmethod
    def _pid(self, role: str) -> int:
        """First process of a container."""

    def _address(self, role: str) -> str:
        return self._probe.address(role)

    def route_by(self, host: str) -> None:
        """Send packets for the containers of the other host there; for a driver without ARP."""
        number = NUMBERS[CLIENT if SERVER in self._probe.containers else SERVER]
        theirs = ipaddress.ip_network(f"{ipaddress.ip_network(self._probe.subnet)[number]}/{_SHARE}", strict=False)
        _ip("route", "replace", str(theirs), "via", host, "dev", self._probe.parent)

    def describe(self) -> dict[str, Any]:
        """Address and MAC of the server, or the client, of this host, and the host's own address."""
        role = SERVER if SERVER in self._probe.containers else CLIENT
        own = interface_address(self._probe.parent) if interface_exists(self._probe.parent) else None
        if not self._probe.driver["creates_network"]:
            mac = Path(f"/sys/class/net/{self._probe.parent}/address").read_text(encoding="ascii").strip()
            return {"address": own, "mac": mac, "host": own}
        with network_of(self._pid(role)):
            mac = _mac(self._interface)
        return {"address": self._address(role), "mac": mac, "host": own}

    def measure(self, peer: str, peer_mac: str, sizes: Sequence[int], packets: int) -> dict[str, Any]:
        """From the client to the server of the other host: round trips, frames, and who reaches whom."""
        own = self.describe()["address"]
        with network_of(self._pid(CLIENT)):
            pinger = Pinger(peer)
            if not pinger.reaches(tries=5):
                return {"error": f"The server {peer} on the other host does not answer"}
            trips = [pinger.measure(size, packets).as_dict() for size in sizes]
            for text, mac in (("unicast", peer_mac), ("broadcast", BROADCAST)):
                send_frames(self._interface, mac, text)
        reaches = {}
        for name, pid in (
            (NEIGHBOUR, self._pid(NEIGHBOUR)),
            (STRANGER, self._pid(STRANGER)),
            ("host", None),
        ):
            with network_of(pid):
                reaches[name] = {
                    "client": Pinger(own, 0.5).reaches(),
                    "server": Pinger(peer, 0.5).reaches(),
                }
        load = {"one_minute": round(os.getloadavg()[0], 2), "processors": os.cpu_count()}
        return {"round_trips": trips, "reaches": reaches, "load": load}

    def seen(self) -> list[str]:
        """The frames that the server of this host has received; waits as long as one may be on its way."""
        deadline = time.monotonic() + 1
        texts: set[str] = set()
        while time.monotonic() < deadline and not {"unicast", "broadcast"} <= texts:
            texts = set(self._lines())
            time.sleep(0.02)
        return sorted(texts - {"ready"})

    def _lines(self) -> list[str]:
        path = DIRECTORY / "seen"
        return path.read_text(encoding="ascii", errors="replace").split() if path.exists() else []

    def _routes(self) -> list[str]:
        """Routes of ``route_by``, which lead to addresses of the subnet by another host."""
        if not self._probe.parent or not interface_exists(self._probe.parent):
            return []
        subnet = ipaddress.ip_network(self._probe.subnet)
        listed = _ip("-4", "route", "show", "dev", self._probe.parent).splitlines()
        words = [line.split() for line in listed]
        routed = [ipaddress.ip_network(each[0]) for each in words if each[0] != "default" and "via" in each]
        return [str(each) for each in routed if each.prefixlen == _SHARE and each.overlaps(subnet)]


class DockerProbeHost(ProbeHost):
    """Makes containers of Docker, and removes them.

    Args:
        api: the Docker engine of this host.
        probe: what is measured.
    """

    def __init__(self, api: DockerApi, probe: Probe) -> None:
        super().__init__(probe)
        self._api = api

    def impossible(self) -> str:
        """Why the driver cannot be measured on this host; empty if it can. Changes nothing."""
        driver, probe = NetworkDriver.of(self._probe.driver), self._probe
        blockers = HostCheck.driver_lacks(driver, probe.parent)
        if blockers:
            return f"{blockers[0].message}. {blockers[0].remedy}"
        if not driver.creates_network and (not interface_exists(probe.parent) or not interface_address(probe.parent)):
            return f"The interface {probe.parent} has no address of this host. Set measure_parent to the one that has"
        if driver.needs_swarm and self._api.call("GET", "/info")["Swarm"]["LocalNodeState"] != "active":
            return "This host is not part of a Docker Swarm. Join it to one (docker swarm init, docker swarm join)"
        if self._api.get(f"/images/{probe.image}/json") is None:
            return f"The image {probe.image} is not on this host. Run playbooks/build_minicore.yml"
        return ""

    def create_network(self) -> str:
        """Why it cannot be created; empty if it was. On a worker of a Swarm there is nothing to create."""
        driver, probe = self._probe.driver, self._probe
        if not driver["creates_network"]:
            return ""
        if driver.get("needs_swarm") and not self._api.call("GET", "/info")["Swarm"]["ControlAvailable"]:
            return ""
        one = driver["engines"]["docker"]
        values = {"parent": probe.parent, "bridge": self._probe.bridge}
        body = {
            "Name": probe.network,
            "Driver": one["driver"],
            "Options": {key: str(value).format(**values) for key, value in (one.get("options") or {}).items()},
            "IPAM": {"Config": [{"Subnet": probe.subnet}]},
            "Labels": {LABEL: driver["name"]},
            "Attachable": bool(driver.get("needs_swarm")),
            "CheckDuplicate": True,
        }
        there = self._api.get(f"/networks/{probe.network}") if driver.get("needs_swarm") else None
        if there is not None:  # by another manager
            return ""
        try:
            self._api.call("POST", "/networks/create", body)
            if driver.get("uplink_bridge"):
                uplink = Uplink(probe.parent, probe.bridge)
                uplink.apply(uplink.plan(True)[1])
        except (EngineError, CoreError) as error:
            return f"{error}. Remove what has the interface or the addresses, or choose another one for the measurement"
        return ""

    def start_containers(self) -> str:
        """Why they cannot be started; empty if they run."""
        try:
            for role in self._probe.containers:
                self._start(role)
        except EngineError as error:
            return str(error)
        return ""

    def leftovers(self) -> list[str]:
        """Names of what is there of a measurement."""
        containers = self._api.call("GET", "/containers/json", all=1, filters=f'{{"label": ["{LABEL}"]}}')
        networks = self._api.call("GET", "/networks", filters=f'{{"label": ["{LABEL}"]}}')
        found = [each["Names"][0].lstrip("/") for each in containers] + [each["Name"] for each in networks]
        return sorted(found + ([str(DIRECTORY)] if DIRECTORY.exists() else []) + self._routes())

    def remove_containers(self) -> bool:
        """Whether there was something to remove."""
        found = self._api.call("GET", "/containers/json", all=1, filters=f'{{"label": ["{LABEL}"]}}')
        for each in found:
            try:
                self._api.call("DELETE", f"/containers/{each['Id']}", force=1, v=1)
            except NotFound:
                continue
        routes = self._routes()
        for route in routes:
            _ip("route", "delete", route)
        there = DIRECTORY.exists()
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        return bool(found or routes or there)

    def remove_networks(self) -> bool:
        """Whether there was something to remove. A worker of a Swarm loses its part with the last container there."""
        found = self._api.call("GET", "/networks", filters=f'{{"label": ["{LABEL}"]}}')
        in_swarm = self._api.call("GET", "/info")["Swarm"]
        for each in found:
            if each["Scope"] == "swarm" and not in_swarm["ControlAvailable"]:
                continue
            self._remove_network(each["Id"])
        return bool(found)

    def _remove_network(self, network: str) -> None:
        """A Swarm learns late that the containers of its other hosts are gone."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                self._api.call("DELETE", f"/networks/{network}")
            except NotFound:
                return
            except EngineError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def _start(self, role: str) -> None:
        probe = self._probe
        DIRECTORY.mkdir(mode=0o700, exist_ok=True)
        has_network = probe.driver["creates_network"]
        endpoints: dict[str, Any] = {}
        if role == STRANGER:
            mode = "bridge"
        elif not has_network:
            mode = "host"
        else:
            mode = probe.network
            endpoints = {probe.network: {"IPAMConfig": {"IPv4Address": probe.address(role)}}}
        body = {
            "Image": probe.image,
            "Entrypoint": ["python3", "-c", FRAME_LISTENER if role == SERVER else IDLE],
            "Cmd": [],
            "Labels": {LABEL: probe.driver["name"]},
            "HostConfig": {"NetworkMode": mode, "Binds": [f"{DIRECTORY}:/probe"], "Init": False},
            "NetworkingConfig": {"EndpointsConfig": endpoints},
        }
        created = self._api.call("POST", "/containers/create", body, name=f"{PREFIX}-{role}")
        self._api.call("POST", f"/containers/{created['Id']}/start")
        deadline = time.monotonic() + WAIT_S
        while role == SERVER and "ready" not in self._lines():
            if time.monotonic() > deadline:
                raise EngineError(f"The container {PREFIX}-{role} is not ready within {WAIT_S} s")
            time.sleep(0.05)

    def _pid(self, role: str) -> int:
        found = self._api.call("GET", f"/containers/{PREFIX}-{role}/json")
        if not found["State"]["Pid"]:
            raise EngineError(f"The container {PREFIX}-{role} has ended")
        return int(found["State"]["Pid"])


def _mac(interface: str) -> str:
    """In the network namespace that the process is in, of which /sys shows nothing."""
    words = _ip("-oneline", "link", "show", "dev", interface).split()
    return words[words.index("link/ether") + 1]


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CoreError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
