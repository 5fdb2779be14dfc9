# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the Docker engine of this host (Engine API; python3-docker)."""

from __future__ import annotations

import contextlib
import datetime
import time
from typing import Any

try:
    import docker
    import docker.errors

    IMPORT_ERROR: ImportError | None = None
except ImportError as error:
    IMPORT_ERROR = error

from .. import paths
from ..errors import Blocker, MigrationError, Refused
from ..network.arp import random_mac

_API_WITH_ENDPOINTS = (1, 44)
"""From this version on, a container is created on several networks, with a MAC address on each."""
POLL_INTERVAL_S = 0.02
NO_RESTART = {"Name": "no"}


class DockerEngine:
    """The engine behind /var/run/docker.sock.

    Raises:
        Refused: python3-docker is missing, or no engine answers.
    """

    def __init__(self) -> None:
        if IMPORT_ERROR is not None:
            raise Refused(
                [
                    Blocker(
                        "python_docker_missing",
                        "The Python package 'docker' is missing on this host",
                        "Install python3-docker, or run playbooks/prepare_hosts.yml",
                    )
                ]
            )
        try:
            self._client = docker.APIClient(version="auto", timeout=60)
        except docker.errors.DockerException as error:
            raise Refused(
                [
                    Blocker(
                        "engine_unreachable",
                        f"The Docker engine of this host does not answer: {error}",
                        "Start it, or run playbooks/prepare_hosts.yml",
                    )
                ]
            ) from None

    def identity(self) -> str:
        """The engine's own id, the same under whatever name the host is known."""
        return str(self._client.info()["ID"])

    @property
    def experimental(self) -> bool:
        """Whether the engine offers ``docker checkpoint``."""
        return bool(self._client.info()["ExperimentalBuild"])

    @property
    def creates_with_many_networks(self) -> bool:
        """Whether the engine creates a container that is on more than one network."""
        return tuple(int(part) for part in self._client.api_version.split(".")) >= _API_WITH_ENDPOINTS

    def checkpoint_directory(self, container_id: str, checkpoint: str) -> str:
        """Where the engine keeps a checkpoint; it restores from nowhere else."""
        return f"{self._client.info()['DockerRootDir']}/containers/{container_id}/checkpoints/{checkpoint}"

    def inspect(self, name: str) -> dict[str, Any] | None:
        """The engine's description of a container; None when it knows none of this name."""
        try:
            return dict(self._client.inspect_container(name))
        except docker.errors.NotFound:
            return None

    def network(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._client.inspect_network(name))
        except docker.errors.NotFound:
            return None

    def image_id(self, reference: str) -> str | None:
        try:
            return str(self._client.inspect_image(reference)["Id"])
        except docker.errors.NotFound:
            return None

    def create_like(self, source: dict[str, Any], keep_macs: bool) -> str:
        """Create a container like one that was inspected on another host, with its IP addresses; returns its id.

        With ``keep_macs`` it has its MAC addresses, too: then the other one must have ended before this one is started.

        Its restart policy is "no" until it has the process: started anew, it would be a second live NF.
        """
        config = {key: value for key, value in source["Config"].items() if key != "MacAddress"}
        if self.image_id(config["Image"]) != source["Image"]:
            config["Image"] = source["Image"]  # the tag means another image on this host
        host_config = {**source["HostConfig"], "RestartPolicy": NO_RESTART}
        endpoints = {}
        for name, settings in source["NetworkSettings"]["Networks"].items():
            endpoints[name] = {
                "IPAMConfig": {"IPv4Address": settings["IPAddress"]},
                "MacAddress": settings["MacAddress"] if keep_macs else random_mac(),
                "Aliases": [alias for alias in settings.get("Aliases") or [] if alias != source["Id"][:12]],
            }
            if not self.creates_with_many_networks:
                config["MacAddress"] = endpoints[name]["MacAddress"]
        body = {**config, "HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": endpoints}}
        try:
            created = self._client.create_container_from_config(body, source["Name"].lstrip("/"))
            return str(created["Id"])
        except docker.errors.APIError as error:
            raise MigrationError(f"The engine refused to create the container: {error.explanation}") from None

    def start(self, container_id: str) -> None:
        try:
            self._client.start(container_id)
        except docker.errors.APIError as error:
            raise MigrationError(f"The engine refused to start the container: {error.explanation}") from None

    def restart(self, container_id: str, policy: dict[str, Any]) -> None:
        """Start a container that ended while it had no restart policy, if the engine had done so by this one.

        If it cannot be started it stays as it is, as if the engine had tried.
        """
        description = self.inspect(container_id)
        if description is None or is_running(description):
            return
        name = policy.get("Name", "no")
        if name in ("always", "unless-stopped") or (name == "on-failure" and description["State"]["ExitCode"]):
            with contextlib.suppress(docker.errors.APIError):
                self._client.start(container_id)

    def set_restart_policy(self, container_id: str, policy: dict[str, Any]) -> None:
        """Change the policy of a container; nothing happens when it is gone."""
        try:
            self._client.update_container(container_id, restart_policy=policy)
        except docker.errors.NotFound:
            pass
        except docker.errors.APIError as error:
            raise MigrationError(f"The engine refused to change the restart policy: {error.explanation}") from None

    def wait_until_stopped(self, container_id: str, timeout_s: int = 30) -> int:
        """Wait until a container has ended; returns its exit status, 0 when it is gone."""
        try:
            return int(self._client.wait(container_id, timeout=timeout_s)["StatusCode"])
        except docker.errors.NotFound:
            return 0

    def wait_until_exit_seen(self, container_id: str, pid: int, timeout_s: float) -> None:
        """Wait until the engine has noticed that a container's process has ended, ``timeout_s`` at most.

        Until then it refuses to change the container, and ``wait`` tells nothing where the engine starts it anew.
        """
        deadline = time.monotonic() + timeout_s
        while (description := self.inspect(container_id)) and description["State"]["Pid"] == pid:
            if time.monotonic() > deadline:
                return
            time.sleep(POLL_INTERVAL_S)

    def remove(self, container_id: str, running: bool = True) -> None:
        """Remove a container, also a running one if wanted; nothing happens when it is gone."""
        try:
            self._client.remove_container(container_id, force=running, v=True)
        except docker.errors.NotFound:
            pass
        except docker.errors.APIError as error:
            raise MigrationError(f"The engine could not remove the container: {error.explanation}") from None


def is_running(description: dict[str, Any]) -> bool:
    return bool(description["State"]["Status"] == "running")


def started_at_s(description: dict[str, Any]) -> float:
    """When a container was started last, in seconds since the epoch; long ago if never."""
    seconds = str(description["State"]["StartedAt"]).partition(".")[0].rstrip("Z")
    return datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc).timestamp()


def started_by_resident_init(description: dict[str, Any]) -> bool:
    return bool(description["Path"] == paths.INIT)


def await_key(description: dict[str, Any]) -> str | None:
    """The name under which the resident init looks for its await file (``--name``)."""
    arguments = description["Args"]
    for option, value in zip(arguments, arguments[1:]):
        if option == "--name":
            return str(value)
        if option == "--":
            break
    return None
