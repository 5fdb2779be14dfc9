#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pypacker 5.4 (PyPI), a library that reads and writes packets: SCTP.
#
# - Several chunks in one packet (RFC 9260, clause 6.10). Expected: two DATA chunks are two messages. Seen: the first one alone is read; the
#   second, with its header, is the packet's padding. No error.
# - Any chunk other than DATA. Expected: it is read. Seen: a packet with an INIT, an INIT ACK, a HEARTBEAT or a SACK alone is refused with "Not
#   enough bytes", because the length of a chunk is counted twice.
# - A packet that is changed (another port) gets a new checksum. Expected: one over the whole packet, with all padding (clause 6.8). Seen:
#   it is right where the message is a multiple of four octets. Else it leaves out as many octets of the message as there is padding, and the
#   padding itself; a receiver drops such a packet.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pypacker==5.4
"$scratch/venv/bin/python" - <<'PYTHON'
import struct

from pypacker.layer4 import sctp
from pypacker.pypacker import NotEnoughBytesException


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _bit in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def chunk(kind, flags, content):
    length = 4 + len(content)
    return struct.pack(">BBH", kind, flags, length) + content + bytes(-length % 4)


def data(tsn, message):
    return chunk(sctp.DATA, 3, struct.pack(">IHHI", tsn, 1, tsn, 60) + message)


def packet(*chunks):
    return sctp.SCTP(struct.pack(">HHII", 38412, 38412, 1, 0) + b"".join(chunks))


def checksum_is_right(message):
    changed = packet(data(0, message))
    changed.dport = 38413
    octets = changed.bin()
    return octets[8:12] == crc32c(octets[:8] + bytes(4) + octets[12:])


def outcome(*chunks):
    try:
        return [one.type for one in packet(*chunks).chunks]
    except NotEnoughBytesException as error:
        return type(error).__name__


alone = packet(data(0, b"NGAP"))
expect("one message", (len(alone.chunks), alone.body_bytes, alone.padding), (1, b"NGAP", b""))
two = packet(data(0, b"NGAP"), data(1, b"more"))
expect("two messages", (len(two.chunks), two.body_bytes, two.padding), (1, b"NGAP", data(1, b"more")))

expect("DATA", outcome(data(0, b"NGAP")), [sctp.DATA])
init = struct.pack(">IIHHI", 1, 65536, 10, 10, 1)
for name, kind, content in (("INIT", 1, init), ("INIT ACK", 2, init), ("SACK", 3, bytes(12)), ("HEARTBEAT", 4, b"\0\1\0\x08abcd")):
    expect(name, outcome(chunk(kind, 0, content)), "NotEnoughBytesException")

for message, right in ((b"NGAP", True), (b"NGAP1", False), (b"NGAP12", False), (b"NGAP1234", True)):
    expect(f"checksum of {len(message)} octets is right", checksum_is_right(message), right)
PYTHON
