# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes, and the error that a malformed message becomes (TS 38.413 clauses 9.3.1.2 and 10)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """The IE Cause of TS 38.413 clause 9.3.1.2, by the names of its ASN.1."""

    group: str
    """radioNetwork, transport, nas, protocol or misc."""
    value: str

    def __str__(self) -> str:
        return f"{self.group}/{self.value}"


TRANSFER_SYNTAX_ERROR = Cause("protocol", "transfer-syntax-error")
ABSTRACT_SYNTAX_ERROR_REJECT = Cause("protocol", "abstract-syntax-error-reject")
ABSTRACT_SYNTAX_ERROR_IGNORE = Cause("protocol", "abstract-syntax-error-ignore-and-notify")
FALSELY_CONSTRUCTED = Cause("protocol", "abstract-syntax-error-falsely-constructed-message")
WRONG_STATE = Cause("protocol", "message-not-compatible-with-receiver-state")
SEMANTIC_ERROR = Cause("protocol", "semantic-error")
UNKNOWN_UE_ID = Cause("radioNetwork", "unknown-local-UE-NGAP-ID")
INCONSISTENT_UE_ID = Cause("radioNetwork", "inconsistent-remote-UE-NGAP-ID")
USER_INACTIVITY = Cause("radioNetwork", "user-inactivity")
NORMAL_RELEASE = Cause("nas", "normal-release")
DEREGISTER = Cause("nas", "deregister")
UNSPECIFIED = Cause("misc", "unspecified")


class NgapError(ValueError):
    """A message or transfer that does not decode, with what an ERROR INDICATION needs to say about it.

    `is_reported` is false where TS 38.413 clause 10.3.4.1 has the receiver ignore the message (criticality ignore).
    """

    def __init__(
        self,
        cause: Cause,
        detail: str,
        *,
        procedure_code: int | None = None,
        triggering: str | None = None,
        is_reported: bool = True,
        amf_ue_ngap_id: int | None = None,
        ran_ue_ngap_id: int | None = None,
    ) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail
        self.procedure_code = procedure_code
        self.triggering = triggering
        self.is_reported = is_reported
        self.amf_ue_ngap_id = amf_ue_ngap_id
        self.ran_ue_ngap_id = ran_ue_ngap_id
