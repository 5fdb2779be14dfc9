# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests, responses and ProblemDetails of the SBI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from . import multipart

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"

MESSAGE_PRIORITY = "3gpp-sbi-message-priority"
current_priority: ContextVar[str | None] = ContextVar("message_priority", default=None)
"""Priority of the request being answered; what it makes the NF ask of others has the same (TS 29.500 clause 6.8)."""


class SbiError(Exception):
    """No answer: connection refused or lost, stream reset, time-out, no producer."""


class NotProcessed(SbiError):
    """No answer, and the server has certainly not begun the request: it can be sent again, whatever its method."""


class ConnectionLost(SbiError):
    """The connection ended before the answer: the server may have processed the request."""


class TimedOut(SbiError):
    """No answer in time; the server may have processed the request."""


class Refused(SbiError):
    """The answer has another status than the consumer needs; `cause` and `detail` are those of its ProblemDetails."""

    def __init__(self, status: int, cause: str, detail: str) -> None:
        super().__init__(f"{status} {cause}: {detail}")
        self.status = status
        self.cause = cause
        self.detail = detail


class Problem(Exception):
    """An error that is answered as ProblemDetails (TS 29.571 clause 5.2.4.1, causes of TS 29.500 table 5.2.7.2-1)."""

    def __init__(
        self, status: int, cause: str, detail: str = "", invalid_params: Sequence[tuple[str, str]] = ()
    ) -> None:
        """`invalid_params` has the place in the body (a JSON pointer) or the parameter's name, and what is wrong."""
        super().__init__(f"{status} {cause}: {detail}")
        self.status = status
        self.cause = cause
        self.detail = detail
        self.invalid_params = invalid_params

    def response(self) -> Response:
        body: dict[str, Any] = {"status": self.status, "cause": self.cause, "detail": self.detail}
        if self.invalid_params:
            body["invalidParams"] = [{"param": param, "reason": reason} for param, reason in self.invalid_params]
        return Response(self.status, {"content-type": PROBLEM_TYPE}, json.dumps(body).encode())


@dataclass(slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON, or the Problem that a malformed body is answered with."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Problem(400, "INVALID_MSG_FORMAT", str(error)) from error

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise Problem(400, "INVALID_MSG_FORMAT", "a JSON object is expected")
        return value

    def parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The JSON object and the binary parts by content id; without parts where the body is JSON only."""
        try:
            return multipart.decode(self.headers.get("content-type", ""), self.body)
        except multipart.MultipartError as error:
            raise Problem(400, "INVALID_MSG_FORMAT", str(error)) from error


@dataclass(slots=True)
class Response:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON, or SbiError."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise SbiError(f"answer {self.status} is not JSON: {error}") from error

    def parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The JSON object and the binary parts by content id, or SbiError."""
        try:
            return multipart.decode(self.headers.get("content-type", ""), self.body)
        except multipart.MultipartError as error:
            raise SbiError(f"answer {self.status}: {error}") from error

    def require(self, *statuses: int) -> Response:
        """Return this response, or raise Refused if it has none of the statuses."""
        if self.status in statuses:
            return self
        raise Refused(self.status, *self.problem())

    def problem(self) -> tuple[str, str]:
        """Cause and detail of the ProblemDetails in the body; empty where it has none."""
        if not self.headers.get("content-type", "").startswith(PROBLEM_TYPE):
            return "", ""
        problem = self.json()
        if not isinstance(problem, dict):
            return "", ""
        return str(problem.get("cause", "")), str(problem.get("detail", ""))


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with `value` as JSON."""
    return Response(status, {"content-type": JSON_TYPE, **(headers or {})}, json.dumps(value).encode())
