# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of a JSON body, checked as they are read; the causes are those of TS 29.500 table 5.2.7.2-1."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from .message import Problem, Request

T = TypeVar("T")

MAX_TEXT = 2048
"""Longer texts are refused: no identifier, URI or AUTS of 3GPP comes near it."""
MAX_DEPTH = 32
"""Deeper objects are refused: no data type of 3GPP comes near it, and the encoder would run out of stack."""

SUPI = re.compile(r"imsi-[0-9]{5,15}")
"""SUPI as IMSI (TS 29.571 clause 5.3.2)."""
_HEX = re.compile(r"[0-9A-Fa-f]*")
_SD = re.compile(r"[0-9A-Fa-f]{6}")


def document(request: Request) -> dict[str, Any]:
    """The body as an object that may be kept as it is."""
    return _checked(request.json_object(), "body", dict, "INVALID_MSG_FORMAT")


def need(data: dict[str, Any], name: str, kind: type[T]) -> T:
    """A mandatory attribute."""
    value = data.get(name)
    if value is None:
        raise Problem(400, "MANDATORY_IE_MISSING", name)
    return _checked(value, name, kind, "MANDATORY_IE_INCORRECT")


def optional(data: dict[str, Any], name: str, kind: type[T]) -> T | None:
    """An optional attribute; None if it is absent or null."""
    value = data.get(name)
    return None if value is None else _checked(value, name, kind, "OPTIONAL_IE_INCORRECT")


def need_matching(data: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    """A mandatory text of a given form."""
    value = need(data, name, str)
    if not pattern.fullmatch(value):
        raise Problem(400, "MANDATORY_IE_INCORRECT", name)
    return value


def need_octets(data: dict[str, Any], name: str, size: int) -> bytes:
    """Mandatory octets, written as hexadecimal digits."""
    value = need(data, name, str)
    if len(value) != 2 * size or not _HEX.fullmatch(value):
        raise Problem(400, "MANDATORY_IE_INCORRECT", f"{name}: {size} octets in hexadecimal digits are expected")
    return bytes.fromhex(value)


def need_integer(data: dict[str, Any], name: str, low: int, high: int) -> int:
    """A mandatory integer between the limits, both included."""
    value = need(data, name, int)
    if not low <= value <= high:
        raise Problem(400, "MANDATORY_IE_INCORRECT", f"{name}: from {low} to {high}")
    return value


def need_uri(data: dict[str, Any], name: str) -> str:
    """A mandatory URI of the SBI, for example a callback."""
    return uri(need(data, name, str), name)


def need_uris(data: dict[str, Any], name: str) -> list[str]:
    """A list of URIs or paths, at least one."""
    uris = need(data, name, list)
    if not uris or not all(isinstance(one, str) and one.isprintable() and len(one) <= MAX_TEXT for one in uris):
        raise Problem(400, "MANDATORY_IE_INCORRECT", name)
    return uris


def pdu_session_id(text: str) -> int:
    """PDU session id in a path, 0 to 255 (TS 29.571 clause 5.4.2)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
        raise Problem(400, "MANDATORY_IE_INCORRECT", "pduSessionId")
    return int(text)


def uri(value: str, name: str) -> str:
    if not value.startswith("http://") or " " in value or len(value) < 8 or value[7] == "/":
        raise Problem(400, "MANDATORY_IE_INCORRECT", f"{name}: an http URI is expected")
    return value


def snssai(value: Any, name: str = "sNssai") -> str:
    """The key of an S-NSSAI: `1` or `1-000001` (TS 29.571 clause 5.4.4.2)."""
    if isinstance(value, dict):
        sst, sd = value.get("sst"), value.get("sd")
        if isinstance(sst, int) and not isinstance(sst, bool) and 0 <= sst <= 255:
            if sd is None:
                return str(sst)
            if isinstance(sd, str) and _SD.fullmatch(sd):
                return f"{sst}-{sd.lower()}"
    raise Problem(400, "MANDATORY_IE_INCORRECT", f"{name}: an S-NSSAI with sst and sd is expected")


def snssai_object(key: str) -> dict[str, Any]:
    """The S-NSSAI of a key; ValueError if the key has another form."""
    sst, _, sd = key.partition("-")
    if not (sst.isdecimal() and int(sst) <= 255) or (sd and not _SD.fullmatch(sd)):
        raise ValueError(f"{key!r} is no S-NSSAI; write SST or SST-SD, for example 1-000001")
    return {"sst": int(sst), "sd": sd.lower()} if sd else {"sst": int(sst)}


def _checked(value: Any, name: str, kind: type[T], cause: str) -> T:
    # JSON's true is an int for Python, and nothing else.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Problem(400, cause, f"{name}: {kind.__name__} is expected")
    if isinstance(value, str):
        if len(value) > MAX_TEXT or not value.isprintable():
            raise Problem(400, cause, f"{name}: at most {MAX_TEXT} printable characters")
    elif isinstance(value, dict | list) and not _is_shallow(value, MAX_DEPTH):
        raise Problem(400, cause, f"{name}: nested deeper than {MAX_DEPTH}")
    return value


def _is_shallow(value: dict[Any, Any] | list[Any], levels: int) -> bool:
    if not levels:
        return False
    members = value.values() if isinstance(value, dict) else value
    return all(_is_shallow(member, levels - 1) for member in members if isinstance(member, dict | list))
