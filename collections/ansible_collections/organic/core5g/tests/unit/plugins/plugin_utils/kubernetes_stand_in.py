# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the API server of Kubernetes, on a socket, which the real client asks."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from typing import Any

NAMESPACE = "/api/v1/namespaces/lab"


class StandIn:
    """An API server that knows its answers.

    Attributes:
        answers: status and body by path without the query; a GET of another path is answered with 404.
        requests: method, path and body of each request.
        forbidden: verb and resource of what its user may not do.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {("GET", "/version"): (200, {"gitVersion": "v1.37.2"})}
        self.requests: list[tuple[str, str, Any]] = []
        self.forbidden: set[tuple[str, str]] = set()
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                stand_in.requests.append((self.command, self.path, body))
                status, content = stand_in.answer(self.command, self.path.partition("?")[0], body)
                payload = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *arguments: Any) -> None:
                pass

        for method in ("GET", "POST", "PATCH"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("selfsubjectaccessreviews"):
            wanted = body["spec"]["resourceAttributes"]
            return 201, {"status": {"allowed": (wanted["verb"], wanted["resource"]) not in self.forbidden}}
        if (method == "GET" and path.startswith(f"{NAMESPACE}/")) or path.startswith("/apis/"):
            return self.answers.get((method, path), (200, {"items": []}))
        return self.answers.get((method, path), (404, {"message": "not found"}))

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig of a user with a token."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": self.url}}],
            "users": [{"name": "x", "user": {"token": "secret"}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        }
        path.write_text(json.dumps(content))
        return path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
