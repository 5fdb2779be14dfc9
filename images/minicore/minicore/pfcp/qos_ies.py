# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Information elements of QoS enforcement and usage reporting (TS 29.244 clauses 5.2.2, 5.4 and 8.2)."""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple

from .codec import Ie, IeType
from .ies import octets


class ReportType(IntFlag):
    """Clause 8.2.21."""

    DOWNLINK_DATA = 1
    USAGE = 2
    ERROR_INDICATION = 4


class Trigger(IntFlag):
    """Reporting Triggers and Usage Report Trigger, which agree in these (clauses 8.2.19 and 8.2.41).

    The first octet is the lower one.
    """

    PERIODIC = 0x0001
    VOLUME_THRESHOLD = 0x0002
    TIME_THRESHOLD = 0x0004
    IMMEDIATE = 0x0080
    VOLUME_QUOTA = 0x0100
    TIME_QUOTA = 0x0200
    TERMINATION = 0x0800


class Method(IntFlag):
    """Measurement Method (clause 8.2.40)."""

    DURATION = 1
    VOLUME = 2


class Volume(NamedTuple):
    """Octets; None is not measured, or without a limit."""

    total: int | None = None
    uplink: int | None = None
    downlink: int | None = None


class BitRates(NamedTuple):
    """Kilobits a second (clause 8.2.8)."""

    uplink: int
    downlink: int


def trigger(kind: IeType, value: Trigger) -> Ie:
    return Ie(kind, value.to_bytes(2, "little"))


def read_trigger(ie: Ie) -> Trigger:
    """Triggers that are not known here are left out."""
    value = int.from_bytes(octets(ie, 2)[:2], "little")
    return Trigger(value & sum(Trigger))


def volume(kind: IeType, value: Volume) -> Ie:
    """Volume Threshold, Quota or Measurement (clauses 8.2.13, 8.2.50 and 8.2.44)."""
    flags = sum(1 << place for place, amount in enumerate(value) if amount is not None)
    amounts = (amount.to_bytes(8, "big") for amount in value if amount is not None)
    return Ie(kind, bytes((flags,)) + b"".join(amounts))


def read_volume(ie: Ie) -> Volume:
    flags = octets(ie, 1)[0]
    amounts: list[int | None] = []
    offset = 1
    for place in range(3):
        if flags >> place & 1:
            amounts.append(int.from_bytes(octets(ie, offset + 8)[offset : offset + 8], "big"))
            offset += 8
        else:
            amounts.append(None)
    return Volume(*amounts)


def mbr(rates: BitRates) -> Ie:
    return Ie(IeType.MBR, rates.uplink.to_bytes(5, "big") + rates.downlink.to_bytes(5, "big"))


def read_mbr(ie: Ie) -> BitRates:
    value = octets(ie, 10)
    return BitRates(int.from_bytes(value[:5], "big"), int.from_bytes(value[5:10], "big"))


def gate_status(uplink_open: bool, downlink_open: bool) -> Ie:
    """Clause 8.2.7: 1 is closed."""
    return Ie(IeType.GATE_STATUS, bytes(((not uplink_open) << 2 | (not downlink_open),)))


def read_gate_status(ie: Ie) -> tuple[bool, bool]:
    """Whether the gate is open uplink, and downlink."""
    value = octets(ie, 1)[0]
    return value >> 2 & 3 == 0, value & 3 == 0
