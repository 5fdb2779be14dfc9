# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S-NSSAIs in settings and in JSON; in between they are the value of NGAP (TS 23.003 clause 28.4)."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from ..nas.slice import RejectedSlice, SNssai
from ..ngap.values import Snssai

NOT_IN_PLMN = 0
"""Cause value of a rejected S-NSSAI (TS 24.501 table 9.11.3.46.1)."""
REJECTED_MAX = 8
"""S-NSSAIs in a rejected NSSAI."""


def parse(text: str) -> Snssai:
    """From `SST` or `SST-SD`; ValueError when it is neither."""
    sst, _, sd = text.partition("-")
    if sd and (len(sd) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in sd)):
        raise ValueError(f"{text!r}: SD is not six hexadecimal digits")
    if not (sst.isascii() and sst.isdigit() and int(sst) < 256):
        raise ValueError(f"{text!r}: SST is not a number below 256")
    return Snssai(int(sst), sd.lower())


def from_json(value: Any) -> Snssai:
    """From Snssai of TS 29.571 clause 5.4.4.2; ValueError when it is none."""
    try:
        return Snssai(int(value["sst"]), str(value.get("sd", "")).lower())
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{value!r} is not an S-NSSAI") from error


def to_json(snssai: Snssai) -> dict[str, Any]:
    return {"sst": snssai.sst, "sd": snssai.sd} if snssai.sd else {"sst": snssai.sst}


def to_text(snssai: Snssai) -> str:
    """As a setting has it, for logs and digests."""
    return f"{snssai.sst}-{snssai.sd}" if snssai.sd else str(snssai.sst)


def one_from_nas(snssai: SNssai | None) -> Snssai | None:
    return None if snssai is None else Snssai(snssai.sst, snssai.sd or "")


def from_nas(nssai: Iterable[SNssai] | None) -> tuple[Snssai, ...]:
    return tuple(Snssai(snssai.sst, snssai.sd or "") for snssai in nssai or ())


def to_nas(nssai: Iterable[Snssai]) -> tuple[SNssai, ...]:
    return tuple(SNssai(snssai.sst, snssai.sd or None) for snssai in nssai)


def rejected(requested: Iterable[SNssai] | None, allowed: Container[Snssai]) -> tuple[RejectedSlice, ...] | None:
    """What the UE asked for and does not get, as not available in this PLMN (TS 24.501 clause 9.11.3.46)."""
    refused = [snssai for snssai in requested or () if one_from_nas(snssai) not in allowed]
    return tuple(RejectedSlice(SNssai(snssai.sst, snssai.sd), NOT_IN_PLMN) for snssai in refused[:REJECTED_MAX]) or None
