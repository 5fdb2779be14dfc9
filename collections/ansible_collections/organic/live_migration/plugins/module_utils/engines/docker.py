# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine of this host. What its API calls things is known here and nowhere else."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from .. import decoded
from ..decoded import JsonObject
from ..errors import Blocker, EngineError, Refused
from ..network import arp
from . import swarm_node
from .base import Checkpoints, Engine, Side
from .docker_answers import SERVICE_LABEL, host_interface, network_of, spec_of
from .docker_api import DEFAULT_SOCKET, DockerApi, NotFound
from .docker_checkpoints import DockerCheckpoints
from .spec import (
    RUNNING,
    ContainerSpec,
    NetworkAttachment,
    NetworkSpec,
    RestartPolicy,
    VolumeMount,
)
from .swarm import ServiceMove, SwarmService, unfinished_moves
from .swarm_node import SwarmNode

_API_WITH_ENDPOINTS = (1, 44)
"""From this version on, a container is created on several networks, with a MAC address on each."""
_IN_PROGRESS = "is already in progress"
"""In the refusal to remove a container that is being removed."""
_REMOVAL_TIMEOUT_S = 30
POLL_INTERVAL_S = 0.02


class DockerEngine(Engine):
    """The engine behind a Unix socket.

    Args:
        address: path of the socket, if not the usual one.

    Raises:
        Refused: no engine answers there.
    """

    name = "docker"

    def __init__(self, address: str | None = None) -> None:
        super().__init__(address)
        try:
            self._api = DockerApi(address or DEFAULT_SOCKET)
        except EngineError as error:
            raise Refused(
                [
                    Blocker(
                        "engine_unreachable",
                        str(error).rstrip("."),
                        "Start Docker on this host, or apply the role organic.live_migration.migration_host to it",
                    )
                ]
            ) from None
        self._checkpoints = DockerCheckpoints(self._api, lambda spec: self._create(spec, keep_macs=True))

    @classmethod
    def is_present(cls) -> bool:
        return Path(DEFAULT_SOCKET).exists()

    @property
    def checkpoints(self) -> Checkpoints:
        return self._checkpoints

    def identity(self) -> str:
        return str(self._api.call("GET", "/info")["ID"])

    def inspect(self, name: str) -> ContainerSpec | None:
        answer = self._inspect(name)
        if answer is None and (task := self._task_container(name)):
            answer = self._inspect(task)
        return None if answer is None else spec_of(answer)

    def _inspect(self, name: str) -> JsonObject | None:
        return self._api.get(f"/containers/{quote(name, safe='')}/json")

    def running_containers(self) -> list[ContainerSpec]:
        names = [decoded.texts(listed, "Names")[0].lstrip("/") for listed in self._containers()]
        found = [self._inspect(name) for name in sorted(names)]
        return [spec for spec in map(spec_of, filter(None, found)) if spec.running]

    def _containers(self, **filters: list[str]) -> list[JsonObject]:
        """Those that run; with filters, all that fit."""
        path, query = "/containers/json", json.dumps(filters)
        found = self._api.call("GET", path, all=1, filters=query) if filters else self._api.call("GET", path)
        return decoded.checked_list(found)

    def _task_container(self, service: str) -> str | None:
        """Id of the newest container of a Swarm service on this host that has not ended."""
        states = ["created", "running", "paused", "restarting"]
        found = self._containers(label=[f"{SERVICE_LABEL}={service}"], status=states)
        return decoded.text(found[0], "Id") if found else None

    def has_ended_task(self, service: str) -> bool:
        found = self._containers(label=[f"{SERVICE_LABEL}={service}"])
        return bool(found) and all(decoded.text(listed, "State") in ("exited", "dead") for listed in found)

    def image_id(self, reference: str) -> str | None:
        answer = self._api.get(f"/images/{quote(reference, safe='/:@')}/json")
        return None if answer is None else decoded.text(answer, "Id")

    def network(self, name: str) -> NetworkSpec | None:
        answer = self._inspect_network(name)
        return None if answer is None else network_of(answer)

    def networks(self) -> list[NetworkSpec]:
        return [network_of(answer) for answer in decoded.checked_list(self._api.call("GET", "/networks"))]

    def in_swarm(self) -> bool:
        return bool(self._api.call("GET", "/info")["Swarm"]["LocalNodeState"] == "active")

    def swarm_node(self) -> SwarmNode:
        return swarm_node.look(self._api)

    def swarm_service(self, name: str) -> SwarmService:
        """A service, where this host is a manager."""
        return SwarmService(self._api, name)

    def swarm_moves(self) -> list[ServiceMove]:
        return unfinished_moves(self._api)

    def _inspect_network(self, name: str) -> JsonObject | None:
        return self._api.get(f"/networks/{quote(name, safe='')}")

    def blockers(self, spec: ContainerSpec, side: Side) -> list[Blocker]:
        if side is Side.SOURCE:
            return []
        found = []
        if self.image_id(spec.image_id) is None:
            found.append(
                Blocker(
                    "image_missing",
                    f"The image {spec.image} ({spec.image_id[:19]}) is missing on the target host",
                    "Load or pull the very same image there",
                )
            )
        if spec.service:
            return found  # a manager knows the networks of a service; a node has them with its first task
        if len(spec.networks) > 1 and not self._creates_with_many_networks:
            names = sorted(network.name for network in spec.networks)
            found.append(
                Blocker(
                    "engine_too_old",
                    f"The container is on {len(names)} networks ({', '.join(names)}), and the Docker engine of the "
                    "target host cannot create one that is on more than one",
                    "Install Docker 25 or later there, or put the container on one network",
                )
            )
        for network in spec.networks:
            found += self._network_blockers(network)
        return found

    def _network_blockers(self, wanted: NetworkAttachment) -> list[Blocker]:
        network = self._inspect_network(wanted.name)
        if network is None:
            return [
                Blocker(
                    "network_missing",
                    f"The network '{wanted.name}' is missing on the target host",
                    "Create it there as on the source host",
                )
            ]
        if decoded.text(network, "Driver") == "ipvlan":
            return [
                Blocker(
                    "ipvlan",
                    f"The network '{wanted.name}' is an ipvlan, on which no container can stand by with a MAC address "
                    "of its own",
                    "Put the container on a macvlan or a bridge, or redeploy it instead",
                )
            ]
        if wanted.name == "bridge":
            return [
                Blocker(
                    "default_network",
                    "The container is on Docker's default bridge, where it cannot have the same address on another "
                    "host",
                    "Put it on a network of its own that spans the hosts",
                )
            ]
        interface = host_interface(network)
        if interface is None or not Path("/sys/class/net", interface).exists():
            return []  # an overlay, or the like: the engine itself knows its addresses
        answers = arp.arp_probe(interface, wanted.ipv4, owner=wanted.mac) - {wanted.mac}
        if answers:
            return [
                Blocker(
                    "address_taken",
                    f"Another machine ({', '.join(sorted(answers))}) already answers for {wanted.ipv4} on network "
                    f"'{wanted.name}'",
                    "Find it and take the address from it",
                )
            ]
        return []

    def path_of(self, mount: VolumeMount, container: ContainerSpec | None) -> str:
        if mount.kind != "volume":
            return super().path_of(mount, container)
        volume = self._api.get(f"/volumes/{quote(mount.source, safe='')}")
        if volume is None or decoded.text(volume, "Driver") != "local" or volume.get("Options"):
            return ""
        return decoded.text(volume, "Mountpoint")

    @property
    def _creates_with_many_networks(self) -> bool:
        return tuple(int(part) for part in self._api.version.split(".")) >= _API_WITH_ENDPOINTS

    def create_awaiting(self, spec: ContainerSpec) -> str:
        return self._create(spec, keep_macs=False)

    def _create(self, spec: ContainerSpec, keep_macs: bool) -> str:
        """With ``keep_macs``, the container that this one is like must have ended before this one is started."""
        config = {key: value for key, value in decoded.section(spec.native, "Config").items() if key != "MacAddress"}
        if self.image_id(spec.image) != spec.image_id:
            config["Image"] = spec.image_id  # the tag means another image on this host
        host_config = {
            **decoded.section(spec.native, "HostConfig"),
            "RestartPolicy": _policy_for_docker(RestartPolicy()),
        }
        endpoints = {}
        for network in spec.networks:
            mac = network.mac if keep_macs else arp.random_mac()
            endpoints[network.name] = {
                "IPAMConfig": {"IPv4Address": network.ipv4},
                "MacAddress": mac,
                "Aliases": list(network.aliases),
            }
            if not self._creates_with_many_networks:
                config["MacAddress"] = mac
        body = {**config, "HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": endpoints}}
        with _refusal("create the container"):
            return str(self._api.call("POST", "/containers/create", body, name=spec.name)["Id"])

    def start(self, container_id: str) -> ContainerSpec:
        with _refusal("start the container"):
            self._start(container_id)
        spec = self.inspect(container_id)
        if spec is None or not spec.pid:
            raise EngineError("The container ended as soon as it was started; see its log.")
        return spec

    def _start(self, container_id: str) -> None:
        self._api.call("POST", f"/containers/{container_id}/start")

    def restart_if_ended(self, container_id: str, policy: RestartPolicy) -> None:
        answer = self._inspect(container_id)
        if answer is None or decoded.text(answer, "State", "Status") == RUNNING:
            return
        if policy.restarts(decoded.number(answer, "State", "ExitCode")):
            with contextlib.suppress(EngineError):
                self._start(container_id)

    def suspend_restarts(self, container_id: str) -> None:
        self.restore_restarts(container_id, RestartPolicy())

    def restore_restarts(self, container_id: str, policy: RestartPolicy) -> None:
        content = {"RestartPolicy": _policy_for_docker(policy)}
        with contextlib.suppress(NotFound), _refusal("change the restart policy"):
            self._api.call("POST", f"/containers/{container_id}/update", content)

    def wait_until_stopped(self, container_id: str, timeout_s: float = 30) -> None:
        with contextlib.suppress(NotFound):
            self._api.call("POST", f"/containers/{container_id}/wait", timeout_s=timeout_s)

    def wait_until_exit_seen(self, container_id: str, pid: int, timeout_s: float) -> None:
        """Until then Docker refuses to change the container, and its ``wait`` does not return where it restarts it."""
        deadline = time.monotonic() + timeout_s
        while (answer := self._inspect(container_id)) and decoded.number(answer, "State", "Pid") == pid:
            if time.monotonic() > deadline:
                return
            time.sleep(POLL_INTERVAL_S)

    def log_directory(self, container_id: str) -> str:
        answer = self._inspect(container_id) or {}
        paths = (decoded.text(answer, key, default="") for key in ("LogPath", "HostsPath"))
        return os.path.dirname(next(filter(None, paths), ""))

    def remove(self, container_id: str, running: bool = True) -> None:
        with contextlib.suppress(NotFound), _refusal("remove the container"):
            try:
                self._api.call("DELETE", f"/containers/{container_id}", force=int(running), v=1)
            except EngineError as error:
                if _IN_PROGRESS not in str(error):
                    raise
                self._await_removal(container_id, error)

    def _await_removal(self, container_id: str, error: EngineError) -> None:
        """Another process removes it, or one that was killed had the engine do so."""
        deadline = time.monotonic() + _REMOVAL_TIMEOUT_S
        while self._inspect(container_id) is not None:
            if time.monotonic() > deadline:
                raise error
            time.sleep(POLL_INTERVAL_S)


@contextlib.contextmanager
def _refusal(action: str) -> Iterator[None]:
    """Name the action in the message of a refusal."""
    try:
        yield
    except EngineError as error:
        raise type(error)(f"The engine refused to {action}: {str(error).rstrip('.')}.") from None


def _policy_for_docker(policy: RestartPolicy) -> dict[str, object]:
    return {"Name": policy.name, "MaximumRetryCount": policy.max_retries}
