# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pycrate's NGAP, the oracle of our codec. Its objects are module-wide, and a failed decode leaves the value before."""

from __future__ import annotations

from typing import Any

from pycrate_asn1dir import NGAP
from pycrate_core.charpy import Charpy

PDU = NGAP.NGAP_PDU_Descriptions.NGAP_PDU


def _leave_transfers_encoded() -> None:
    """pycrate decodes what an OCTET STRING is said to contain, and fails the whole message for it."""
    for asn1 in vars(NGAP.NGAP_IEs).values():
        item = getattr(asn1, "_cont", None)
        if getattr(asn1, "TYPE", "") == "SEQUENCE" and item is not None:
            for component in item.values():
                if component.TYPE == "OCTET STRING":
                    component._const_cont = None


_leave_transfers_encoded()


def read(asn1: Any, data: bytes) -> Any:
    """The value, or None for what pycrate refuses or leaves a rest of."""
    unread = Charpy(data)
    try:
        asn1.from_aper(unread)
    except Exception:
        return None
    return None if unread.len_bit() else asn1.get_val()


def write(asn1: Any, value: Any) -> bytes:
    asn1.set_val(value)
    return bytes(asn1.to_aper())


def ie(name: str) -> Any:
    return getattr(NGAP.NGAP_IEs, name.replace("-", "_"))
