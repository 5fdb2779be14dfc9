#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dpkt 1.9.8 and pypacker 5.4 (PyPI), libraries for captures: the AVPs of a Diameter message.
#
# An AVP begins at a multiple of four octets. Its length does not count the padding before the next one, and counts the vendor, which is
# there if the flag V is set (RFC 6733, clauses 4 and 4.1). Expected: code, vendor and value of each AVP. Seen, without an error:
# - dpkt does not know padding. What follows a value of five octets is read from its padding on: the Origin-Realm and the Result-Code become one
#   AVP with the code 0 and a length of 75840. Where the values are multiples of four, as in dpkt's own tests, all is right.
# - pypacker leaves the vendor and the padding in the value: "amf12" is read as "amf12\0\0\0", an IMSI as four octets of vendor, and then the
#   IMSI. No field has the vendor, though AVP has the property vendor_flag.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check dpkt==1.9.8 pypacker==5.4
"$scratch/venv/bin/python" - <<'PYTHON'
import struct

import dpkt
from pypacker.layer567 import diameter

ORIGIN_HOST, ORIGIN_REALM, RESULT_CODE, IMSI = 264, 296, 268, 1
SUCCESS = (2001).to_bytes(4, "big")
VENDOR = (10415).to_bytes(4, "big")


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def avp(code, value, vendor=b""):
    length = 8 + len(vendor) + len(value)
    head = struct.pack(">II", code, (0xC0 if vendor else 0x40) << 24 | length)
    return head + vendor + value + bytes(-length % 4)


def message(*avps):
    body = b"".join(avps)
    return struct.pack(">IIIII", 1 << 24 | 20 + len(body), 316, 16777251, 7, 8) + body


def of_dpkt(octets):
    return [(one.code, one.len, bytes(one.data)) for one in dpkt.diameter.Diameter(octets).avps]


def of_pypacker(octets):
    return [(one.code, int.from_bytes(one.len, "big"), one.body_bytes) for one in diameter.Diameter(octets).avps]


behind = (avp(ORIGIN_REALM, b"epc1"), avp(RESULT_CODE, SUCCESS))
read = [(ORIGIN_REALM, 12, b"epc1"), (RESULT_CODE, 12, SUCCESS)]
even = message(avp(ORIGIN_HOST, b"amf1"), *behind)
odd = message(avp(ORIGIN_HOST, b"amf12"), *behind)
imsi = message(avp(IMSI, b"001011234567", VENDOR), *behind)

for name, parse in (("dpkt", of_dpkt), ("pypacker", of_pypacker)):
    expect(f"{name}, 4 octets", parse(even), [(ORIGIN_HOST, 12, b"amf1"), *read])
expect("dpkt, 5 octets", of_dpkt(odd), [(ORIGIN_HOST, 13, b"amf12"), (0, 75840, (avp(ORIGIN_REALM, b"epc1")[5:] + behind[1]))])
expect("pypacker, 5 octets", of_pypacker(odd), [(ORIGIN_HOST, 13, b"amf12\0\0\0"), *read])
expect("dpkt, vendor", of_dpkt(imsi), [(IMSI, 24, b"001011234567"), *read])
expect("pypacker, vendor", of_pypacker(imsi), [(IMSI, 24, VENDOR + b"001011234567"), *read])
PYTHON
