# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to be: its address, its layers, the services that its PID 1 runs, and files of its own."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Bound from the machine's own file system: an overlay cannot be the upper layer of the engine's overlays.
ENGINE_DISKS = ("docker", "containerd")


@dataclass(frozen=True)
class HostFile:
    """A file of a host.

    Attributes:
        content: of the file, if it is not that of another one.
        source: file of this machine whose content it has.
        mode: access rights, in octal digits.
    """

    path: str
    content: str = ""
    source: str = ""
    mode: str = "0644"

    def read(self) -> str:
        """Its content."""
        return Path(self.source).read_text(encoding="utf-8") if self.source else self.content


@dataclass(frozen=True)
class HostService:
    """A program that PID 1 of a host keeps running.

    Attributes:
        after: path of the Unix socket that has to listen before.
    """

    name: str
    command: tuple[str, ...]
    after: str | None = None


@dataclass(frozen=True)
class HostSpec:
    """What a host is to be.

    Attributes:
        engine: configuration of a Docker engine, None for none.
        services: besides sshd and the engine.
        files: that make the common image this host, besides those of every host.
        disks: directories below /var/lib that lie on the machine's own file system, and not on the host's overlay.
    """

    name: str
    address: str
    layers: tuple[str, ...]
    engine: dict[str, Any] | None = None
    services: tuple[HostService, ...] = ()
    files: tuple[HostFile, ...] = ()
    disks: tuple[str, ...] = ()

    def recorded(self) -> dict[str, Any]:
        """For the record of what runs; what files hold is not in it."""
        recorded = asdict(self)
        del recorded["files"]
        return {name: value for name, value in recorded.items() if name not in ("services", "disks") or value}

    def hardware_addresses(self) -> list[str]:
        """MAC addresses that stay the same when the host is started again, so that neighbour entries stay valid."""
        tail = ":".join(f"{byte:02x}" for byte in ipaddress.ip_interface(self.address).ip.packed)
        return [f"02:00:{tail}", f"02:01:{tail}"]

    @property
    def clocks_ahead_s(self) -> int:
        """How much longer than the machine the host seems to run: no two real hosts were started at the same time."""
        return 1000 * ipaddress.ip_interface(self.address).ip.packed[-1]

    @property
    def all_disks(self) -> tuple[str, ...]:
        """The disks, those of an engine included: each host has them, with an engine or without."""
        return (*ENGINE_DISKS, *self.disks)

    def all_services(self) -> list[HostService]:
        """What PID 1 runs."""
        services = [HostService("sshd", ("/usr/sbin/sshd", "-D", "-e"))]
        if self.engine is not None:
            containerd = "/run/containerd/containerd.sock"
            services += [
                HostService("containerd", ("/usr/bin/containerd",)),
                HostService("dockerd", ("/usr/sbin/dockerd", "--containerd", containerd), containerd),
            ]
        return [*services, *self.services]
