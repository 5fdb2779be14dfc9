#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scapy 2.8.0 (PyPI), scapy.contrib.gtp_v2: IEs of GTPv2-C (TS 29.274), as between a UPF's control side and an EPC, and what stands behind them.
#
# - A network with an MNC of three digits (clause 8.18): the third digit stands beside the last one of the MCC. Expected: 999 and 410. Seen, in
#   Serving Network and in each part of User Location Information: MCC "9990" and MNC "41". Two digits are right.
# - Each IE has a length, by which a receiver goes on to the next one. Seen: "Raw" takes all that follows a GUTI, a Trace Reference, a Delay
#   Value or a Traffic Aggregate Description, which scapy names and has no class for. A type that it has never heard of is skipped well.
#   So it is with User Location Information with a macro eNodeB, and with an FQ-CSID of two CSIDs.
# - Indication grows with each release (clause 8.12). Seen: a ninth octet is taken for the type of the next IE: a 1 there is an
#   IMSI that nobody has sent.
# No error in any case.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check scapy==2.8.0
"$scratch/venv/bin/python" - <<'PYTHON'
from scapy.contrib import gtp_v2

SERVING_NETWORK, LOCATION, RECOVERY = 83, 86, 3


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def element(kind, content):
    octets = bytes.fromhex(content)
    return bytes([kind]) + len(octets).to_bytes(2, "big") + b"\0" + octets


def read(*elements):
    """The IEs of a Create Session Request as scapy reads them."""
    body = b"".join(elements)
    header = b"\x48\x20" + (8 + len(body)).to_bytes(2, "big") + bytes([0, 0, 0, 1, 0, 0, 7, 0])
    return gtp_v2.GTPHeader(header + body)[gtp_v2.GTPV2CreateSessionRequest].IE_list


for name, octets, networks in (
    ("001-01", "00f110", (b"001", b"01")),
    ("999-410", "990914", (b"9990", b"41")),
):
    [serving, location] = read(element(SERVING_NETWORK, octets), element(LOCATION, f"08{octets}0001"))
    expect(f"serving network {name}", (serving.MCC, serving.MNC), networks)
    expect(f"tracking area of {name}", (location.TAI.MCC, location.TAI.MNC), networks)

recovery = element(RECOVERY, "2a")
for name, kind, content, kinds in (
    ("an unknown type", 250, "616263", ["IE_NotImplementedTLV", "IE_RecoveryRestart"]),
    ("GUTI", 117, "00f11000010200000003", ["Raw"]),
    ("Trace Reference", 115, "00f110123456", ["Raw"]),
    ("Delay Value", 92, "02", ["Raw"]),
    ("Traffic Aggregate Description", 85, "2100", ["Raw"]),
    ("location with a cell", LOCATION, "1000f1100abcdef1", ["IE_ULI", "IE_RecoveryRestart"]),
    ("location with a macro eNodeB", LOCATION, "4000f1100abcde", ["IE_ULI", "Raw"]),
    ("FQ-CSID of one", 132, "010a0000010001", ["IE_FQCSID", "IE_RecoveryRestart"]),
    ("FQ-CSID of two", 132, "020a00000100010002", ["IE_FQCSID", "Raw"]),
    ("Indication of 8 octets", 77, "00" * 8, ["IE_Indication", "IE_RecoveryRestart"]),
    ("Indication of 9 octets", 77, "00" * 8 + "01", ["IE_Indication", "IE_IMSI"]),
):
    expect(f"{name}, and Recovery", [type(one).__name__ for one in read(element(kind, content), recovery)], kinds)
PYTHON
