# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a whole: keys, switch and hosts; all of it can be there, partly there or gone."""

from __future__ import annotations

import ipaddress
import shutil
import time
from pathlib import Path
from typing import Any

from ansible_collections.organic.lab.plugins.module_utils import kernel
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, run, wait_for
from ansible_collections.organic.lab.plugins.module_utils.host import Host
from ansible_collections.organic.lab.plugins.module_utils.host_spec import HostSpec
from ansible_collections.organic.lab.plugins.module_utils.switch import Switch

LOCK = Path("/run/lock/organic-lab.lock")


class Laboratory:
    """A lab by name; its state is in one directory."""

    def __init__(self, name: str, directory: Path, controller_address: str, specs: list[HostSpec]) -> None:
        self.name = name
        self.directory = directory
        self.private_key = directory / "id_ed25519"
        self.known_hosts = directory / "known_hosts"
        self._specs = {spec.name: spec for spec in specs}
        self._switch = Switch(name, controller_address)

    def _hosts(self, specs: list[HostSpec]) -> list[Host]:
        public = self.private_key.with_suffix(".pub")
        key = public.read_text(encoding="ascii") if public.exists() else ""
        names = "".join(f"{ipaddress.ip_interface(spec.address).ip} {spec.name}\n" for spec in specs)
        return [Host(self.name, spec, self.directory / "hosts" / spec.name, self._switch, key, names) for spec in specs]

    def ensure(self, timeout_s: float, check: bool) -> list[str]:
        """Bring up what is not; returns what was (or would be) done, nothing if all was there."""
        actions = []
        if not self.private_key.exists():
            actions.append("create key")
            if not check:
                self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
                run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(self.private_key))
        if not self._switch.complete():
            actions.append("create switch")
            if not check:
                self._switch.create()
        hosts = self._hosts(list(self._specs.values()))
        for host in self._strays():
            actions.append(f"stop {host.spec.name}")
            if not check:
                host.stop()
                shutil.rmtree(host.directory)
        for host in hosts:
            if not host.running():
                actions.append(f"start {host.spec.name}")
                if not check:
                    host.start()
            elif self._switch.raise_ports(host.spec.name, check):
                actions.append(f"connect {host.spec.name}")
        if not check:
            self._write_known_hosts(hosts)
            self._await(hosts, timeout_s)
        return actions

    def remove(self, check: bool) -> list[str]:
        """Take down what is there, complete or half-built; returns what was (or would be) done."""
        actions = []
        for host in self._hosts(list(self._specs.values())) + self._strays():
            if host.present():
                actions.append(f"stop {host.spec.name}")
            if not check:
                host.stop()
        if not check:
            if self._switch.delete():
                actions.append("delete switch")
            kernel.unmount_below(self.directory)
        if self.directory.exists():
            actions.append("delete state")
            if not check:
                shutil.rmtree(self.directory)
        return actions

    def _strays(self) -> list[Host]:
        """Hosts that are on record but were not asked for."""
        recorded = self.directory / "hosts"
        names = sorted(entry.name for entry in recorded.iterdir()) if recorded.exists() else []
        return self._hosts([HostSpec(name, "127.0.0.1/8", ()) for name in names if name not in self._specs])

    def _write_known_hosts(self, hosts: list[Host]) -> None:
        lines = []
        for host in hosts:
            key = (host.directory / "ssh_host_ed25519_key.pub").read_text(encoding="ascii").split()
            lines.append(f"{ipaddress.ip_interface(host.spec.address).ip},{host.spec.name} {key[0]} {key[1]}\n")
        self.known_hosts.write_text("".join(lines), encoding="ascii")

    @staticmethod
    def _await(hosts: list[Host], timeout_s: float) -> None:
        """All hosts start side by side; each has the same deadline (seconds)."""
        deadline = time.monotonic() + timeout_s
        for host in hosts:
            if not wait_for(host.ready, deadline):
                raise LabError(f"{host.spec.name} is not ready after {timeout_s:.0f} s:\n{host.why_not_ready()}")

    def facts(self) -> list[dict[str, Any]]:
        """What a user may want to know of each host."""
        return [
            {
                "name": host.spec.name,
                "address": str(ipaddress.ip_interface(host.spec.address).ip),
                "pid": host.process.pid if host.process else None,
                "network_namespace": host.namespace,
            }
            for host in self._hosts(list(self._specs.values()))
        ]
