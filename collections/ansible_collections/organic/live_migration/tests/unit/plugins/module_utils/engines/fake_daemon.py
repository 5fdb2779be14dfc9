# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker daemon that answers what it is given, on a real socket."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ansible_collections.organic.live_migration.plugins.module_utils import paths

ID = "c0ffee" + "0" * 58
IMAGE_ID = "sha256:" + "a" * 64
MACVLAN = {"Name": "core", "Id": "beef" * 16, "Driver": "macvlan", "Options": {"parent": "no-such-link"},
           "IPAM": {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": "192.0.2.1"}]}}  # fmt: skip


def container(**state: Any) -> dict[str, Any]:
    """What Docker 26 answers to GET /containers/smf/json, shortened by what nobody reads."""
    return {
        "Id": ID,
        "Created": "2026-01-01T00:00:00.1Z",
        "Path": paths.INIT,
        "Args": ["--name", "smf", "--", "/bin/server", "--name", "other"],
        "State": {
            "Status": "running",
            "Running": True,
            "Paused": False,
            "Restarting": False,
            "OOMKilled": False,
            "Dead": False,
            "Pid": 4711,
            "ExitCode": 0,
            "Error": "",
            "StartedAt": "2026-01-02T03:04:05.678901234Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
            **state,
        },
        "Image": IMAGE_ID,
        "Name": "/smf",
        "RestartCount": 0,
        "Driver": "overlay2",
        "HostConfig": {
            "Binds": ["/srv/data:/data"],
            "NetworkMode": "core",
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "CapAdd": ["NET_ADMIN"],
        },
        "GraphDriver": {
            "Data": {"LowerDir": "/l", "MergedDir": "/m", "UpperDir": "/var/lib/docker/u", "WorkDir": "/w"},
            "Name": "overlay2",
        },
        "Mounts": [
            {"Type": "bind", "Source": "/srv/data", "Destination": "/data", "Mode": "", "RW": True, "Propagation": "rp"}
        ],
        "Config": {
            "Hostname": ID[:12],
            "Tty": False,
            "Env": ["A=b"],
            "Cmd": ["/bin/server"],
            "Image": "organic/minicore:latest",
            "Entrypoint": [paths.INIT, "--name", "smf", "--"],
            "MacAddress": "02:42:c0:00:02:01",
        },
        "NetworkSettings": {
            "Networks": {
                "core": {
                    "IPAMConfig": {"IPv4Address": "192.0.2.34"},
                    "Aliases": [ID[:12], "smf"],
                    "MacAddress": "02:42:C0:00:02:22",
                    "NetworkID": "beef" * 16,
                    "IPAddress": "192.0.2.34",
                    "IPPrefixLen": 24,
                    "GlobalIPv6Address": "",
                }
            }
        },
    }


class Daemon:
    """Answers what it is given; keeps what it was asked.

    Attributes:
        answers: (status, content) by "METHOD path", without the version.
        asked: "METHOD path?query" in order, without the version.
        bodies: by "METHOD path".
    """

    def __init__(self, version: str = "1.45") -> None:
        self.answers: dict[str, tuple[int, Any]] = {
            "GET /version": (200, {"Version": "26.1.5", "ApiVersion": version, "MinAPIVersion": "1.24"}),
            "GET /info": (200, {"ID": "daemon-id", "ExperimentalBuild": True, "DockerRootDir": "/var/lib/docker"}),
            "GET /containers/json": (200, []),
        }
        self.version = version
        self.asked: list[str] = []
        self.bodies: dict[str, Any] = {}
        self.delays: dict[str, threading.Event] = {}

    def answer(self, method: str, url: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(url)
        path = unquote(parts.path)
        prefix = f"/v{self.version}"
        assert path == "/version" or path.startswith(f"{prefix}/"), path
        what = f"{method} {path[len(prefix) :] if path.startswith(prefix + '/') else path}"
        query = parse_qs(parts.query)
        self.asked.append(what + "".join(f" {key}={values[0]}" for key, values in sorted(query.items())))
        if body:
            self.bodies[what] = json.loads(body)
        if what in self.delays:
            self.delays[what].wait(20)
        return self.answers.get(what, (404, {"message": f"No such thing: {what}"}))


def serving(daemon: Daemon, path: str) -> Iterator[str]:
    """The socket at which the daemon listens."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = daemon.answer(self.command, self.path, body)
            data = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def address_string(self) -> str:
            return "peer"

        def log_message(self, *_args: Any) -> None:
            """Keep the test's output quiet."""

    server = socketserver.ThreadingUnixStreamServer(path, Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield path
    for delay in daemon.delays.values():
        delay.set()
    server.shutdown()
    server.server_close()
    thread.join()
