# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker Swarm of the two edges, and the workload as a service of it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from .build import SERVER
from .client import Client
from .docker import SWARM_CONFIGURATION, SWARM_NETWORK, DockerImage, DockerNetwork, leave_swarm
from .hosts import Host
from .playbook import PlaybookRun
from .site import RESIDENT, Site
from .wait import until

PORT = 7000
_START = """
import http.client, json, socket, sys
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/docker.sock")
def ask(method, path, content=None):
    connection = Connection("docker")
    connection.request(method, path, content and json.dumps(content), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    if response.status >= 400:
        sys.exit(answer.decode())
    return json.loads(answer)
service = ask("GET", f"/services/{sys.argv[1]}")
spec = service["Spec"]
spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"]["Test"] = ["CMD", *sys.argv[2:]]
spec["Mode"] = {"Replicated": {"Replicas": 1}}
ask("POST", f"/services/{service['ID']}/update?version={service['Version']['Index']}", spec)
"""
"""Docker's command line knows health checks by a shell only, which the workload's image lacks."""
_CONTAINERD = "/run/containerd/containerd.sock"
"""Without it, the lab starts no engine."""
ENDED_WELL = ("Running", "Shutdown", "Complete")


class Swarm:
    """A Swarm of the two edges, with one manager.

    Args:
        manager: a third host that runs no task; by default the first edge.
    """

    def __init__(self, site: Site, manager: Host | None = None) -> None:
        self.site = site
        self.manager = manager or site.edges[0]
        self.workers = [host for host in site.edges if host is not self.manager]
        self._nodes = [self.manager, *self.workers]

    def create(self) -> None:
        self.remove()
        for host in self.site.edges:
            DockerNetwork(host, self.site.topology).remove()  # it has the same parent
        self.manager.run(f"docker swarm init --advertise-addr {self.manager.address}")
        token = self.manager.run("docker swarm join-token --quiet worker").strip()
        for host in self.workers:
            host.run(f"docker swarm join --advertise-addr {host.address} --token {token} {self.manager.address}:2377")
        for number, host in enumerate(self._nodes):
            pool = self.site.subnet.network_address + 192 + 8 * number
            host.run(
                f"docker network create --config-only --subnet {self.site.subnet} --ip-range {pool}/29 "
                f"--opt parent={self.site.parent} {SWARM_CONFIGURATION}"
            )
        self.manager.run(
            f"docker network create --driver macvlan --scope swarm --config-from {SWARM_CONFIGURATION} {SWARM_NETWORK}"
        )

    @contextlib.contextmanager
    def more_managers(self, *hosts: Host) -> Iterator[None]:
        """The manager, and these hosts as well; by default all."""
        wanted = hosts or tuple(self.workers)
        names = [host.run("docker info --format '{{.Name}}'").strip() for host in wanted]
        self.manager.run(f"docker node promote {shlex.join(names)}")
        for host in wanted:
            until(functools.partial(_is_manager, host), f"{host.name} is a manager")
        try:
            yield
        finally:
            demote = f"docker node demote {shlex.join(names)} >/dev/null 2>&1 && echo done || true"
            until(lambda: "done" in self.manager.run(demote), "the Swarm has a quorum")
            for host in wanted:
                until(functools.partial(_is_worker, host), f"{host.name} is a worker")

    def remove(self) -> None:
        for host in (*self.workers, self.manager):
            leave_swarm(host)
        for host in self.site.edges:
            DockerNetwork(host, self.site.topology).create()


class Service:
    """The workload as a service with one replica, at home on one of the edges.

    Args:
        number: of its address, counted down as :meth:`Site.ip` does.
        options: further ones of ``docker service create``.
        load: the workload's own options, in place of memory_mb and a few writes.
        image: with the workload, if not the one that both edges have.
    """

    def __init__(
        self,
        swarm: Swarm,
        name: str,
        number: int,
        memory_mb: int = 20,
        *options: str,
        load: Sequence[str] = (),
        image: str = "",
    ) -> None:
        self.swarm, self.name, self.number = swarm, name, number
        self.site = swarm.site
        self.home = swarm.site.edges[0]
        topology = dataclasses.replace(self.site.topology, address=self.site.ip(number), port=PORT)
        self._topology = topology
        self.site.ran.run(f"ip neighbour flush to {topology.address}")
        wanted = f"eth0,{topology.address}/{self.site.subnet.prefixlen},mac={topology.mac}"
        command = [f"{RESIDENT}/init", "--name", name, "--address", wanted, "--drop-net-admin", "--", SERVER]
        command += load or ["--port", str(PORT), "--memory-mb", str(memory_mb), "--dirty-pages-per-s", "100"]
        arguments = ["--name", name, "--constraint", f"node.hostname=={self._node(self.home)}"]
        arguments += ["--network", SWARM_NETWORK]
        arguments += ["--endpoint-mode", "dnsrr", "--update-order", "start-first", "--cap-add", "NET_ADMIN"]
        arguments += [
            "--restart-delay",
            "1s",
            "--replicas",
            "0",
            "--health-cmd",
            "true",
            "--health-interval",
            "1s",
            "--health-start-period",
            "10m",
            # as the role has it, for a manager that is started again in a migration
            "--stop-grace-period",
            "6m",
        ]
        for source, target in ((RESIDENT, RESIDENT), (f"{RESIDENT}/criu.kdat", "/run/criu.kdat")):
            arguments += ["--mount", f"type=bind,source={source},target={target},readonly"]
        image = image or DockerImage(self.site.topology, self.site.workload).name
        arguments += ["--entrypoint", command[0], *options, "--no-resolve-image", image, *command[1:]]
        swarm.manager.run(f"docker service create --detach {shlex.join(arguments)}")
        swarm.manager.run(f"python3 - {name} {RESIDENT}/init health", data=_START.encode())
        until(lambda: self.tasks("Running") == [1], f"{name} runs")

    def update(self, *options: str) -> None:
        self.swarm.manager.run(f"docker service update --detach {shlex.join(options)} {self.name}")

    @staticmethod
    def _node(host: Host) -> str:
        return host.run("docker info --format '{{.Name}}'").strip()

    @property
    def away(self) -> Host:
        return self.site.other(self.home)

    def client(self) -> Client:
        """A client with one connection for as long as it runs."""
        return Client.start(self._topology, self.site.workload.client.read_bytes(), connections=1)

    def spec(self) -> dict[str, Any]:
        [description] = json.loads(self.swarm.manager.run(f"docker service inspect {self.name}"))
        found: dict[str, Any] = description["Spec"]
        return found

    def ps(self) -> list[dict[str, str]]:
        """Lines of ``docker service ps``."""
        lines = self.swarm.manager.run(f"docker service ps --no-trunc --format '{{{{json .}}}}' {self.name}")
        return [json.loads(line) for line in lines.splitlines()]

    def tasks(self, *states: str) -> list[int]:
        """How many tasks are in each of the states, by one answer of the manager."""
        lines = self.ps()
        return [sum(line["CurrentState"].startswith(state) for line in lines) for state in states]

    def migrate(self, expect: int = 0, **choices: Any) -> dict[str, Any]:
        """One migration to the other edge by the playbook of the harness; the result of its task."""
        result = self.start_migration(**choices).result()
        assert result.status == expect, result.items or (result.messages, result.errors)
        if expect == 0:
            self.home = self.away
        return dict(result.only)

    def start_migration(self, *options: str, **choices: Any) -> PlaybookRun:
        case = {"name": self.name, "target_host": self.away.name, **choices}
        return self.site.start_playbook("migrate", self.home, [case], *options)

    def progress(self) -> dict[str, Any]:
        """Of the migration that is in progress; empty when there is none."""
        found = self.site.run_module(self.home, "container_migration_info", name=self.name)["migrations"]
        return dict(found[0].get("progress", {})) if found else {}

    def running(self) -> list[str]:
        """The ids of the tasks that run."""
        return [line["ID"] for line in self.ps() if line["CurrentState"].startswith("Running")]

    def is_updated(self) -> bool:
        [description] = json.loads(self.swarm.manager.run(f"docker service inspect {self.name}"))
        return str((description.get("UpdateStatus") or {}).get("State", "completed")) == "completed"

    def availability(self, host: Host, value: str) -> None:
        self.swarm.manager.run(f"docker node update --availability {value} {self._node(host)}")

    def crash(self) -> None:
        """Kill the process of the service."""
        listing = f"docker ps --quiet --filter label=com.docker.swarm.service.name={self.name}"
        pid = self.home.run(f"{listing} | xargs docker inspect --format '{{{{.State.Pid}}}}'").strip()
        self.home.run(f"kill -9 $(cat /proc/{pid}/task/{pid}/children)")

    def init_state(self) -> str:
        """Of the container that runs at home."""
        listing = f"docker ps --quiet --filter label=com.docker.swarm.service.name={self.name}"
        pid = self.home.run(f"{listing} | xargs docker inspect --format '{{{{.State.Pid}}}}'").strip()
        return self.home.run(f"cat /proc/{pid}/comm").strip()

    def deviations(self) -> list[str]:
        """What differs from one task that runs at home, constrained to it, with nothing failed or left behind."""
        wrong = [f"{line['Name']}: {line['CurrentState']} {line['Error']}" for line in self.ps()
                 if line["Error"] or not line["CurrentState"].startswith(ENDED_WELL)]  # fmt: skip
        running = [line["Node"] for line in self.ps() if line["CurrentState"].startswith("Running")]
        node = self._node(self.home)
        if running != [node]:
            wrong.append(f"runs on {running}, not on {node}")
        spec = self.spec()
        constraints = spec["TaskTemplate"]["Placement"]["Constraints"]
        if constraints != [f"node.hostname=={node}"]:
            wrong.append(f"constraints {constraints}")
        if spec["Labels"]:
            wrong.append(f"labels {spec['Labels']}")
        for host in self.site.edges:
            if left := host.run(f"ls {RESIDENT}/await; ls /run/organic 2>/dev/null || true").split():
                wrong.append(f"{host.name}: {left}")
        return wrong

    def remove(self) -> None:
        self.swarm.manager.run(f"docker service rm {self.name} >/dev/null 2>&1 || true")
        listing = f"docker ps --quiet --filter label=com.docker.swarm.service.name={self.name}"
        for host in self.site.edges:
            ended = functools.partial(_prints_nothing, host, listing)
            until(ended, f"the tasks of {self.name} on {host.name} end")


def crash_docker(host: Host) -> None:
    """Kill the engine of a host, which is started again as it would be by systemd, and then ends its containers."""
    host.run("kill -9 $(cat /run/docker.pid)")


def lose_docker(host: Host) -> None:
    """Kill the engine of a host that runs no tasks; it is started again when :func:`start_docker` says so."""
    host.run(f"mv {_CONTAINERD} {_CONTAINERD}.away; kill -9 $(cat /run/docker.pid)")


def start_docker(host: Host) -> None:
    """Wait until the engine of a host is a node again."""
    host.run(f"[ ! -e {_CONTAINERD}.away ] || mv {_CONTAINERD}.away {_CONTAINERD}")
    question = "docker info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null || true"
    until(lambda: "active" in host.run(question), f"Docker of {host.name} answers")


def _is_manager(host: Host) -> bool:
    return "true" in host.run("docker info --format '{{.Swarm.ControlAvailable}}'")


def _is_worker(host: Host) -> bool:
    return not _is_manager(host)


def _prints_nothing(host: Host, command: str) -> bool:
    return not host.run(command).strip()
