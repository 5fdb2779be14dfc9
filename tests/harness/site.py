# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts between which containers migrate, and what the tests start, run and look up there."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from .build import build, build_program
from .client import DIRECTORY as CLIENT_DIRECTORY
from .docker import DockerImage, DockerNetwork, leave_forgotten_swarm
from .hosts import Host, load_topology
from .playbook import ENVIRONMENT, NO_SSH_MASTER_ENVIRONMENT, PLAYBOOKS, PlaybookResult, PlaybookRun, run
from .wait import until

HERE = Path(__file__).parent
RESIDENT = "/opt/organic/resident"
WORK = "/run/organic-tests"
"""Directory on the hosts for the programs of the tests; not below /run/organic, which must be empty."""


class Site:
    """The hosts of an inventory: two edges, between which containers migrate, and the host of the clients."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self.topology = load_topology(inventory)
        self.edges: tuple[Host, Host] = self.topology.hosts
        self.ran = self.topology.client
        self.subnet, self.parent = self.topology.subnet, self.topology.parent
        self.workload = build()
        self._image = DockerImage(self.topology, self.workload)

    def prepare(self) -> None:
        """Bring image, network and the programs that run on the hosts."""
        self._image.load()
        for host in self.edges:
            leave_forgotten_swarm(host)
            DockerNetwork(host, self.topology).create()
            for program in ("host_snapshot.py", "fault_injector.py"):
                host.put((HERE / program).read_bytes(), f"{WORK}/{program}")

    def clean(self) -> None:
        for host in self.edges:
            DockerNetwork(host, self.topology).remove()
            host.run(f"rm -rf {WORK}")
        self.ran.run(f"rm -rf {CLIENT_DIRECTORY}")
        self._image.remove()

    def close(self) -> None:
        self.topology.close()

    def address(self, number: int) -> str:
        """An address counted down from the top of the subnet, away from hosts and NFs."""
        return str(self.ip(number))

    def ip(self, number: int) -> IPv4Address:
        return self.subnet.broadcast_address - 16 - number

    def other(self, host: Host) -> Host:
        return next(edge for edge in self.edges if edge is not host)

    def put_stepped_clock(self, host: Host) -> str:
        """A Python whose wall clock a fault can step; see stepped_clock.c. Returns its path on the host."""
        library = build_program("stepped_clock", "-shared", "-fPIC", output="stepped_clock.so")
        host.put(library.read_bytes(), f"{WORK}/stepped_clock.so", 0o755)
        host.put(bytes(8), f"{WORK}/clock-step")
        variables = f"CLOCK_STEP={WORK}/clock-step LD_PRELOAD={WORK}/stepped_clock.so"
        script = f'#!/bin/sh\n{variables} exec /usr/bin/python3 "$@"\n'
        host.put(script.encode(), f"{WORK}/python3", 0o755)
        return f"{WORK}/python3"

    def start_playbook(
        self, name: str, source: Host, cases: Sequence[dict[str, Any]], *options: str, ssh_master: bool = True
    ) -> PlaybookRun:
        """Start a playbook of harness/playbooks.

        Args:
            name: of the playbook, without its suffix.
            source: the host of the play.
            cases: options of the module, once for each container.
            options: of ansible-playbook.
            ssh_master: whether ssh may leave a shared connection in the background.
        """
        command = ["ansible-playbook", "--inventory", str(self.inventory), str(PLAYBOOKS / f"{name}.yml"), *options]
        command += ["--extra-vars", json.dumps({"source": source.name, "cases": list(cases)})]
        return PlaybookRun(command, ENVIRONMENT if ssh_master else NO_SSH_MASTER_ENVIRONMENT)

    def run_module(self, host: Host, module: str, *options: str, **arguments: Any) -> dict[str, Any]:
        """Run a module of organic.live_migration on a host; returns its result, also when it failed."""
        command = [host.name, *options, "--module-name", f"organic.live_migration.{module}"]
        if arguments:
            command += ["--args", json.dumps(arguments)]
        done = run("ansible", str(self.inventory), *command)
        return PlaybookResult.parse(done.returncode, done.stdout, done.stderr).results[host.name]

    def run_resident(
        self,
        host: Host,
        name: str,
        number: int,
        command: Sequence[str],
        *options: str,
        verb: str = "run --detach",
        image: str | None = None,
    ) -> None:
        """Start a container as the role organic.core5g.nf does; options of docker replace what they contradict."""
        network = ["--network", DockerNetwork(host, self.topology).name, "--ip", self.address(number)]
        # the same for the same address, as neighbours know it
        network += ["--mac-address", dataclasses.replace(self.topology, address=self.ip(number)).mac]
        if any(option.startswith("--network") for option in options):
            network = []
        arguments = [*network, "--restart", "unless-stopped", "--volume", f"{RESIDENT}:{RESIDENT}:ro"]
        arguments += ["--volume", f"{RESIDENT}/criu.kdat:/run/criu.kdat:ro", "--entrypoint", f"{RESIDENT}/init"]
        arguments += [*options, image or self._image.name, "--name", name, "--", *command]
        host.run(f"docker {verb} --name {name} {shlex.join(arguments)}")

    def run_unsupported(self, host: Host, name: str, number: int, resource: str) -> None:
        """Start a resident container with a process that CRIU cannot dump; see unsupported_resources.c."""
        program = build_program("unsupported_resources", "-static")
        path = f"{WORK}/{program.name}"
        for edge in self.edges:  # a read-only mount must be the same on both
            edge.put(program.read_bytes(), path, 0o755)
        options = ("--volume", f"{path}:/program:ro", "--security-opt", "seccomp=unconfined")
        self.run_resident(host, name, number, ["/program", resource], *options)
        until(lambda: "ready" in host.run(f"docker logs {name}"), f"{name} holds {resource}")

    def run_plain(self, host: Host, name: str) -> None:
        """Start a container without the resident init."""
        host.run(f"docker run --detach --name {name} --network none {self._image.name} --port 7000 --memory-mb 1")

    def image_only_on(self, host: Host, name: str) -> None:
        """An image of the same content and another identity."""
        host.run(f"docker import --message {name} - {name}", data=self.workload.rootfs.read_bytes())

    def heal(self, host: Host) -> None:
        """Remove the packet filter rules of a fault from a host."""
        ours = "^-A (INPUT|OUTPUT) -[sd] .* DROP$"
        host.run(
            f"iptables-save --table filter | {{ grep -E '{ours}' || true; }} | sed 's/^-A/-D/' | "
            "sed -e '1i *filter' -e '$a COMMIT' | iptables-restore --noflush --wait"
        )

    def remove(self, name: str) -> None:
        for host in self.edges:
            host.run(f"docker rm --force --volumes {name}")

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """By host, everything that a migration could change or leave behind."""
        return {host.name: json.loads(host.run(f"python3 {WORK}/host_snapshot.py")) for host in self.edges}
