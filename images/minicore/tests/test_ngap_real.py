# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGAP messages that other implementations sent, as the tests of public projects hold them (Open5GS, srsRAN)."""

from __future__ import annotations

import pytest
from minicore.ngap import Cause, decode, encode
from minicore.ngap import messages as m
from minicore.ngap.values import (
    GlobalGnbId,
    Guami,
    PlmnSupport,
    SecurityCapabilities,
    Snssai,
    SupportedTa,
    UeIds,
)

SLICE = (Snssai(1),)
NAS = bytes.fromhex("7e02cf5b405e017e0042010177000bf200f110020040dd00b06454072000f11000000715020101210201005e0129")

SAME = {
    "00150033000004001b00080000f1100000066c0052400a0380747374676e62303100"
    "66000d00000000070000f110000000080015400160": m.NgSetupRequest(
        GlobalGnbId("00101", 411), (SupportedTa(7, (PlmnSupport("00101", SLICE),)),), "tstgnb01", "v256"
    ),
    "00140013000002000f400200c000580006400160010001": m.NgReset(
        (UeIds(1, 1),), Cause("radioNetwork", "release-due-to-ngran-generated-reason")
    ),
}
"""What we write for the message is what was sent."""

READ = {
    # Extended RAN node name and masked IMEISV have criticality ignore, and are.
    "00150042000005001b00090009f10728000800000052400b0400354720674e422d43550066000d00"
    "000000010009f10700000008001540010001114009403035484c41423032": m.NgSetupRequest(
        GlobalGnbId("90170", 16384, 27), (SupportedTa(1, (PlmnSupport("90170", SLICE),)),), "5G gNB-CU", "v32"
    ),
    "000e008090000008000a0002000c005500020000001c00070000f11002004000000002000100"
    "77000918000c000000000000005e002050636e38151d62356d9a1a0c9f2391885177307ad4"
    "94be15281dfe5fdac06302002240080123456700ffff010026402f2e7e02cf5b405e017e00"
    "42010177000bf200f110020040dd00b06454072000f11000000715020101210201005e0129": m.InitialContextSetupRequest(
        12,
        0,
        Guami("00101", 2, 1, 0),
        SLICE,
        SecurityCapabilities(0xC000, 0xC000),
        bytes.fromhex("50636e38151d62356d9a1a0c9f2391885177307ad494be15281dfe5fdac06302"),
        nas=NAS,
    ),
}


@pytest.mark.parametrize(("data", "message"), [*SAME.items(), *READ.items()], ids=range(4))
def test_others_are_read(data: str, message: m.Message) -> None:
    assert decode(bytes.fromhex(data)) == message


@pytest.mark.parametrize(("data", "message"), SAME.items(), ids=range(2))
def test_the_same_is_written(data: str, message: m.Message) -> None:
    assert encode(message).hex() == data
