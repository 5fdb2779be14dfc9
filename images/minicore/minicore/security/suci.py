# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SUPI and SUCI as text, null scheme (TS 23.003 clauses 2.2A and 2.2B, TS 29.503 clause 6.1.6.3)."""

from __future__ import annotations

import re

_IMSI = re.compile(r"imsi-([0-9]{6,15})")
_SUCI = re.compile(r"suci-0-([0-9]{3})-([0-9]{2,3})-([0-9]{1,4})-0-0-([0-9]{1,10})")


def suci_of(supi: str, mnc_length: int = 2, routing_indicator: str = "0") -> str:
    """The SUCI of an IMSI by the null scheme. Raises ValueError for any other SUPI."""
    match = _IMSI.fullmatch(supi)
    if match is None or len(match[1]) <= 3 + mnc_length:
        raise ValueError(f"{supi!r} is no SUPI of the form imsi-DIGITS")
    mcc, mnc, msin = match[1][:3], match[1][3 : 3 + mnc_length], match[1][3 + mnc_length :]
    return f"suci-0-{mcc}-{mnc}-{routing_indicator}-0-0-{msin}"


def supi_of_suci(suci: str) -> str:
    """The SUPI that a SUCI of the null scheme holds. Raises ValueError for any other SUCI."""
    match = _SUCI.fullmatch(suci)
    if match is None:
        raise ValueError(f"{suci!r} is no SUCI of an IMSI by the null scheme")
    return f"imsi-{match[1]}{match[2]}{match[4]}"
