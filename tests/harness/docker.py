# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload's image and its macvlan network in Docker."""

from __future__ import annotations

import functools
import hashlib

from .build import SERVER, Workload
from .hosts import Host, Topology
from .wait import until

# Of the image, and of the network where none is there.
NAME = "organic-workload"
SWARM_NETWORK = "organic-swarm"
SWARM_CONFIGURATION = f"{SWARM_NETWORK}-config"
"""Of each host, from which the network of the Swarm has its parent interface."""


class DockerImage:
    """The workload's image: made without a registry, with the same identity on both hosts."""

    def __init__(self, topology: Topology, workload: Workload) -> None:
        self._topology, self._rootfs = topology, workload.rootfs.read_bytes()
        self.name = f"{NAME}:{hashlib.sha256(self._rootfs).hexdigest()[:12]}"

    def load(self) -> None:
        source, target = self._topology.hosts
        if self._identity(source) == self._identity(target) != "":
            return
        source.run(f"docker import --change 'ENTRYPOINT [\"{SERVER}\"]' - {self.name}", data=self._rootfs)
        target.run("docker load", data=source.run_bytes(f"docker save {self.name}"))

    def remove(self) -> None:
        for host in self._topology.hosts:
            host.run(f"docker image ls --quiet {NAME} | sort -u | xargs -r docker image rm --force")

    def _identity(self, host: Host) -> str:
        return host.run(f"docker image ls --quiet --no-trunc {self.name}").strip()


class DockerNetwork:
    """A macvlan network on the NFs' interface; an existing one is used as it is."""

    def __init__(self, host: Host, topology: Topology) -> None:
        self._host, self._topology = host, topology

    @property
    def name(self) -> str:
        for line in self._host.run(
            "docker network ls --quiet --filter driver=macvlan | xargs -r docker network inspect "
            "--format '{{.Name}} {{index .Options \"parent\"}}'"
        ).splitlines():
            name, parent = line.split()
            if parent == self._topology.parent:
                return name
        return NAME

    def create(self) -> None:
        name = self.name
        self._host.run(
            f"docker network inspect {name} >/dev/null 2>&1 || docker network create --driver macvlan "
            f"--subnet {self._topology.subnet} --opt parent={self._topology.parent} {name}"
        )

    def remove(self) -> None:
        self._host.run(f"! docker network inspect {NAME} >/dev/null 2>&1 || docker network rm {NAME}")


def leave_swarm(host: Host) -> None:
    """Take a host out of its Swarm, if it is in one, and remove the networks of the tests.

    The engine gives up the network of a Swarm some time after it has left, and the configuration after that.
    """
    host.run("[ $(docker info --format '{{.Swarm.LocalNodeState}}') = inactive ] || docker swarm leave --force")
    for network in (SWARM_NETWORK, SWARM_CONFIGURATION):
        until(functools.partial(_removes, host, network), f"{network} is removed from {host.name}")


def leave_forgotten_swarm(host: Host) -> None:
    """Take a host out of the Swarm of tests that were killed; one of the user's own stays."""
    if host.run(f"docker network ls --quiet --filter name={SWARM_CONFIGURATION}").strip():
        leave_swarm(host)


def _removes(host: Host, network: str) -> bool:
    """Whether a network is gone, or can be removed now."""
    command = f"! docker network inspect {network} >/dev/null 2>&1 || docker network rm {network} >/dev/null 2>&1"
    return bool(host.run(f"if {command}; then echo gone; fi"))
