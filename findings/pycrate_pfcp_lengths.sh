#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pycrate 0.8.1 (PyPI), pycrate_mobile.TS29244_PFCP: IEs whose fields have other lengths than TS 29.244 gives them.
#
# - C-TAG and S-TAG (clauses 8.2.94 and 8.2.95): the priority takes three bits. pycrate has one, so that all behind it stands two
#   bits too early: VLAN 0xabc is read as 0xaef, without an error, and is written again as four octets.
# - IP version (IE type 258): six spare bits before V6 and V4. pycrate has seven: one octet is refused, and what is built for IPv4
#   is two octets, of which the first is 0.
# - Dropped DL Traffic Threshold (clause 8.2.49): packets, bytes or both, as the flags say. pycrate reads both always, and
#   refuses an IE with one of them.
# A PFCP test with pycrate as its oracle must except these.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pycrate==0.8.1
"$scratch/venv/bin/python" - <<'PYTHON'
from pycrate_core.charpy import CharpyErr
from pycrate_mobile import TS29244_PFCP as pfcp


def refused(ie, octets):
    try:
        ie.from_bytes(octets)
    except CharpyErr as error:
        print(f"{type(ie).__name__} {octets.hex()} is refused: {error}")
        return True
    return False


# Flags PCP and VID; VLAN 0xabc in two parts with priority 3 between them.
tag = pfcp.CTAG()
tag.from_bytes(bytes.fromhex("05a3bc"))
vlan = tag["CVID_MSB"].get_val() << 8 | tag["CVID_LSB"].get_val()
print(f"C-TAG 05a3bc: VLAN {vlan:#x}, written again as {tag.to_bytes().hex()}")
assert (vlan, tag.to_bytes()) == (0xAEF, bytes.fromhex("05a3bc00"))
assert pfcp.STAG().get_bl() == 22

version = pfcp.IPversion(val={"V4": 1}).to_bytes()
print(f"IP version: {version.hex()} is built for IPv4")
assert version == bytes.fromhex("0080")
assert refused(pfcp.IPversion(), bytes([1]))

# 1000 packets; then 1000 bytes.
assert refused(pfcp.DroppedDLTrafficThreshold(), bytes.fromhex("0100000000000003e8"))
assert refused(pfcp.DroppedDLTrafficThreshold(), bytes.fromhex("0200000000000003e8"))
PYTHON
