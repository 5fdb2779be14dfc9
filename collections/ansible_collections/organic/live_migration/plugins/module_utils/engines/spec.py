# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and networks of a host, described without the notions of the engine that manages them."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from .. import paths
from ..host.mounted_content import MountedContent

RUNNING = "running"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_AWAIT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
"""As src/await.h accepts it: a file name that never leaves its directory."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]*")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True)
class RestartPolicy:
    """Whether the engine starts a container again that has ended.

    Attributes:
        name: ``no``, ``on-failure``, ``always`` or ``unless-stopped``.
        max_retries: of ``on-failure``; 0 is no limit.
    """

    name: str = "no"
    max_retries: int = 0

    def __post_init__(self) -> None:
        if self.name not in ("no", "on-failure", "always", "unless-stopped"):
            raise ValueError(f"unknown restart policy '{self.name}'")
        if self.max_retries < 0:
            raise ValueError(f"restart policy with max_retries {self.max_retries}")

    def restarts(self, exit_code: int) -> bool:
        """Whether a container is started again after it ended by itself with this exit status."""
        return self.name in ("always", "unless-stopped") or (self.name == "on-failure" and exit_code != 0)


@dataclass(frozen=True)
class NetworkAttachment:
    """A network that a container is on, and its addresses there; an address is empty where it has none.

    Attributes:
        aliases: further names of the container on this network.
    """

    name: str
    ipv4: str = ""
    mac: str = ""
    ipv6: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ipv4:
            ipaddress.IPv4Address(self.ipv4)
        if self.ipv6:
            ipaddress.IPv6Address(self.ipv6)
        if self.mac and not _MAC.fullmatch(self.mac):
            raise ValueError(f"'{self.mac}' is not a MAC address")


@dataclass(frozen=True)
class VolumeMount:
    """A file system that the engine mounted into a container.

    Attributes:
        kind: ``bind``, ``volume``, ``tmpfs``, or another of the engine's.
        source: a path of the host, the name of a volume, or empty where the engine has nothing to name.
        content: of a read-only one on the source host, once the preflight has looked.
    """

    kind: str
    destination: str
    writable: bool
    source: str = ""
    content: MountedContent | None = None


@dataclass(frozen=True)
class ContainerSpec:
    """A container of one host, as it is now. The source host's is sent to the target host.

    Attributes:
        name: the same on both hosts of a migration.
        id: at this host's engine.
        image: its reference, for messages.
        image_id: of its content.
        entrypoint: path of the program that its first process was started from.
        await_key: name under which the resident init looks for its await file (``--name``); None for other programs.
        status: ``running``, or the engine's word for what it is instead.
        pid: of its first process as the host counts; 0 when there is none.
        started_at: when it was started last, ISO 8601 in UTC; year 1 if never.
        networks: that the engine manages.
        restart_policy: its own, also while that is suspended on this host by a migration of its predecessor.
        tty: it has a terminal.
        host_network: it shares the network namespace of its host.
        service: name of the service that a cluster runs it for; empty for a container on its own.
        kept_interfaces: whose addresses belong to the host, or to its cluster, and stay when the process moves.
        kept_addresses: of these interfaces, if their connections end with the migration instead of preventing it.
        native: whatever else its engine needs to create one like it. Only that engine reads it.
    """

    name: str
    id: str
    image: str
    image_id: str
    entrypoint: str
    await_key: str | None
    status: str
    pid: int
    started_at: str
    networks: tuple[NetworkAttachment, ...] = ()
    mounts: tuple[VolumeMount, ...] = ()
    restart_policy: RestartPolicy = RestartPolicy()
    tty: bool = False
    host_network: bool = False
    service: str = ""
    kept_interfaces: tuple[str, ...] = ()
    kept_addresses: tuple[str, ...] = ()
    native: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"'{self.name}' is not the name of a container")
        if not _ID.fullmatch(self.id):
            raise ValueError(f"'{self.id}' is not the id of a container")
        if self.await_key is not None and not _AWAIT_KEY.fullmatch(self.await_key):
            raise ValueError(f"'{self.await_key}' is not the name of an await file")
        if self.pid < 0:
            raise ValueError(f"{self.pid} is not a process id")
        _seconds_since_epoch(self.started_at)

    @property
    def running(self) -> bool:
        return self.status == RUNNING

    @property
    def has_resident_init(self) -> bool:
        """Whether its first process is the resident init."""
        return self.entrypoint == paths.INIT

    @property
    def started_at_s(self) -> float:
        """When it was started last, in seconds since the epoch; long ago if never."""
        return _seconds_since_epoch(self.started_at)


@dataclass(frozen=True)
class AddressPool:
    """Addresses that a network gives to its containers; the gateway is empty where it has none."""

    subnet: str
    gateway: str = ""


@dataclass(frozen=True)
class NetworkSpec:
    """A network that the engine of a host manages.

    Attributes:
        driver: the engine's name for the kind of network.
        options: of the driver.
    """

    name: str
    driver: str
    options: dict[str, str] = field(default_factory=dict)
    pools: tuple[AddressPool, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """For the result of a module."""
        return asdict(self)


def _seconds_since_epoch(text: str) -> float:
    """Of a time in ISO 8601, in UTC; Python 3.9 reads no fractions of nine digits, and no Z."""
    seconds = text.partition(".")[0].rstrip("Z")
    return datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc).timestamp()


def await_key(command: Sequence[str]) -> str | None:
    """The name under which a resident init looks for its await file (``--name``); None for any other program."""
    if not command or command[0] != paths.INIT:
        return None
    for option, value in zip(command[1:], command[2:]):
        if option == "--name":
            return value if _AWAIT_KEY.fullmatch(value) else None
        if option == "--":
            break
    return None
