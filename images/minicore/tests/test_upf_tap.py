# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real devices: the kernel's ARP and UDP reach a UE of an Ethernet session, in a network namespace of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXCHANGE = r"""
import asyncio
import socket
import subprocess
from ipaddress import IPv4Interface

from minicore import gtpu
from minicore.pfcp.ies import ApplyAction, Interface, Seid, Teid
from minicore.upf.rules import Far, N4Session, Pdr, RuleTable, Rules
from minicore.upf.tun import Tap, Tun
from minicore.upf.user_plane import UserPlane
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
MAC = "02:00:00:00:00:0a"


class Gnb(asyncio.DatagramProtocol):
    # A host behind the UE of the Ethernet session.
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        message = gtpu.decode(data)
        assert message.teid == 0x70
        frame = Ether(message.payload)
        if ARP in frame and frame[ARP].pdst == "10.46.0.9":
            asked = frame[ARP]
            answer = Ether(src=MAC, dst=frame.src) / ARP(
                op=2, hwsrc=MAC, psrc=asked.pdst, hwdst=asked.hwsrc, pdst=asked.psrc
            )
        elif UDP in frame and frame[UDP].dport == 7:
            assert frame.dst == MAC
            answer = Ether(src=MAC, dst=frame.src) / IP(src=frame[IP].dst, dst=frame[IP].src)
            answer = answer / UDP(sport=7, dport=frame[UDP].sport) / frame[UDP].payload
        else:
            return
        self.transport.sendto(gtpu.g_pdu(TEID.teid, bytes(answer), uplink=True), ("127.0.0.1", 2152))


async def main():
    global TEID
    table = RuleTable("127.0.0.1")
    TEID = table.allocate_teid()
    rules = Rules()
    rules.pdrs[1] = Pdr(1, 1, Interface.ACCESS, TEID, "", ethernet=True)
    rules.pdrs[2] = Pdr(2, 2, Interface.CORE, None, "", ethernet=True)
    rules.fars[1] = Far(1, ApplyAction.FORWARD, Interface.CORE)
    rules.fars[2] = Far(2, ApplyAction.FORWARD, Interface.ACCESS, Teid(0x70, "127.0.0.1"))
    table.add(N4Session(1, Seid(1, "127.0.0.1"), ("127.0.0.1", 8805), rules))
    tap = Tap("mc-tap", IPv4Interface("10.46.0.1/16"))
    plane = UserPlane(table, Tun("mc-tun", IPv4Interface("10.45.0.1/16")), gtpu_port=2153, tap=tap)
    await plane.start("127.0.0.1")
    await asyncio.get_running_loop().create_datagram_endpoint(Gnb, ("127.0.0.1", 2153))
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(("10.46.0.9", 7))
        for number in range(3):
            await loop.sock_sendall(client, bytes([number]) * 1300)
            assert await asyncio.wait_for(loop.sock_recv(client, 2000), 5) == bytes([number]) * 1300
    assert [mac.hex(":") for mac in table.macs] == [MAC]
    assert plane.uplink == 4, plane.uplink
    plane.stop()


asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="needs root and /dev/net/tun")
def test_the_kernel_talks_to_a_host_behind_an_ethernet_session() -> None:
    root = Path(__file__).parents[1]
    environment = {"PYTHONPATH": str(root), "PATH": os.environ["PATH"]}
    command = ["unshare", "--net", sys.executable, "-c", EXCHANGE]
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
