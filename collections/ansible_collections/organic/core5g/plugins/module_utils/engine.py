# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from the Docker engine of this host (Engine API over its Unix socket); nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import quote

from ansible_collections.organic.core5g.plugins.module_utils.errors import EngineError

DEFAULT_SOCKET = "/var/run/docker.sock"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("docker", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """The engine behind ``socket_path``. A look-up gives None for what does not exist."""

    def __init__(self, socket_path: str = DEFAULT_SOCKET, timeout_s: float = 30) -> None:
        self._socket_path = socket_path
        self._timeout_s = timeout_s

    def container(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._look_up(f"/containers/{quote(name, safe='')}/json")
        return found

    def image(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._look_up(f"/images/{quote(name, safe='/:@')}/json")
        return found

    def subnets(self) -> dict[str, list[str]]:
        """Subnets of each network, by its name."""
        return {
            network["Name"]: [pool["Subnet"] for pool in network["IPAM"]["Config"] or () if "Subnet" in pool]
            for network in self._look_up("/networks")
        }

    def _look_up(self, path: str) -> Any:
        connection = _UnixConnection(self._socket_path, self._timeout_s)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"The Docker engine does not answer at {self._socket_path}: {error}") from error
        finally:
            connection.close()
        if response.status == 404:
            return None
        if response.status != 200:
            raise EngineError(f"The Docker engine refused {path}: {response.status} {body.decode(errors='replace')}")
        return json.loads(body)
