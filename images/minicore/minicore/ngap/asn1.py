# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASN.1 of TS 38.413 by pycrate.

pycrate's objects are module-wide: a value is set and encoded, or decoded and taken, without an await between.
"""

from __future__ import annotations

import logging
from typing import Any

from pycrate_asn1dir import NGAP
from pycrate_asn1rt.err import ASN1Err
from pycrate_core.charpy import Charpy, CharpyErr

from .errors import TRANSFER_SYNTAX_ERROR, NgapError

_FAULTS = (
    ASN1Err,
    CharpyErr,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    AssertionError,
)
"""What pycrate raises for values that do not encode and bytes that do not decode: it has no common base."""

# pycrate logs a line for each IE that it does not know.
logging.getLogger("pycrate").setLevel(logging.WARNING)

PDU = NGAP.NGAP_PDU_Descriptions.NGAP_PDU


def _leave_transfers_encoded() -> None:
    """Have the transfers in PDU session lists stay OCTET STRINGs.

    pycrate decodes what an OCTET STRING is said to contain, and fails the whole message for it. The AMF relays the
    transfers unread; the SMF and the gNB decode them one by one.
    """
    for asn1 in vars(NGAP.NGAP_IEs).values():
        item = getattr(asn1, "_cont", None)
        if getattr(asn1, "TYPE", "") == "SEQUENCE" and item is not None:
            for component in item.values():
                if component.TYPE == "OCTET STRING":
                    component._const_cont = None


_leave_transfers_encoded()


def transfer(name: str) -> Any:
    """The ASN.1 object of a transfer, an OCTET STRING's content of its own."""
    return getattr(NGAP.NGAP_IEs, name)


def write(asn1: Any, value: Any) -> bytes:
    """Encode; raise ValueError for a value that the ASN.1 does not have."""
    try:
        asn1.set_val(value)
        return bytes(asn1.to_aper())
    except _FAULTS as error:
        raise ValueError(f"{asn1._name}: {error}") from error


def read(asn1: Any, data: bytes) -> Any:
    """Decode; raise NgapError with transfer-syntax-error, also for bytes after the end."""
    unread = Charpy(data)
    try:
        asn1.from_aper(unread)
        value = asn1.get_val()
    except (*_FAULTS, RecursionError, MemoryError) as error:
        raise NgapError(TRANSFER_SYNTAX_ERROR, f"{asn1._name}: {error}") from error
    if unread.len_bit():
        raise NgapError(TRANSFER_SYNTAX_ERROR, f"{asn1._name}: {unread.len_bit()} bits after its end")
    return value
