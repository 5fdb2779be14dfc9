#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scapy 2.8.0 (PyPI), scapy.contrib.diameter: a message that is read, changed and sent.
#
# An AVP is padded to a multiple of four octets (RFC 6733, clause 4.1). Expected: a value that is replaced by one of the same length changes
# these octets, and no others. Seen: the padding that was read is kept as a "Raw" inside of the AVP, and another one is put behind it. The
# receiver takes the second one for the next AVP, and reads on from the wrong octet; the length of the message is the old one, so that the
# end is cut off. Values of a multiple of four octets go well, and so does what is not changed, or made by scapy itself. No error.
# Remove the payload of an AVP that was read, with remove_payload(), before it is changed.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check scapy==2.8.0
"$scratch/venv/bin/python" - <<'PYTHON'
import struct

from scapy.contrib.diameter import DiamG

HEADER = struct.pack(">III", 316, 16777251, 7) + struct.pack(">I", 8)
RESULT = struct.pack(">III", 268, 0x40 << 24 | 12, 2001)


def expect(what, seen, expected):
    print(f"{what}: {seen.hex()}")
    assert seen == expected, f"it was {expected.hex()}"


def host(value, more=b""):
    """Origin-Host with its padding."""
    return struct.pack(">II", 264, 0x40 << 24 | 8 + len(value)) + value + bytes(-len(value) % 4) + more


def message(*avps, length=None):
    body = b"".join(avps)
    return struct.pack(">I", 1 << 24 | (length or 20 + len(body))) + HEADER + body


def changed(octets, value, remove=False):
    packet = DiamG(octets)
    avp = packet.avpList[0]
    if remove:
        avp.remove_payload()
    avp.val = value
    return bytes(packet)


even = message(host(b"amf1"), RESULT)
odd = message(host(b"amf12"), RESULT)
expect("read and sent", bytes(DiamG(odd)), odd)
expect("4 octets, changed", changed(even, b"amf2"), message(host(b"amf2"), RESULT))
expect("5 octets, changed", changed(odd, b"amf22"), message(host(b"amf22", bytes(3)), RESULT, length=len(odd)))
expect("5 octets, payload removed", changed(odd, b"amf22", remove=True), message(host(b"amf22"), RESULT))
PYTHON
