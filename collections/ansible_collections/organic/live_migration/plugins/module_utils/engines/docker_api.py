# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine API of the Docker daemon, over its Unix socket (docs.docker.com/reference/api/engine).

Only the standard library is used: python3-docker takes 85 ms longer to import, in each module process of a migration.
"""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlencode

from .. import decoded
from ..decoded import JsonObject
from ..errors import EngineError

DEFAULT_SOCKET = "/var/run/docker.sock"


class NotFound(EngineError):
    """The daemon knows no such container, image or network."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("docker", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class DockerApi:
    """The daemon behind a Unix socket. Each call has a connection of its own, so that processes may fork in between.

    Raises:
        EngineError: it does not answer.
    """

    def __init__(self, socket_path: str = DEFAULT_SOCKET, timeout_s: float = 60) -> None:
        self._socket_path = socket_path
        self._timeout_s = timeout_s
        self._prefix = ""
        self.version: str = self.call("GET", "/version")["ApiVersion"]
        self._prefix = f"/v{self.version}"

    def get(self, path: str) -> JsonObject | None:
        """What there is at a path; None where there is no such thing."""
        try:
            return decoded.checked(self.call("GET", path))
        except NotFound:
            return None

    def call(
        self, method: str, path: str, content: object = None, timeout_s: float | None = None, **query: str | int
    ) -> Any:
        """The decoded answer of the daemon, None when it is empty.

        Args:
            content: sent as JSON.
            timeout_s: how long the answer may take, if not as long as usual.

        Raises:
            NotFound: status 404.
            EngineError: any other refusal, or no answer.
        """
        url = f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")
        connection = _UnixConnection(self._socket_path, self._timeout_s if timeout_s is None else timeout_s)
        try:
            body, headers = (
                (None, {}) if content is None else (json.dumps(content), {"Content-Type": "application/json"})
            )
            connection.request(method, url, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except socket.timeout:
            raise EngineError(f"The Docker engine did not answer {method} {path} in time.") from None
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"The Docker engine does not answer at {self._socket_path}: {error}") from None
        finally:
            connection.close()
        if response.status >= 400:
            refused = NotFound if response.status == 404 else EngineError
            raise refused(_explanation(answer) or f"status {response.status}")
        try:
            return json.loads(answer) if answer else None
        except ValueError:
            raise EngineError(f"The Docker engine answered {method} {path} with something else than JSON.") from None


def _explanation(answer: bytes) -> str:
    """The message of a refusal."""
    try:
        return decoded.text(decoded.parse(answer), "message")
    except ValueError:
        return answer.decode(errors="replace").strip()
