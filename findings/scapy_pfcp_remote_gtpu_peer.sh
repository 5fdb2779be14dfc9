#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scapy 2.8.0 (PyPI), scapy.contrib.pfcp: the IE "Remote GTP-U Peer", with which a UPF reports a failed path.
#
# TS 29.244, clause 8.2.70: the length of the destination interface field takes two octets, as that of the network instance
# does. scapy reads and writes one octet. Expected: a valid IE is decoded, or refused. Seen: no error; the low octet of the
# length is taken for the interface, so that it is "Core" whatever the UPF reports, and the interface itself becomes the
# length of the network instance (256 or 0). What scapy builds is as wrong for its receiver.
# A PFCP test with scapy as its oracle must except this IE.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check scapy==2.8.0
"$scratch/venv/bin/python" - <<'PYTHON' 2>/dev/null
from scapy.contrib.pfcp import IE_RemoteGTP_U_Peer

NETWORK_INSTANCE = "0009" + b"\x08internet".hex()


def decoded(interface):
    """What scapy finds in a peer 192.0.2.1 on an interface: 0 Access, 1 Core, 2 N6-LAN."""
    value = f"0ec00002010001{interface:02x}{NETWORK_INSTANCE}"
    return IE_RemoteGTP_U_Peer(bytes.fromhex(f"0067{len(value) // 2:04x}{value}"))


for interface in (0, 1, 2):
    peer = decoded(interface)
    print(f"interface {interface} is decoded as {peer.dest_interface}; length of the network instance: {peer.network_instance_length}")
    assert peer.dest_interface == 1
    assert peer.network_instance_length == interface << 8
built = IE_RemoteGTP_U_Peer(DI=1, V4=1, ipv4="192.0.2.1", dest_interface="Access")
print("built for Access:", bytes(built).hex())
assert bytes(built).hex() == "0067" + "0007" + "06" + "c0000201" + "01" + "00"
PYTHON
