# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests, responses and ProblemDetails of the SBI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import multipart

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"


class SbiError(Exception):
    """No answer: connection refused or lost, stream reset, time-out, no producer."""


class Refused(SbiError):
    """The answer has another status than the consumer needs; `cause` and `detail` are those of its ProblemDetails."""

    def __init__(self, status: int, cause: str, detail: str) -> None:
        super().__init__(f"{status} {cause}: {detail}")
        self.status = status
        self.cause = cause
        self.detail = detail


class Problem(Exception):
    """An error that is answered as ProblemDetails (TS 29.571 clause 5.2.4.1, causes of TS 29.500 table 5.2.7.2-1)."""

    def __init__(self, status: int, cause: str, detail: str = "") -> None:
        super().__init__(f"{status} {cause}: {detail}")
        self.status = status
        self.cause = cause
        self.detail = detail

    def response(self) -> Response:
        body = {"status": self.status, "cause": self.cause, "detail": self.detail}
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
        except ValueError as error:
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
        cause, detail = "", ""
        if self.headers.get("content-type", "").startswith(PROBLEM_TYPE):
            problem = self.json()
            if isinstance(problem, dict):
                cause, detail = str(problem.get("cause", "")), str(problem.get("detail", ""))
        raise Refused(self.status, cause, detail)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with `value` as JSON."""
    return Response(status, {"content-type": JSON_TYPE, **(headers or {})}, json.dumps(value).encode())
