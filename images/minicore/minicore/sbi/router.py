# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From method and path to the handler of a resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from .message import Problem, Request, Response

Handler = Callable[..., Awaitable[Response]]


class Router:
    """Routes by path segments; a segment `{name}` matches anything and is handed to the handler."""

    def __init__(self) -> None:
        self._routes: dict[tuple[int, str], list[tuple[str, list[str], Handler]]] = {}

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Route a method and a pattern that begins with a literal segment: the API's name."""
        segments = pattern.split("/")
        self._routes.setdefault((len(segments), segments[1]), []).append((method, segments, handler))

    async def __call__(self, request: Request) -> Response:
        segments = request.path.split("/")
        allowed: list[str] = []
        key = (len(segments), segments[1] if len(segments) > 1 else "")
        for method, pattern, handler in self._routes.get(key, ()):
            values: list[str] = []
            for expected, segment in zip(pattern, segments, strict=True):
                if expected[:1] == "{" and segment:
                    values.append(unquote(segment))
                elif expected != segment:
                    break
            else:
                if method == request.method:
                    try:
                        return await handler(request, *values)
                    except Problem as problem:
                        return problem.response()
                allowed.append(method)
        if not allowed:
            return Problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", request.path).response()
        response = Problem(405, "METHOD_NOT_ALLOWED", request.method).response()
        response.headers["allow"] = ", ".join(allowed)
        return response
