# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses to requests that are wrong (TS 29.244 clause 7.6)."""

from __future__ import annotations

from .codec import BodyError, CodecError, Ie, IeType, IncorrectIe, LengthError, Message, MessageType, MissingIe
from .ies import Cause, node_id, number

_WITH_NODE_ID = frozenset(
    {
        MessageType.ASSOCIATION_SETUP_REQUEST,
        MessageType.ASSOCIATION_UPDATE_REQUEST,
        MessageType.ASSOCIATION_RELEASE_REQUEST,
        MessageType.SESSION_ESTABLISHMENT_REQUEST,
    }
)


def refusal(request: Message, address: str, cause: Cause, *details: Ie, seid: int = 0) -> Message:
    """The response with `cause`, from the entity at `address`; `seid` is the peer's where it is known."""
    head = [node_id(address)] if request.type in _WITH_NODE_ID else []
    ies = [*head, number(IeType.CAUSE, cause), *details]
    return Message(request.type + 1, request.sequence, None if request.seid is None else seid, ies)


def refusal_of(request: Message, address: str, error: CodecError, seid: int = 0) -> Message:
    """The response to a request in which `error` was found."""
    cause = Cause.MANDATORY_IE_INCORRECT
    if isinstance(error, MissingIe):
        cause = Cause.MANDATORY_IE_MISSING
    elif isinstance(error, (LengthError, BodyError)):
        cause = Cause.INVALID_LENGTH
    kind = error.kind if isinstance(error, (MissingIe, LengthError, BodyError, IncorrectIe)) else None
    details = [number(IeType.OFFENDING_IE, kind)] if kind else []
    return refusal(request, address, cause, *details, seid=seid)
