#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scapy 2.8.0 (PyPI), scapy.layers.sctp: what stands behind a parameter or a chunk that scapy does not know.
#
# RFC 9260, clauses 3.2 and 3.2.1: each parameter and each chunk says its length, and the receiver skips by it what it does not know.
# Expected: an unknown one is "Raw", and the next is decoded. Seen: "Raw" takes all that follows, without an error.
# - An INIT ACK with the parameter of RFC 9653 (zero checksum, 0x8001), which current stacks send, has no State Cookie any more if the
#   parameter stands before it, and no addresses of a multi-homed peer.
# - Behind a chunk of a type that is to be skipped the DATA of the same packet, that is the NGAP message, is gone.
# - The parameters 13 to 18 of RE-CONFIG (RFC 6525) are unknown as well: scapy has a class for each, and looks for it by another name.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check scapy==2.8.0
"$scratch/venv/bin/python" - <<'PYTHON' 2>/dev/null
import struct

from scapy.layers.sctp import SCTP, SCTPChunkInitAck, SCTPChunkParamSSNTSNResetReq, SCTPChunkReConfig

HEADER = struct.pack(">HHII", 38412, 38412, 1, 0)
INIT_ACK, DATA, UNKNOWN = 2, 0, 0xBF  # the upper bits 10: skip it, and go on
ADDRESS = bytes.fromhex("0005" "0008" "c0000201")
COOKIE = bytes.fromhex("0007" "0008") + b"abcd"
ZERO_CHECKSUM = bytes.fromhex("8001" "0008" "00000001")


def chunk(kind, flags, body):
    return struct.pack(">BBH", kind, flags, 4 + len(body)) + body


def names(packets):
    return [type(packet).__name__.removeprefix("SCTPChunk") for packet in packets]


def parameters(*content):
    body = struct.pack(">IIHHI", 1, 65536, 1, 1, 1) + b"".join(content)
    return names(SCTP(HEADER + chunk(INIT_ACK, 0, body))[SCTPChunkInitAck].params)


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


expect("INIT ACK", parameters(ADDRESS, COOKIE), ["ParamIPv4Addr", "ParamStateCookie"])
expect("INIT ACK, zero checksum last", parameters(ADDRESS, COOKIE, ZERO_CHECKSUM), ["ParamIPv4Addr", "ParamStateCookie", "Raw"])
expect("INIT ACK, zero checksum first", parameters(ZERO_CHECKSUM, ADDRESS, COOKIE), ["Raw"])

data = chunk(DATA, 3, struct.pack(">IHHI", 1, 0, 0, 60) + b"NGAP")
for what, octets, expected in (
    ("DATA twice", data + data, ["SCTP", "Data", "Data"]),
    ("unknown chunk, DATA", chunk(UNKNOWN, 0, bytes(4)) + data, ["SCTP", "Raw"]),
):
    packet = SCTP(HEADER + octets)
    expect(what, [layer.__name__.removeprefix("SCTPChunk") for layer in packet.layers()], expected)

built = bytes(SCTP() / SCTPChunkReConfig(params=[SCTPChunkParamSSNTSNResetReq(re_conf_req_seq_num=7)]))
expect("RE-CONFIG as scapy builds it", names(SCTP(built)[SCTPChunkReConfig].params), ["Raw"])
PYTHON
