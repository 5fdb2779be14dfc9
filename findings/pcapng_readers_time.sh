#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dpkt 1.9.8, scapy 2.8.0 and python-pcapng 2.1.1 (PyPI): the times of packets in a pcapng file of two interfaces, for example where
# N2 was captured in microseconds and N3 in nanoseconds.
#
# Each interface has a resolution of its own, if_tsresol, and an offset in seconds that is added, if_tsoffset (draft-ietf-opsawg-pcapng,
# clause 4.2). Expected: all three read the same times. Seen, without an error:
# - dpkt takes resolution and offset of the first interface for all packets: those of the second one are in the year 57998. It does
#   not tell which interface a packet came from either, nor that there are two.
# - scapy and python-pcapng know if_tsresol and leave if_tsoffset out: packets of an interface with an offset are decades too early.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dpkt==1.9.8 scapy==2.8.0 python-pcapng==2.1.1
venv/bin/python - <<'PYTHON'
import struct
from pathlib import Path

import dpkt
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket
from scapy.utils import PcapNgReader

SENT = 1_768_089_600  # 11 January 2026
OFFSET = 1_700_000_000
IF_TSRESOL, IF_TSOFFSET = 9, 14


def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def interface(**options):
    codes = {"resolution": (IF_TSRESOL, "<B"), "offset": (IF_TSOFFSET, "<q")}
    body = struct.pack("<HHI", 1, 0, 65535)
    for name, value in options.items():
        code, layout = codes[name]
        content = struct.pack(layout, value)
        body += struct.pack("<HH", code, len(content)) + content.ljust((len(content) + 3) // 4 * 4, b"\0")
    return block(1, body + struct.pack("<HH", 0, 0))


def packet(number, units):
    frame = bytes(60)
    return block(6, struct.pack("<IIIII", number, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame)) + frame)


def times(*blocks):
    path = Path("capture.pcapng")
    path.write_bytes(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + b"".join(blocks))
    with path.open("rb") as file:
        by_dpkt = [int(time) for time, _ in dpkt.pcapng.Reader(file)]
    with path.open("rb") as file:
        by_pcapng = [int(one.timestamp) for one in FileScanner(file) if isinstance(one, EnhancedPacket)]
    with PcapNgReader(str(path)) as reader:
        by_scapy = [int(one.time) for one in reader]
    return by_dpkt, by_scapy, by_pcapng


def expect(what, seen, expected):
    print(f"{what}: dpkt {seen[0]}, scapy {seen[1]}, python-pcapng {seen[2]}")
    assert seen == expected, f"it was {expected}"


micro, nano = interface(resolution=6), interface(resolution=9)
expect("one interface", times(nano, packet(0, SENT * 10**9)), ([SENT],) * 3)
two = times(micro, nano, packet(0, SENT * 10**6), packet(1, SENT * 10**9))
expect("two interfaces", two, ([SENT, SENT * 1000], [SENT] * 2, [SENT] * 2))
shifted = times(interface(resolution=6, offset=OFFSET), packet(0, (SENT - OFFSET) * 10**6))
expect("an offset", shifted, ([SENT], [SENT - OFFSET], [SENT - OFFSET]))
PYTHON
