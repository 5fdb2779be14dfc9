# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings of the network namespace (net.*), host name and domain name."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import MigrationError
from ..host import libc
from .base import NamespaceKind, State

_NET = Path("/proc/sys/net")
_NAMES = ("hostname", "domainname")
_NOT_CARRIED = ("stable_secret", "arp_ignore", "flush", "mtu", "nf_conntrack_count")
"""Last part of settings that cannot be read, that the address switch sets, or that follow from something else."""
_ALWAYS_CARRIED = ("ipv4/tcp_congestion_control",)
"""New namespaces have that of their host, and sockets that of their namespace; the target's may be another."""


class NetworkSettings(NamespaceKind):
    name = "network_settings"

    def read(self, pid: int) -> State:
        """Those that differ from what a new network namespace of this host has."""
        fresh: State = {}
        worker = threading.Thread(target=lambda: fresh.update(_fresh()))
        worker.start()
        worker.join()
        with libc.network_namespace(pid):
            return {
                key: value
                for key, value in _all()
                if value != fresh.get(_default(key, fresh), value) or key in _ALWAYS_CARRIED
            }

    def apply(self, pid: int, wanted: State) -> None:
        with libc.network_namespace(pid):
            for _time in range(2):  # some set others: net.ipv4.ip_forward those of every link
                for key, value in sorted(wanted.items()):
                    self._write(key, value)

    @staticmethod
    def _write(key: str, value: str) -> None:
        path = _NET / key
        if ".." in key or not path.exists():
            return  # another kernel, or a link that will be made later
        try:
            if path.read_text().split() != value.split():
                path.write_text(value)
        except OSError as error:
            setting = f"net.{key.replace('/', '.')}"
            raise MigrationError(
                f"The setting {setting} cannot be set to '{value}' on the target host: {error.strerror}."
            ) from None


def _fresh() -> State:
    """The settings of a new network namespace; to be called in a thread that ends."""
    libc.unshare(libc.CLONE_NEWNET)
    return dict(_all())


def _all() -> Iterator[tuple[str, str]]:
    for directory, _directories, names in os.walk(_NET):
        for name in names:
            path = Path(directory, name)
            if name not in _NOT_CARRIED and path.stat().st_mode & 0o200:
                with contextlib.suppress(OSError, UnicodeDecodeError):  # can only be written, or is not set
                    yield str(path.relative_to(_NET)), path.read_text().strip()


def _default(key: str, fresh: State) -> str:
    """The setting of a new namespace that one of a link began with."""
    parts = key.split("/")
    if key not in fresh and len(parts) == 4:
        parts[2] = "default"
    return "/".join(parts)


class HostNames(NamespaceKind):
    name = "host_names"

    def read(self, pid: int) -> State:
        return _in_uts(pid, lambda: {name: Path("/proc/sys/kernel", name).read_text().strip() for name in _NAMES})

    def apply(self, pid: int, wanted: State) -> None:
        def write() -> State:
            for name in _NAMES:
                path = Path("/proc/sys/kernel", name)
                if name in wanted and path.read_text().strip() != wanted[name]:
                    path.write_text(wanted[name])
            return {}

        _in_uts(pid, write)


def _in_uts(pid: int, work: Callable[[], State]) -> State:
    with libc.namespace(pid, "uts"):
        return work()
