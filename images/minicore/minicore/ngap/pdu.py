# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""encode and decode of NGAP messages, with the error handling of TS 38.413 clause 10."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from . import messages, schema, session_messages
from .bits import AperError, Reader, read_octets
from .errors import ABSTRACT_SYNTAX_ERROR_REJECT, FALSELY_CONSTRUCTED, TRANSFER_SYNTAX_ERROR, NgapError
from .fields import CRITICALITIES, read_fields, with_length, write_fields
from .messages import IGNORE, REJECT, Message
from .peek import Peek, peek

_NO_ALTERNATIVE = 3
"""NGAP-PDU has an extension bit and three alternatives in two bits; 4 and more: the extension bit is set."""
_TRIGGERS = ("initiating-message", "successful-outcome", "unsuccessful-outcome")


def _all_messages() -> dict[tuple[int, int], type[Message]]:
    found: dict[tuple[int, int], type[Message]] = {}
    for module in (messages, session_messages):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Message) and kind is not Message:
                found[kind.OUTCOME, kind.PROCEDURE] = kind
    return found


_MESSAGES = _all_messages()
_TABLES = {kind: {ie.id: (place, ie) for place, ie in enumerate(kind.IES)} for kind in _MESSAGES.values()}
_REQUIRED = {
    kind: frozenset([field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING])
    for kind in _MESSAGES.values()
}
"""Fields without a default: a message that lacks one of these IEs cannot be used."""


def encode(message: Message) -> bytes:
    """The PDU of a message; ValueError for a field that NGAP cannot carry. Empty optional lists are left out."""
    fields = []
    for ie in message.IES:
        value = getattr(message, ie.field)
        if value is None and ie.kind.name != "ResetType":
            continue
        if value == () and not ie.is_mandatory:
            continue
        try:
            fields.append((ie.id, ie.criticality, schema.write(ie.kind.name, ie.kind.write(value))))
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"{ie.field}: {error}") from error
    head = bytes((message.OUTCOME << 5, message.PROCEDURE, CRITICALITIES.index(message.CRITICALITY) << 6))
    return head + with_length(write_fields(fields))


def decode(data: bytes) -> Message:
    """The message of a PDU; NgapError with the cause of TS 38.413 clause 10 for one that cannot be used."""
    try:
        return _decode(data)
    except NgapError as error:
        raise _described(error, peek(data)) from error.__cause__


def _decode(data: bytes) -> Message:
    reader = Reader(data)
    try:
        alternative, procedure, criticality = reader.take(8) >> 5, reader.take(8), reader.take(8) >> 6
        body = read_octets(reader)
        reader.finish()
        if alternative == _NO_ALTERNATIVE or criticality == len(CRITICALITIES):
            raise AperError("neither alternative nor criticality")
        fields = read_fields(body)
    except AperError as error:
        raise NgapError(TRANSFER_SYNTAX_ERROR, f"NGAP-PDU: {error}") from error
    kind = _MESSAGES.get((alternative, procedure))
    if kind is None:
        # Clause 10.3.4.1: what is not comprehended counts by the criticality that came with it.
        is_reported = CRITICALITIES[criticality] != IGNORE
        detail = f"procedure {procedure}, alternative {alternative} is not served"
        raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, detail, is_reported=is_reported)
    build: Callable[..., Message] = kind
    return build(**_fields(kind, fields))


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


def _fields(kind: type[Message], contents: list[tuple[int, str, bytes]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    table, required = _TABLES[kind], _REQUIRED[kind]
    next_place = 0
    for number, criticality, content in contents:
        found = table.get(number)
        if found is None:
            _not_comprehended(kind, number, criticality)
            continue
        place, ie = found
        if place < next_place:
            # Clause 10.3.6: wrong order or too many occurrences.
            raise NgapError(FALSELY_CONSTRUCTED, f"{kind.NAME}: IE {number} ({ie.kind.name}) is out of order")
        next_place = place + 1
        value = schema.read(ie.kind.name, content)
        try:
            fields[ie.field] = ie.kind.read(value)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            _not_comprehended(kind, number, criticality, str(error))
    if not required <= fields.keys():
        missing = [f"{ie.id} ({ie.kind.name})" for ie in kind.IES if ie.field in required - fields.keys()]
        raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{kind.NAME}: IE {', '.join(missing)} is missing")
    return fields


def _not_comprehended(kind: type[Message], number: int, criticality: str, why: str = "not comprehended") -> None:
    if criticality == REJECT:
        raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{kind.NAME}: IE {number}: {why}")
