# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept connections to any number of servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from .client import CONNECT_S, SbiClient
from .message import JSON_TYPE, Response


class Clients:
    """One client for each API root that was asked."""

    def __init__(self, user_agent: str, timeout_s: float) -> None:
        self._user_agent = user_agent
        self._timeout_s = timeout_s
        self._clients: dict[str, SbiClient] = {}

    async def request(
        self,
        root: str,
        method: str,
        path: str,
        body: object | None = None,
        headers: Mapping[str, str] | None = None,
        connect_s: float = CONNECT_S,
    ) -> Response:
        """Send to `root`; bytes go as they are, anything else as JSON."""
        fields = dict(headers or {})
        if body is None:
            content = b""
        elif isinstance(body, bytes):
            content = body
        else:
            content = json.dumps(body).encode()
            fields.setdefault("content-type", JSON_TYPE)
        client = self._clients.get(root)
        if client is None:
            client = self._clients[root] = SbiClient(root, self._user_agent, self._timeout_s)
        return await client.request(method, path, content, fields, connect_s)

    async def request_uri(self, method: str, uri: str, body: object | None = None) -> Response:
        """Send to a URI."""
        root, path = split_uri(uri)
        return await self.request(root, method, path, body)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def split_uri(uri: str) -> tuple[str, str]:
    """Scheme and authority of a URI, and its path with the query."""
    url = urlsplit(uri)
    return f"{url.scheme}://{url.netloc}", f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
