# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two ways by Docker share: the image and the macvlan network."""

from __future__ import annotations

import hashlib

from build import SERVER, Workload
from hosts import Host, Site

from .base import NAME


class DockerImage:
    """The workload's image: made without a registry, with the same identity on both hosts."""

    def __init__(self, site: Site, workload: Workload) -> None:
        self._site, self._rootfs = site, workload.rootfs.read_bytes()
        self.name = f"{NAME}:{hashlib.sha256(self._rootfs).hexdigest()[:12]}"

    def load(self) -> None:
        source, target = self._site.hosts
        if self._identity(source) == self._identity(target) != "":
            return
        source.run(f"docker import --change 'ENTRYPOINT [\"{SERVER}\"]' - {self.name}", data=self._rootfs)
        target.run("docker load", data=source.run_bytes(f"docker save {self.name}"))

    def remove(self) -> None:
        for host in self._site.hosts:
            host.run(f"docker image ls --quiet {NAME} | sort -u | xargs -r docker image rm --force")

    def _identity(self, host: Host) -> str:
        return host.run(f"docker image ls --quiet --no-trunc {self.name}").strip()


class DockerNetwork:
    """A macvlan network on the NFs' interface; one that is there already is used as it is."""

    def __init__(self, host: Host, site: Site) -> None:
        self._host, self._site = host, site

    @property
    def name(self) -> str:
        for line in self._host.run(
            "docker network ls --quiet --filter driver=macvlan | xargs -r docker network inspect "
            "--format '{{.Name}} {{index .Options \"parent\"}}'"
        ).splitlines():
            name, parent = line.split()
            if parent == self._site.parent:
                return name
        return NAME

    def create(self) -> None:
        name = self.name
        self._host.run(
            f"docker network inspect {name} >/dev/null 2>&1 || docker network create --driver macvlan "
            f"--subnet {self._site.subnet} --opt parent={self._site.parent} {name}"
        )

    def remove(self) -> None:
        self._host.run(f"! docker network inspect {NAME} >/dev/null 2>&1 || docker network rm {NAME}")
