#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bromelia 0.3.1 (PyPI), a framework for Diameter applications: the flags of AVPs.
#
# - The flag M says that the receiver must understand the AVP (RFC 6733, clause 4.1); of some AVPs, User-Equipment-Info for one, it is the
#   sender's choice (RFC 4006, clause 8). Expected: flags are read, and a message that is read and written again is the same. Seen: an AVP that
#   the library knows gets the flags of its class; those that were received are gone, for the program as well. Of unknown AVPs they stay.
#   An agent that passes messages on so changes what a receiver may ignore.
# - Experimental-Result (code 297) has M (clause 4.5). Seen: it is sent without, and so is one that was received with it. Answers of 3GPP's
#   applications have their result there.
# No error in either case.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check bromelia==0.3.1
"$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import struct

from bromelia.avps import ExperimentalResultAVP, ExperimentalResultCodeAVP, VendorIdAVP
from bromelia.base import DiameterMessage

M, P = 0x40, 0x20


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def avp(code, flags, value):
    return struct.pack(">II", code, flags << 24 | 8 + len(value)) + value + bytes(-len(value) % 4)


def again(code, flags, value):
    """The flags of an AVP after its message was read and written again."""
    one = avp(code, flags, value)
    octets = struct.pack(">IIIII", 1 << 24 | 20 + len(one), M << 24 | 316, 16777251, 7, 8) + one
    [message] = DiameterMessage.load(octets)
    [read] = message.avps
    written = message.dump()
    assert len(written) == len(octets)
    assert read.flags == written[24:25]
    return written[24]


equipment = avp(459, 0, bytes(4)) + avp(460, 0, b"3512345678901234")
experimental = avp(266, M, (10415).to_bytes(4, "big")) + avp(298, M, (5001).to_bytes(4, "big"))
for what, code, flags, value, expected in (
    ("Origin-Host with M", 264, M, b"amf1", M),
    ("User-Equipment-Info with M", 458, M, equipment, M),
    ("User-Equipment-Info without", 458, 0, equipment, M),
    ("an unknown one without", 9999, 0, b"some", 0),
    ("an unknown one with M and P", 9999, M | P, b"some", M | P),
    ("Experimental-Result with M", 297, M, experimental, 0),
):
    expect(what, again(code, flags, value), expected)

made = ExperimentalResultAVP([VendorIdAVP(10415), ExperimentalResultCodeAVP(5001)])
expect("Experimental-Result that is made", made.dump(), avp(297, 0, experimental))
PYTHON
