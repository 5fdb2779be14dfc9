# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of an Ansible inventory, reached by ssh over one connection each."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any


class CommandFailed(Exception):
    """A command ended with an error; the message has the command and its output."""

    def __init__(self, command: str, output: str = "", errors: str = "") -> None:
        super().__init__(f"{command}\n{(errors or output).strip()}")
        self.output, self.errors = output, errors


def run_local(command: Sequence[str], *, data: bytes | None = None, timeout_s: float = 600) -> bytes:
    """Runs a command on the controller; returns its output.

    Ctrl-C does not reach it: a command that has begun on a host is awaited before the clean-up starts.

    Raises:
        CommandFailed: it ended with an error, or not within timeout_s.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        output, errors = _communicate(process, data or b"", timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise CommandFailed(shlex.join(command), errors=f"not within {timeout_s:.0f} s") from None
    if process.returncode:
        streams = [part.decode(errors="replace") for part in (output, errors)]
        raise CommandFailed(f"{shlex.join(command)} (status {process.returncode})", *streams)
    return output


def _communicate(process: subprocess.Popen[bytes], data: bytes, timeout_s: float) -> tuple[bytes, bytes]:
    try:
        return process.communicate(data, timeout=timeout_s)
    except KeyboardInterrupt:
        process.communicate(timeout=timeout_s)
        raise


@dataclass
class Host:
    """One host; close() ends its ssh connection."""

    name: str
    address: str
    ssh: Sequence[str]
    control: Path = field(init=False)
    _directory: tempfile.TemporaryDirectory[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A short path: a Unix socket's name has room for 107 bytes.
        self._directory = tempfile.TemporaryDirectory(prefix="organic-test-")
        self.control = Path(self._directory.name) / "ssh"

    def command(self, script: str) -> list[str]:
        """The local command that runs a bash script on the host."""
        options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", f"ControlPath={self.control}"]
        options += ["-o", "ControlMaster=auto", "-o", "ControlPersist=300"]
        return ["ssh", *options, *self.ssh, self.address, f"bash -euo pipefail -c {shlex.quote(script)}"]

    def run(self, script: str, *, data: bytes | None = None, timeout_s: float = 600) -> str:
        """Runs a bash script, which stops at its first error, with data as its input; returns its output."""
        return self.run_bytes(script, data=data, timeout_s=timeout_s).decode()

    def run_bytes(self, script: str, *, data: bytes | None = None, timeout_s: float = 600) -> bytes:
        try:
            return run_local(self.command(script), data=data, timeout_s=timeout_s)
        except CommandFailed as error:
            raise CommandFailed(f"{self.name}: {script.strip()}", error.output, error.errors) from None

    def put(self, content: bytes, path: str, mode: int = 0o644) -> None:
        quoted = shlex.quote(path)
        self.run(
            f"mkdir -p $(dirname {quoted}); cat > {quoted}.new; chmod {mode:o} {quoted}.new; mv {quoted}.new {quoted}",
            data=content,
        )

    def close(self) -> None:
        if self.control.exists():
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={self.control}", self.address],
                capture_output=True,
                check=False,
            )
        self._directory.cleanup()


@dataclass(frozen=True)
class Topology:
    """The roles of three hosts, and the address of the service in the NFs' network."""

    inventory: Path
    source: Host
    target: Host
    client: Host
    parent: str
    subnet: IPv4Network
    address: IPv4Address
    port: int = 7000

    @property
    def hosts(self) -> tuple[Host, Host]:
        """The two hosts that the service migrates between."""
        return self.source, self.target

    @property
    def mac(self) -> str:
        """Derived from the address, as Docker derives it: the same on both hosts."""
        return "02:42:" + ":".join(f"{byte:02x}" for byte in self.address.packed)

    def close(self) -> None:
        for host in (self.source, self.target, self.client):
            host.close()


def further_hosts(inventory: Path) -> list[Host]:
    """The hosts of group nf_hosts that have no part in a topology."""
    result = subprocess.run(
        ["ansible-inventory", "--inventory", str(inventory), "--list"], capture_output=True, check=True
    )
    listing = json.loads(result.stdout)
    return [_host(name, listing["_meta"]["hostvars"][name]) for name in listing["nf_hosts"]["hosts"][2:]]


def load_topology(inventory: Path, address: str | None = None) -> Topology:
    """Reads groups nf_hosts (source first) and ran, variables nf_network_parent and nf_network_subnet."""
    result = subprocess.run(
        ["ansible-inventory", "--inventory", str(inventory), "--list"], capture_output=True, check=True
    )
    return topology_of(json.loads(result.stdout), inventory, address)


def topology_of(listing: dict[str, Any], inventory: Path, address: str | None = None) -> Topology:
    """The topology that a listing of ansible-inventory describes.

    Raises:
        ValueError: a group or a variable is missing; the message names it.
    """
    nf_hosts, ran = (listing.get(group, {}).get("hosts", []) for group in ("nf_hosts", "ran"))
    if len(nf_hosts) < 2 or not ran:
        raise ValueError(f"{inventory}: two hosts in group nf_hosts and one in group ran are needed")
    variables: dict[str, dict[str, Any]] = listing.get("_meta", {}).get("hostvars", {})
    network = variables.get(nf_hosts[0], {})
    lacking = [name for name in ("nf_network_parent", "nf_network_subnet") if name not in network]
    if lacking:
        raise ValueError(f"{inventory}: {nf_hosts[0]} lacks {' and '.join(lacking)}")
    subnet = IPv4Network(network["nf_network_subnet"])
    source, target, client = (_host(name, variables.get(name, {})) for name in (*nf_hosts[:2], ran[0]))
    return Topology(
        inventory=inventory,
        source=source,
        target=target,
        client=client,
        parent=network["nf_network_parent"],
        subnet=subnet,
        # High in the subnet, away from hosts and NFs, which are numbered from below.
        address=IPv4Address(address) if address else subnet.broadcast_address - 15,
    )


def _host(name: str, variables: dict[str, Any]) -> Host:
    ssh = ["-l", str(variables.get("ansible_user", "root"))]
    if "ansible_port" in variables:
        ssh += ["-p", str(variables["ansible_port"])]
    if "ansible_ssh_private_key_file" in variables:
        key = str(variables["ansible_ssh_private_key_file"])
        ssh += ["-o", "IdentitiesOnly=yes", "-i", os.path.expanduser(key)]
    for option in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        ssh += shlex.split(str(variables.get(option, "")))
    return Host(name=name, address=str(variables.get("ansible_host", name)), ssh=ssh)
