# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection of duplicated requests (TS 29.500 clauses 5.2.3.3.12 and 5.2.8)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from ..sbi.message import Request, Response
from ..sbi.server import Application

HEADER = "3gpp-sbi-request-info"
# Not of 3GPP: how often the SMF has seen the idempotency key of this request.
SEEN_HEADER = "minicore-seen"
# Keys that are remembered: 10 s at 200 requests a second.
CAPACITY = 2048


def idempotency_key(headers: dict[str, str]) -> str | None:
    """The key in `3gpp-Sbi-Request-Info: retrans=...; idempotency-key=...`."""
    for part in headers.get(HEADER, "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "idempotency-key":
            return value.strip()
    return None


class DuplicateFilter:
    """Runs a request with an idempotency key once; a repeated one gets the first answer."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._answers: OrderedDict[str, asyncio.Future[Response]] = OrderedDict()
        self._seen: dict[str, int] = {}
        self.received = 0
        self.repeated = 0

    async def __call__(self, request: Request) -> Response:
        key = idempotency_key(request.headers)
        if key is None:
            return await self._application(request)
        self.received += 1
        seen = self._seen.get(key, 0) + 1
        self._seen[key] = seen
        if seen > 1:
            self.repeated += 1
            response = await asyncio.shield(self._answers[key])
        else:
            response = await self._run(key, request)
        return Response(response.status, {**response.headers, SEEN_HEADER: str(seen)}, response.body)

    async def _run(self, key: str, request: Request) -> Response:
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        if len(self._answers) > CAPACITY:
            oldest, _ = self._answers.popitem(last=False)
            del self._seen[oldest]
        try:
            response = await self._application(request)
        except BaseException as error:
            answer.set_exception(error)
            answer.exception()  # it is raised here; nobody else has to fetch it
            raise
        answer.set_result(response)
        return response
