# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a relay and an error report need of a PDU, read without decoding the rest.

Aligned PER of NGAP-PDU (TS 38.413 clause 9.4.2, X.691): choice, procedure code, criticality, open type; in it a
sequence with an extension bit, the number of IEs in two octets, then id, criticality and open type of each.
"""

from __future__ import annotations

from dataclasses import dataclass

AMF_UE_NGAP_ID, RAN_UE_NGAP_ID = 10, 85
SOURCE_AMF_UE_NGAP_ID, UE_NGAP_IDS, FIVE_G_S_TMSI, GUAMI = 100, 114, 26, 28


@dataclass(frozen=True, slots=True)
class Peek:
    """Head of a PDU and its IEs, each still encoded."""

    outcome: int
    """0 initiating message, 1 successful, 2 unsuccessful outcome."""
    procedure_code: int
    ies: dict[int, bytes]
    """By id; only those before the first that is damaged."""

    @property
    def amf_ue_ngap_id(self) -> int | None:
        for number in (AMF_UE_NGAP_ID, SOURCE_AMF_UE_NGAP_ID):
            if number in self.ies:
                return _integer(self.ies[number], 5, 5)
        if UE_NGAP_IDS in self.ies:
            return _of_ue_ngap_ids(self.ies[UE_NGAP_IDS])
        return None

    @property
    def ran_ue_ngap_id(self) -> int | None:
        return _integer(self.ies[RAN_UE_NGAP_ID], 6, 4) if RAN_UE_NGAP_ID in self.ies else None

    @property
    def amf_set_and_pointer(self) -> tuple[int, int] | None:
        """Of the 5G-S-TMSI (TS 38.413 clause 9.3.3.20): extension bit, option bit, 10 bits, 6 bits."""
        data = self.ies.get(FIVE_G_S_TMSI)
        if data is None or len(data) < 3:
            return None
        bits = int.from_bytes(data[:3], "big") >> 6 & 0xFFFF
        return bits >> 6, bits & 0x3F


def peek(data: bytes) -> Peek | None:
    """None for what has not even the head of a PDU. Never raises."""
    if len(data) < 4 or data[0] >= 0x60:
        return None
    found = Peek(data[0] >> 5, data[1], {})
    try:
        position, end = _open_type(data, 3)
        position += 1
        count = int.from_bytes(data[position : position + 2], "big")
        position += 2
        for _ in range(count):
            number = int.from_bytes(data[position : position + 2], "big")
            start, after = _open_type(data, position + 3)
            if after > end:
                break
            found.ies.setdefault(number, data[start:after])
            position = after
    except IndexError:
        pass
    return found


def _open_type(data: bytes, position: int) -> tuple[int, int]:
    """Begin and end of the content; IndexError where the length is not in `data` or fragmented (over 16383 octets)."""
    first = data[position]
    if first < 0x80:
        return position + 1, position + 1 + first
    if first >= 0xC0:
        raise IndexError("fragmented")
    return position + 2, position + 2 + ((first & 0x3F) << 8 | data[position + 1])


def _integer(data: bytes, length_bits_end: int, largest: int) -> int | None:
    """INTEGER of a range above 64K: number of octets less one in the first bits, aligned; then the octets."""
    if not data:
        return None
    length = (data[0] >> length_bits_end) + 1
    if length > largest or len(data) < 1 + length:
        return None
    return int.from_bytes(data[1 : 1 + length], "big")


def _of_ue_ngap_ids(data: bytes) -> int | None:
    """CHOICE of two and an extension, in 2 bits; the pair's SEQUENCE adds an extension and an option bit."""
    if not data:
        return None
    alternative, used = data[0] >> 6, 2
    if alternative == 0:
        used = 4
    elif alternative != 1:
        return None
    length = (data[0] >> (8 - used - 3) & 7) + 1
    if length > 5 or len(data) < 1 + length:
        return None
    return int.from_bytes(data[1 : 1 + length], "big")
