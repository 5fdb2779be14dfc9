#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scapy 2.8.0 (PyPI), scapy.contrib.gtp: the PDU session container of GTP-U on N3 and N9.
#
# TS 29.281, clause 5.2.1: the type of the next extension header is the last octet of an extension header, whose length is its
# first; padding lies before it (TS 38.415, clause 5.5.3.4), and content of a later release as well, which the receiver skips.
# Expected: a G-PDU with such a header is decoded, or refused. Seen: no error; scapy does not look at the length and takes the
# octet behind the fields it knows for the next type, and the padding from behind it. A paging policy indicator alone goes
# well, as all these octets are zero. With another extension header behind it the packet of the user is lost in "PPP" or
# "Raw", and so is it behind a container with content that scapy does not know. What it builds in the first case says length 1
# for 8 octets, with its padding at the end of the packet.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check scapy==2.8.0
"$scratch/venv/bin/python" - <<'PYTHON' 2>/dev/null
import struct

from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.layers.inet import ICMP, IP

USER = bytes(IP(src="198.51.100.1", dst="198.51.100.2") / ICMP())
LONG_PDCP_PDU_NUMBER = "02" "000003000000" "00"


def layers(headers):
    """Names of the layers that scapy finds in a G-PDU with these extension headers, and the container."""
    body = bytes.fromhex("00000085" + headers) + USER
    packet = GTP_U_Header(bytes.fromhex("34ff") + struct.pack(">HI", len(body), 1) + body)
    return [layer.__name__ for layer in packet.layers()][2:], packet[GTPPDUSessionContainer]


plain, container = layers("02" "00" "85" "20" "000000" "00")
print("paging policy indicator:", plain)
assert plain == ["IP", "ICMP"] and container.QFI == 5 and container.PPI == 1

chained, container = layers("02" "00" "85" "20" "000000" "82" + LONG_PDCP_PDU_NUMBER)
print("and a Long PDCP PDU Number:", chained, "next type", container.NextExtHdr, "padding", container.padding.hex())
assert "IP" not in chained and container.NextExtHdr == 0 and container.padding.hex() == "000082"

longer, container = layers("02" "00" "05" "aabbccdd" "00")
print("four octets of a later release:", longer, "next type", container.NextExtHdr)
assert "IP" not in longer and container.NextExtHdr == 0xAA

built = GTPPDUSessionContainer(type=0, PPP=1, PPI=1, QFI=5, NextExtHdr=0x82) / bytes.fromhex(LONG_PDCP_PDU_NUMBER)
print("built:", bytes(built).hex())
assert bytes(built).hex() == "01" "00" "85" "20" "82" + LONG_PDCP_PDU_NUMBER + "000000"
PYTHON
