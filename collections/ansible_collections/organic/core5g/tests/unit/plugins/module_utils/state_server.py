# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP server on loopback that answers as a test says."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Answer = Callable[[str], "tuple[int, Any]"]


def handler(answer: Answer, ask: Callable[[str], int] | None = None) -> type[http.server.BaseHTTPRequestHandler]:
    """``ask`` gets the method of PUT and DELETE, and gives the status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = answer(self.path)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            self._ask()

        def do_DELETE(self) -> None:
            self._ask()

        def _ask(self) -> None:
            self.send_response(ask(self.command) if ask else 405)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def address_string(self) -> str:
            return "peer"

        def log_message(self, *_args: Any) -> None:
            """Keep the test's output quiet."""

    return Handler


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
