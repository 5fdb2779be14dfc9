# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backends of stock tools share: a script on the source that reaches the target by ssh.

Both kinds of each backend get what a careful engineer would give them: container, image and network are prepared on the
target before the freeze, address and MAC are the same on both hosts, and the target drops packets for the service
until it is restored (it would answer them with a reset, and the connections would die). Apart from that the stock
kind follows the tool's manual: files on disk, the tool's own defaults, an ssh connection for each command. The
tuned kind keeps its files in memory, compresses nothing (the workload's memory cannot be compressed), and has the ssh
connection open beforehand."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise

from tests.harness.build import Workload
from tests.harness.hosts import CommandFailed, Topology

from .base import NAME, Backend, Migration, Step

RUN_DIRECTORY = f"/run/{NAME}"
DISK_DIRECTORY = f"/var/lib/{NAME}"
SSH_DIRECTORY = f"{RUN_DIRECTORY}/ssh"
SSH_CONFIG = f"{SSH_DIRECTORY}/config"


class HostLink:
    """ssh from the source to the target with a key of its own; `stays_open`: over one connection, made beforehand."""

    def __init__(self, topology: Topology, stays_open: bool) -> None:
        self._source, self._target = topology.source, topology.target
        self._name = "open-target" if stays_open else "target"

    def on_target(self, script: str) -> str:
        """A command for the source that runs a script on the target."""
        return f"ssh -F {SSH_CONFIG} {self._name} {shlex.quote('set -eu; ' + script)}"

    def copy_directory(self, path: str, target_path: str) -> str:
        """A command for the source: the content of a directory to one of the target."""
        return f"rsync -a --mkpath -e 'ssh -F {SSH_CONFIG}' {path}/ {self._name}:{target_path}/"

    def copy_file(self, path: str) -> str:
        """A command for the source: a file to the same place on the target."""
        return f"scp -q -F {SSH_CONFIG} {path} {self._name}:{path}"

    def open(self) -> None:
        public_key = self._source.run(
            f"mkdir -p -m 700 {SSH_DIRECTORY}; cd {SSH_DIRECTORY}\n"
            f"[ -e key ] || ssh-keygen -q -t ed25519 -N '' -C {NAME} -f key\ncat key.pub"
        ).strip()
        # Asked of the target itself, over the connection that is trusted already.
        host_keys = self._target.run(f"ssh-keyscan -q -t ed25519 {self._target.address}").splitlines()
        known = "".join(f"target {key.split(' ', 1)[1]}\n" for key in host_keys if not key.startswith("#"))
        self._source.put(known.encode(), f"{SSH_DIRECTORY}/known_hosts", 0o600)
        self._source.put(self._config().encode(), SSH_CONFIG, 0o600)
        self._target.run(
            "mkdir -p -m 700 ~/.ssh; touch ~/.ssh/authorized_keys\n"
            f"grep -qxF {shlex.quote(public_key)} ~/.ssh/authorized_keys || "
            f"echo {shlex.quote(public_key)} >> ~/.ssh/authorized_keys"
        )
        # A connection that stays open keeps its standard error open too.
        log = f"{SSH_DIRECTORY}/log"
        self._source.run(f"{self.on_target('true')} </dev/null >{log} 2>&1 || {{ cat {log}; exit 1; }}")

    def close(self) -> None:
        self._source.run(
            f"[ ! -e {SSH_DIRECTORY}/control ] || ssh -F {SSH_CONFIG} -O exit open-target 2>/dev/null\n"
            f"rm -rf {SSH_DIRECTORY}"
        )
        self._target.run(f"[ ! -e ~/.ssh/authorized_keys ] || sed -i '/ {NAME}$/d' ~/.ssh/authorized_keys")

    def _config(self) -> str:
        common = {
            "HostName": self._target.address,
            "HostKeyAlias": "target",
            "User": "root",
            "IdentityFile": f"{SSH_DIRECTORY}/key",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": f"{SSH_DIRECTORY}/known_hosts",
            "BatchMode": "yes",
        }
        stays_open = {"ControlMaster": "auto", "ControlPath": f"{SSH_DIRECTORY}/control", "ControlPersist": "600"}
        hosts = {"open-target": stays_open, "target open-target": common}
        return "".join(
            f"Host {host}\n" + "".join(f"  {name} {value}\n" for name, value in options.items())
            for host, options in hosts.items()
        )


class AddressGuard:
    """Lets the target drop what is for the service while it is being restored there."""

    def __init__(self, topology: Topology) -> None:
        # At the interface itself: a macvlan's packets do not pass the host's other filters.
        rules = (
            f"table netdev {NAME} {{ chain guard {{ type filter hook ingress device {topology.parent} priority 0; "
            f"ip daddr {topology.address} drop; }}; }}"
        )
        self.hold = f"nft {shlex.quote(rules)}"
        self.release = f"nft delete table netdev {NAME}"
        self.clean = f"! nft list table netdev {NAME} >/dev/null 2>&1 || {self.release}"


class StockTool(Backend):
    """A backend of stock tools."""

    def __init__(self, topology: Topology, workload: Workload) -> None:
        super().__init__(topology, workload)
        self.link, self.guard = HostLink(topology, stays_open=self.tuned), AddressGuard(topology)
        # Where its files are, on both hosts.
        self.directory = f"{RUN_DIRECTORY if self.tuned else DISK_DIRECTORY}/{self.name}"

    def prepare(self) -> None:
        self.link.open()
        for host in self.topology.hosts:
            host.run(f"mkdir -p {self.directory}")

    def stop(self) -> None:
        self.topology.target.run(self.guard.clean)

    def clean(self) -> None:
        self.link.close()
        for host in self.topology.hosts:
            host.run(f"rm -rf {self.directory}; rmdir {RUN_DIRECTORY} {DISK_DIRECTORY} 2>/dev/null || true")

    def run_steps(self, steps: Sequence[tuple[str, str]]) -> Migration:
        """Runs the steps one after the other in one script on the source."""
        try:
            return parse_marks(self.topology.source.run(timed_script(steps)))
        except CommandFailed as error:
            reached = len(error.output.splitlines()) - 1
            step, command = steps[max(0, min(reached, len(steps) - 1))]
            raise CommandFailed(f"{self.name}: step {step}: {command}", error.output, error.errors) from None


def timed_script(steps: Sequence[tuple[str, str]]) -> str:
    """A bash script that prints a line with time and name at the start and after each step, and nothing else."""
    # The output of the steps goes to standard error, from which a failure's message is taken.
    lines = ["LC_ALL=C", "exec 3>&1 1>&2", "mark() { echo $EPOCHREALTIME $1 >&3; }", "mark start"]
    for name, command in steps:
        lines += [command, f"mark {name}"]
    return "\n".join(lines)


def parse_marks(output: str) -> Migration:
    marks = [(float(time) * 1000, name) for time, name in (line.split() for line in output.splitlines())]
    start = marks[0][0]
    steps = [
        Step(name=name, start_ms=round(before - start, 3), duration_ms=round(time - before, 3))
        for (before, _), (time, name) in pairwise(marks)
    ]
    return Migration(time_ms=round(marks[-1][0] - start, 3), steps=steps)
