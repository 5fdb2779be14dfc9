# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""encode and decode of NGAP messages, with the error handling of TS 38.413 clause 10."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from . import asn1, messages, session_messages
from .errors import ABSTRACT_SYNTAX_ERROR_REJECT, FALSELY_CONSTRUCTED, NgapError
from .messages import IGNORE, REJECT, Message
from .peek import Peek, peek

_ALTERNATIVES = ("initiatingMessage", "successfulOutcome", "unsuccessfulOutcome")
_TRIGGERS = ("initiating-message", "successful-outcome", "unsuccessful-outcome")


def _all_messages() -> dict[tuple[int, int], type[Message]]:
    found: dict[tuple[int, int], type[Message]] = {}
    for module in (messages, session_messages):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Message) and kind is not Message:
                found[kind.OUTCOME, kind.PROCEDURE] = kind
    return found


_MESSAGES = _all_messages()
_REQUIRED = {
    kind: frozenset([field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING])
    for kind in _MESSAGES.values()
}
"""Fields without a default: a message that lacks one of these IEs cannot be used."""


def encode(message: Message) -> bytes:
    """The PDU of a message; ValueError for a field that NGAP cannot carry. Empty optional lists are left out."""
    ies = []
    for ie in message.IES:
        value = getattr(message, ie.field)
        if value is None and ie.kind.name != "ResetType":
            continue
        if value == () and not ie.is_mandatory:
            continue
        content = (ie.kind.name, ie.kind.write(value))
        ies.append({"id": ie.id, "criticality": ie.criticality, "value": content})
    body = {
        "procedureCode": message.PROCEDURE,
        "criticality": message.CRITICALITY,
        "value": (message.NAME, {"protocolIEs": ies}),
    }
    return asn1.write(asn1.PDU, (_ALTERNATIVES[message.OUTCOME], body))


def decode(data: bytes) -> Message:
    """The message of a PDU; NgapError with the cause of TS 38.413 clause 10 for one that cannot be used."""
    seen = peek(data)
    try:
        alternative, body = asn1.read(asn1.PDU, data)
        if alternative not in _ALTERNATIVES:
            raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{alternative} is no alternative of NGAP-PDU")
        return _message(_ALTERNATIVES.index(alternative), body)
    except NgapError as error:
        raise _described(error, seen) from error.__cause__


def _described(error: NgapError, seen: Peek | None) -> NgapError:
    """The same error with what the PDU says about itself."""
    if seen is None:
        return error
    return NgapError(
        error.cause,
        error.detail,
        procedure_code=seen.procedure_code,
        triggering=_TRIGGERS[seen.outcome],
        is_reported=error.is_reported,
        amf_ue_ngap_id=seen.amf_ue_ngap_id,
        ran_ue_ngap_id=seen.ran_ue_ngap_id,
    )


def _message(outcome: int, body: dict[str, Any]) -> Message:
    kind = _MESSAGES.get((outcome, body["procedureCode"]))
    name, content = body["value"]
    if kind is None or name != kind.NAME:
        # Clause 10.3.4.1: a procedure code that is not comprehended counts by the criticality that came with it.
        is_reported = body["criticality"] != IGNORE
        raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{name} is not served", is_reported=is_reported)
    build: Callable[..., Message] = kind
    return build(**_fields(kind, content["protocolIEs"]))


def _fields(kind: type[Message], contents: list[dict[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    ies = iter(kind.IES)
    table = {ie.id: ie for ie in kind.IES}
    for content in contents:
        ie = table.get(content["id"])
        if ie is None:
            _not_comprehended(kind, content["id"], content["criticality"])
            continue
        if not any(ie is candidate for candidate in ies):
            # Clause 10.3.6: wrong order or too many occurrences.
            raise NgapError(FALSELY_CONSTRUCTED, f"{kind.NAME}: IE {ie.id} ({ie.kind.name}) is out of order")
        name, value = content["value"]
        try:
            if name != ie.kind.name:
                raise ValueError(f"{name} in the place of {ie.kind.name}")
            fields[ie.field] = ie.kind.read(value)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            _not_comprehended(kind, ie.id, content["criticality"], str(error))
    required = _REQUIRED[kind]
    for ie in kind.IES:
        if ie.field in required and ie.field not in fields:
            raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{kind.NAME}: IE {ie.id} ({ie.kind.name}) is missing")
    return fields


def _not_comprehended(kind: type[Message], number: int, criticality: str, why: str = "not comprehended") -> None:
    if criticality == REJECT:
        raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{kind.NAME}: IE {number}: {why}")
