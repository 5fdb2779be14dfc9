# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request goes on to the API root that it names, and its answer back (TS 29.500 clause 6.10)."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from ..sbi.clients import Clients
from ..sbi.message import NotProcessed, Problem, Request, Response, SbiError, TimedOut
from ..sbi.producers import TARGET_API_ROOT

MAX_FORWARD_HOPS = "3gpp-sbi-max-forward-hops"
TARGET_S = 10
"""Longest time in which a producer may answer."""

# Of one connection each: the next one has its own.
_NOT_FORWARDED = frozenset((TARGET_API_ROOT, MAX_FORWARD_HOPS, "content-length", "host"))


class Forwarder:
    """Keeps a connection to each producer. `name` is the SCP's own, for the Server header of what it answers itself."""

    def __init__(self, name: str) -> None:
        self._name = name
        # The consumer's User-Agent goes on as it is.
        self._clients = Clients("", TARGET_S)
        self.targets: set[str] = set()
        self.forwarded = 0
        self.failed = 0
        self.in_flight = 0

    async def forward(self, request: Request) -> Response:
        """The producer's answer, or a problem of the SCP's own (clause 6.10.8)."""
        self.in_flight += 1
        try:
            response = await self._forward(request)
            self.forwarded += 1
            return response
        except Problem as problem:
            self.failed += 1
            response = problem.response()
            # Clause 6.10.8: shows the consumer that the error is not the producer's.
            response.headers["server"] = self._name
            return response
        finally:
            self.in_flight -= 1

    def close(self) -> None:
        self._clients.close()

    async def _forward(self, request: Request) -> Response:
        root = _target(request)
        headers = {
            name: value for name, value in request.headers.items() if name[0] != ":" and name not in _NOT_FORWARDED
        }
        headers.update(_next_hop(request.headers.get(MAX_FORWARD_HOPS)))
        try:
            response = await self._clients.request(root, request.method, _path(request), request.body, headers)
        except NotProcessed as error:
            raise Problem(504, "TARGET_NF_NOT_REACHABLE", str(error)) from error
        except TimedOut as error:
            raise Problem(504, "TIMED_OUT_REQUEST", str(error)) from error
        except SbiError as error:
            raise Problem(502, "INBOUND_SERVER_ERROR", str(error)) from error
        self.targets.add(root)
        response.headers.pop("content-length", None)
        return response


def _target(request: Request) -> str:
    root = request.headers.get(TARGET_API_ROOT)
    if root is None:
        raise Problem(400, "MANDATORY_IE_MISSING", "3gpp-Sbi-Target-apiRoot")
    try:
        url = urlsplit(root)
        is_root = url.scheme == "http" and bool(url.hostname) and (url.port or 80) > 0 and not (url.query or url.path)
    except ValueError:
        is_root = False
    if not is_root:
        raise Problem(400, "MANDATORY_IE_INCORRECT", f"3gpp-Sbi-Target-apiRoot: {root!r} is not an API root of http")
    return root


def _next_hop(hops: str | None) -> dict[str, str]:
    """3gpp-Sbi-Max-Forward-Hops (clause 5.2.3.2), one less: so requests do not circle between SCPs."""
    if hops is None:
        return {}
    number, _, rest = hops.partition(";")
    if not number.strip().isdecimal():
        raise Problem(400, "OPTIONAL_IE_INCORRECT", "3gpp-Sbi-Max-Forward-Hops")
    left = int(number) - 1
    if left < 0:
        raise Problem(502, "MAX_SCP_HOPS_REACHED", hops)
    return {MAX_FORWARD_HOPS: f"{left};{rest}" if rest else str(left)}


def _path(request: Request) -> str:
    """Path and query as they came."""
    target = request.headers.get(":path")
    if target is not None:
        return target
    return f"{request.path}?{urlencode(request.query, quote_via=quote)}" if request.query else request.path
