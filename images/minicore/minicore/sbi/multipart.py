# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of JSON and N1 or N2 messages: multipart/related (RFC 2387; TS 29.502 and TS 29.518 clause 6.1.2.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

N1_TYPE = "application/vnd.3gpp.5gnas"
N2_TYPE = "application/vnd.3gpp.ngap"
JSON_TYPE = "application/json"
RELATED = "multipart/related"

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)


class MultipartError(ValueError):
    """The body is not what its content type says."""


def encode(json_part: Mapping[str, Any], parts: Mapping[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    """Return content type and body; `parts` has content type and content by content id."""
    first = json.dumps(json_part).encode()
    boundary = _boundary([first, *(content for _, content in parts.values())])
    pieces = [f"--{boundary}\r\nContent-Type: {JSON_TYPE}\r\n\r\n".encode(), first]
    for content_id, (content_type, content) in parts.items():
        pieces.append(f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Id: {content_id}\r\n\r\n".encode())
        pieces.append(content)
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return f'{RELATED}; boundary={boundary}; type="{JSON_TYPE}"', b"".join(pieces)


def decode(content_type: str, body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the JSON object and the other parts by content id; a body that is JSON only has no other part."""
    if content_type.partition(";")[0].strip().lower() != RELATED:
        return _json_object(body), {}
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise MultipartError("no boundary in the content type")
    delimiter = b"\r\n--" + (boundary[1] or boundary[2]).encode()
    # The first delimiter has no line break before it where no preamble precedes (RFC 2046 clause 5.1.1).
    pieces = (b"\r\n" + body).split(delimiter)[1:]
    if len(pieces) < 2 or not pieces.pop().startswith(b"--"):
        raise MultipartError("the closing boundary is missing")
    first: dict[str, Any] | None = None
    parts: dict[str, bytes] = {}
    for piece in pieces:
        head, found, content = piece.partition(b"\r\n\r\n")
        if not found:
            raise MultipartError("a part has no empty line after its headers")
        if first is None:
            first = _json_object(content)
        else:
            parts[_content_id(head)] = content
    assert first is not None
    return first, parts


def _boundary(contents: list[bytes]) -> str:
    number = 0
    while any(f"--minicore-{number}".encode() in content for content in contents):
        number += 1
    return f"minicore-{number}"


def _content_id(head: bytes) -> str:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-id":
            return value.strip().strip(b"<>").decode("latin-1")
    raise MultipartError("a part has no Content-Id")


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MultipartError(f"JSON: {error}") from error
    if not isinstance(value, dict):
        raise MultipartError("a JSON object is expected")
    return value
