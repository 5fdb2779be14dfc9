# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts, a container that migrates between them, and what can be seen of it."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

# The workload, its image and its client are the benchmark's.
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmark"))

from build import SERVER, build
from hosts import Host, load_site
from measure import Client
from ways.docker import DockerImage, DockerNetwork

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
RESIDENT = "/opt/organic/resident"
WORK = "/run/organic-faults"
"""Directory on the hosts for what the tests bring along; not below /run/organic, which must be empty."""
PORT = 7000
SETTLES_S = 60
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
}
# ssh without a master in the background: what a killed ansible-playbook leaves is then what it was.
ALONE = {**ENVIRONMENT, "ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none"}


def until(condition: Callable[[], object], what: str, timeout_s: float = SETTLES_S) -> None:
    """Await a condition."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.02)


@dataclasses.dataclass(frozen=True)
class Told:
    """What ansible-playbook told of the items of its last task."""

    status: int
    items: list[dict[str, Any]]

    @property
    def only(self) -> dict[str, Any]:
        [item] = self.items
        return item

    @property
    def message(self) -> str:
        return str(self.only.get("msg", ""))


def kill_tree(root: int) -> None:
    """Kill a process and all that descend from it at once: the controller with its workers and ssh."""
    pids = [root]
    for pid in pids:  # grows while it is walked
        os.kill(pid, signal.SIGSTOP)
        for task in Path(f"/proc/{pid}/task").iterdir():
            pids += [int(child) for child in (task / "children").read_text().split()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


class Play:
    """A run of ansible-playbook that has been started."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def told(self) -> Told:
        output, errors = self.process.communicate(timeout=900)
        start = output.find("{\n")
        assert start >= 0, output + errors
        data, _end = json.JSONDecoder().raw_decode(output[start:])
        [result] = data["plays"][-1]["tasks"][-1]["hosts"].values()
        return Told(self.process.returncode, result.get("results", [result]))


class Site:
    """The hosts of an inventory."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self.as_benchmarked = load_site(inventory)
        self.edges: tuple[Host, Host] = self.as_benchmarked.hosts
        self.ran = self.as_benchmarked.client
        self.subnet, self.parent = self.as_benchmarked.subnet, self.as_benchmarked.parent
        self.workload = build(PROJECT / ".cache" / "benchmark")
        self._image = DockerImage(self.as_benchmarked, self.workload)

    def prepare(self) -> None:
        """Image, network and helpers on the hosts."""
        self._image.load()
        for host in self.edges:
            DockerNetwork(host, self.as_benchmarked).create()
            for helper in ("traces.py", "saboteur.py"):
                host.put((HERE / helper).read_bytes(), f"{WORK}/{helper}")

    def clean(self) -> None:
        for host in self.edges:
            DockerNetwork(host, self.as_benchmarked).remove()
            host.run(f"rm -rf {WORK}")
        self._image.remove()

    def close(self) -> None:
        self.as_benchmarked.close()

    def address(self, number: int) -> str:
        """An address that counts down from the top of the subnet, away from hosts and NFs."""
        return str(self.ip(number))

    def ip(self, number: int) -> IPv4Address:
        return self.subnet.broadcast_address - 16 - number

    def other(self, host: Host) -> Host:
        return next(edge for edge in self.edges if edge is not host)

    def put_clock(self, host: Host) -> str:
        """A Python whose wall clock a saboteur can step; see clock.c. Returns its path on the host."""
        library = self.workload.server.with_name("clock.so")
        compiler = ["cc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([*compiler, "-o", str(library), str(HERE / "clock.c")], check=True)
        host.put(library.read_bytes(), f"{WORK}/clock.so", 0o755)
        host.put(bytes(8), f"{WORK}/clock-step")
        script = f'#!/bin/sh\nCLOCK_STEP={WORK}/clock-step LD_PRELOAD={WORK}/clock.so exec /usr/bin/python3 "$@"\n'
        host.put(script.encode(), f"{WORK}/python3", 0o755)
        return f"{WORK}/python3"

    def play(
        self, playbook: str, source: Host, cases: Sequence[dict[str, Any]], *options: str, alone: bool = False
    ) -> Play:
        """Start a playbook of this directory."""
        command = ["ansible-playbook", "--inventory", str(self.inventory), str(HERE / f"{playbook}.yml"), *options]
        command += ["--extra-vars", json.dumps({"source": source.name, "cases": list(cases)})]
        return Play(command, ALONE if alone else ENVIRONMENT)

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
        network = ["--network", DockerNetwork(host, self.as_benchmarked).name, "--ip", self.address(number)]
        # the same for the same address, as neighbours know it
        network += ["--mac-address", dataclasses.replace(self.as_benchmarked, address=self.ip(number)).mac]
        if any(option.startswith("--network") for option in options):
            network = []
        arguments = [*network, "--restart", "unless-stopped", "--volume", f"{RESIDENT}:{RESIDENT}:ro"]
        arguments += ["--volume", f"{RESIDENT}/criu.kdat:/run/criu.kdat:ro", "--entrypoint", f"{RESIDENT}/init"]
        arguments += [*options, image or self._image.name, "--name", name, "--", *command]
        host.run(f"docker {verb} --name {name} {shlex.join(arguments)}")

    def run_odd(self, host: Host, name: str, number: int, what: str) -> None:
        """Start a resident container with a process that CRIU refuses; see odd.c."""
        program = self.workload.server.with_name("odd")
        compiler = ["cc", "-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([*compiler, "-o", str(program), str(HERE / "odd.c")], check=True)
        host.put(program.read_bytes(), f"{WORK}/odd", 0o755)
        options = ("--volume", f"{WORK}/odd:/odd:ro", "--security-opt", "seccomp=unconfined")
        self.run_resident(host, name, number, ["/odd", what], *options)
        until(lambda: "ready" in host.run(f"docker logs {name}"), f"{name} has what CRIU refuses")

    def run_plain(self, host: Host, name: str) -> None:
        """Start a container that is not ours."""
        host.run(f"docker run --detach --name {name} --network none {self._image.name} --port 7000 --memory-mb 1")

    def image_only_on(self, host: Host, name: str) -> None:
        """An image of the same content and another identity."""
        host.run(f"docker import --message {name} - {name}", data=self.workload.rootfs.read_bytes())

    def mend(self, host: Host) -> None:
        """Take away what a saboteur cut on a host."""
        ours = "^-A (INPUT|OUTPUT) -[sd] .* DROP$"
        host.run(
            f"iptables-save --table filter | {{ grep -E '{ours}' || true; }} | sed 's/^-A/-D/' | "
            "sed -e '1i *filter' -e '$a COMMIT' | iptables-restore --noflush --wait"
        )

    def remove(self, name: str) -> None:
        for host in self.edges:
            host.run(f"docker rm --force --volumes {name}")

    def traces(self) -> dict[str, dict[str, Any]]:
        """By host, everything that a migration could touch or leave behind."""
        return {host.name: json.loads(host.run(f"python3 {WORK}/traces.py")) for host in self.edges}


class Saboteur:
    """Awaits a moment of a migration on a host, and acts; see saboteur.py."""

    def __init__(self, host: Host, moment: str, *act: str) -> None:
        self._process = subprocess.Popen(
            host.command(f"exec python3 {WORK}/saboteur.py {shlex.join([moment, *act])}"),
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "waiting\n"

    def acted(self, migration: Play) -> bool:
        """Await that it has; False when the migration was over before."""
        until(
            lambda: self._process.poll() is not None or migration.process.poll() is not None,
            "the saboteur acts, or the migration ends",
        )
        if self._process.poll() is None:
            self._process.terminate()
        output, errors = self._process.communicate(timeout=10)
        assert output or not errors, errors
        return bool(output)


class Moving:
    """The container that migrates, its client, and the host where it is."""

    def __init__(self, site: Site, name: str, memory_mb: int, number: int = 0) -> None:
        self.site = site
        self.name, self._number = name, number
        self.home = site.edges[0]
        site.remove(name)
        site.ran.run(f"ip neighbour flush to {site.address(number)}")  # switches learn by its question where it is now
        command = [SERVER, "--port", str(PORT), "--memory-mb", str(memory_mb), "--dirty-pages-per-s", "100"]
        site.run_resident(self.home, name, number, command)
        self._arp_ignore = self._state()[self.home.name]["containers"][name]["arp_ignore"]

    def remove(self) -> None:
        self.site.remove(self.name)

    @property
    def away(self) -> Host:
        return self.site.other(self.home)

    def client(self) -> Client:
        """Start a client; it holds one connection for as long as it runs."""
        return Client.start(self._where(), self.site.workload.client.read_bytes(), connections=1)

    def _where(self) -> Any:
        return dataclasses.replace(self.site.as_benchmarked, address=self.site.ip(self._number), port=PORT)

    def start_migration(self, *of_ansible: str, alone: bool = False, **options: Any) -> Play:
        case = {"name": self.name, "target_host": self.away.name, **options}
        return self.site.play("migrate", self.home, [case], *of_ansible, alone=alone)

    def migrate(self, **options: Any) -> dict[str, Any]:
        """A migration that must succeed."""
        told = self.start_migration(**options).told()
        assert told.status == 0, told.items
        self.home = self.away
        migration: dict[str, Any] = told.only["migration"]
        return migration

    def _state(self) -> dict[str, dict[str, Any]]:
        return self.site.traces()

    def homes(self, state: dict[str, Any]) -> list[Host]:
        """Where it lives; one host, if all is well."""
        return [host for host in self.site.edges if self._runs(state[host.name])]

    def find(self) -> None:
        """Whoever has the process is its home; there must be exactly one."""
        state = self._state()
        homes = self.homes(state)
        assert len(homes) == 1, state
        self.home = homes[0]

    def _runs(self, state: dict[str, Any]) -> bool:
        entry = state["containers"].get(self.name, {})
        return entry.get("status") == "running" and bool(entry["processes"])

    def unsettled(self, state: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is not as it must be when no migration is at work, with exactly one live copy, at home."""
        state = state or self._state()
        wrong: dict[str, Any] = {}
        for host in self.site.edges:
            here = state[host.name]
            left = {key: here[key] for key in ("records", "awaits", "mounts", "agents") if here[key]}
            container = here["containers"].get(self.name)
            if host is self.home:
                expected = {"status": "running", "processes": 1, "restart_policy": "unless-stopped", "raw_rules": [],
                            "freezer_groups": [], "arp_ignore": self._arp_ignore}  # fmt: skip
            else:
                expected = {"status": "exited", "exit_code": 0, "restart_policy": "no"}
            if host is self.home or container is not None:
                found = container or {}
                left.update({key: found.get(key) for key, value in expected.items() if found.get(key) != value})
            if left:
                wrong[host.name] = left
        return wrong

    def settles(self, timeout_s: float = SETTLES_S) -> None:
        """Await that exactly one copy lives, at home, and that nothing is left behind."""
        deadline = time.monotonic() + timeout_s
        while wrong := self.unsettled():
            assert time.monotonic() < deadline, wrong
            time.sleep(0.1)

    def settle_anywhere(self, timeout_s: float = SETTLES_S) -> None:
        """Await the same, wherever the one live copy is."""
        deadline = time.monotonic() + timeout_s
        while True:
            state = self._state()
            homes = self.homes(state)
            if len(homes) == 1:
                self.home = homes[0]
                if not (state := self.unsettled()):
                    return
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
