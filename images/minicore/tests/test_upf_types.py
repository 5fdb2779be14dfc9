# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv6 and Ethernet sessions in the UPF, with scapy as the oracle; N6 on socket pairs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from minicore.pfcp.ies import UeAddress
from minicore.smf.n4 import N4Error
from minicore.smf.n4_rules import SessionPlan
from minicore.upf import router_advertisement
from minicore.upf.ethernet import MACS_PER_SESSION
from minicore.upf.tun import MTU
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo,
    IPv6,
)
from scapy.layers.l2 import Ether

Until = Callable[..., Awaitable[None]]
PREFIX = bytes.fromhex("fd45000000000007")
DUAL = UeAddress("10.45.0.2", PREFIX)
HOST = "fd45:0:0:7::5"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def solicitation(source: str = "fe80::5") -> bytes:
    return bytes(IPv6(src=source, dst="ff02::2", hlim=255) / ICMPv6ND_RS())


@pytest.mark.parametrize(("source", "destination"), [("fe80::5", "fe80::5"), ("::", "ff02::1")])
def test_a_solicitation_is_answered_as_the_oracle_reads_it(rig_type: Any, source: str, destination: str) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            _, uplink = await rig.session(SessionPlan(DUAL))
            rig.send(uplink, solicitation(source))
            packet = IPv6((await rig.next()).payload)
            assert (packet.src, packet.dst, packet.hlim) == ("fe80::1", destination, 255)
            advertisement = packet[ICMPv6ND_RA]
            given = advertisement.cksum
            del packet[ICMPv6ND_RA].cksum
            assert IPv6(bytes(packet))[ICMPv6ND_RA].cksum == given
            assert (advertisement.routerlifetime, advertisement.M, advertisement.O) == (0xFFFF, 0, 0)
            option = packet[ICMPv6NDOptPrefixInfo]
            assert (option.prefix, option.prefixlen, option.A, option.L) == ("fd45:0:0:7::", 64, 1, 0)
            assert packet[ICMPv6NDOptMTU].mtu == MTU

    asyncio.run(scenario())


def test_what_is_no_solicitation() -> None:
    good = solicitation()
    assert router_advertisement.is_solicitation(good)
    for change in (good[:7] + b"\x40" + good[8:], good[:-1] + b"\1", good[:40] + b"\x88" + good[41:], good[:47]):
        assert not router_advertisement.is_solicitation(change)


def test_packets_of_both_families_by_address_and_prefix(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            _, uplink = await rig.session(SessionPlan(DUAL))
            up4 = bytes(IP(src="10.45.0.2", dst="10.45.0.1") / ICMP())
            up6 = bytes(IPv6(src=HOST, dst="fd45::1") / ICMPv6EchoRequest())
            others = (
                bytes(IPv6(src="fd45:0:0:8::5", dst="fd45::1") / ICMPv6EchoRequest()),
                bytes(IPv6(src="fe80::5", dst="fd45::1") / ICMPv6EchoRequest()),
                up6[:30],
                b"",
                b"\x90" + bytes(60),
            )
            for packet in (up4, *others, up6):
                rig.send(uplink, packet)
            await rig.barrier()
            assert rig.n6.written == [up4, up6]
            assert rig.upf.user_plane.dropped == len(others)
            down4 = bytes(IP(src="10.45.0.1", dst="10.45.0.2") / ICMP())
            down6 = bytes(IPv6(src="fd45::1", dst="fd45:0:0:7:a::1") / UDP())
            for packet in (down4, down6):
                rig.n6.send(packet)
                assert (await rig.next()).payload == packet

    asyncio.run(scenario())


def test_packets_from_ue_to_ue_stay_in_the_upf(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            _, uplink = await rig.session(SessionPlan(DUAL), 1, 0x70)
            await rig.session(SessionPlan(UeAddress("10.45.0.3", PREFIX[:-1] + b"\x08")), 2, 0x71)
            for packet in (
                bytes(IP(src="10.45.0.2", dst="10.45.0.3") / UDP()),
                bytes(IPv6(src=HOST, dst="fd45:0:0:8::9") / UDP()),
            ):
                rig.send(uplink, packet)
                message = await rig.next()
                assert (message.teid, message.payload) == (0x71, packet)
            assert rig.n6.written == []

    asyncio.run(scenario())


def frame(source: str, destination: str, number: int = 0) -> bytes:
    return bytes(Ether(src=source, dst=destination) / IP(id=number) / UDP())


A, B, ROUTER = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:01"


def test_frames_go_where_their_address_was_learned(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type(tap=True).running() as rig:
            plan = SessionPlan(UeAddress(), ethernet=True)
            first_seid, first = await rig.session(plan, 1, 0x70)
            _, second = await rig.session(plan, 2, 0x71)
            tap = rig.upf.tap
            # Nothing is learned yet: a frame to A goes nowhere, a broadcast to both.
            tap.send(frame(ROUTER, A))
            tap.send(frame(ROUTER, BROADCAST))
            assert {(await rig.next()).teid for _ in range(2)} == {0x70, 0x71}
            rig.send(first, frame(A, ROUTER))
            await until(lambda: tap.written == [frame(A, ROUTER)])
            tap.send(frame(ROUTER, A, 5))
            message = await rig.next()
            assert (message.teid, message.payload) == (0x70, frame(ROUTER, A, 5))
            # From UE to UE inside the UPF, and a broadcast to the network and the other UE.
            rig.send(second, frame(B, A))
            assert (await rig.next()).teid == 0x70
            rig.send(second, frame(B, BROADCAST))
            assert (await rig.next()).teid == 0x70
            assert tap.written == [frame(A, ROUTER), frame(B, BROADCAST)]
            # A moves to the second session.
            rig.send(second, frame(A, ROUTER))
            await until(lambda: len(tap.written) == 3)
            tap.send(frame(ROUTER, A))
            assert (await rig.next()).teid == 0x71
            await rig.n4.delete(rig.upf.n4_address, first_seid)
            assert list(rig.upf.rules.macs.values()) == [rig.upf.rules.sessions[2]] * 2

    asyncio.run(scenario())


def test_frames_that_are_dropped(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type(tap=True).running() as rig:
            up_seid, uplink = await rig.session(SessionPlan(UeAddress(), ethernet=True))
            for bad in (frame(BROADCAST, ROUTER), frame(A, ROUTER)[:13], b""):
                rig.send(uplink, bad)
            for number in range(MACS_PER_SESSION + 1):
                rig.send(uplink, frame(f"02:00:00:00:01:{number:02x}", ROUTER))
            await rig.barrier()
            assert len(rig.upf.tap.written) == len(rig.upf.rules.sessions[up_seid].macs) == MACS_PER_SESSION
            assert rig.upf.user_plane.dropped == 4

    asyncio.run(scenario())


def test_without_a_tap_there_is_no_ethernet_session(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            with pytest.raises(N4Error, match="cause 76"):
                await rig.session(SessionPlan(UeAddress(), ethernet=True))
            assert rig.upf.rules.sessions == {}

    asyncio.run(scenario())


DEVICES = r"""
import fcntl
import socket
import struct
import time
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

from minicore.upf.tun import Tap, Tun

for _ in range(2):  # the second time they are found again
    tun = Tun("mc-tun", IPv4Interface("10.45.0.1/16"), IPv6Interface("fd45::1/48"))
    tap = Tap("mc-tap", IPv4Interface("10.46.0.1/16"))
    for name in (b"mc-tun", b"mc-tap"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            (mtu,) = struct.unpack_from("i", fcntl.ioctl(control, 0x8921, struct.pack("16s24x", name)), 16)
        assert mtu == 1400
    assert {"mc-tun", "mc-tap"} <= {name for _, name in socket.if_nameindex()}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("10.46.0.1", 0))
        here.sendto(b"x", ("10.46.0.9", 9))
    frame = next(frame for frame in iter(tap.read, None) if frame[12:14] == b"\x08\x06")
    assert frame[:6] == b"\xff" * 6 and frame[38:42] == socket.inet_aton("10.46.0.9")
    ready = time.monotonic() + 5
    while any(int(line.split()[4], 16) & 0x40 for line in Path("/proc/net/if_inet6").read_text().splitlines()):
        assert time.monotonic() < ready, "an address stays tentative"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as here:
        here.sendto(b"x", ("fd45:0:0:7::5", 9))
    packet = next(packet for packet in iter(tun.read, None) if packet[0] >> 4 == 6 and packet[6] == 17)
    assert packet[24:32].hex() == "fd45000000000007"
    tun.close(), tap.close()
"""


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="needs root and /dev/net/tun")
def test_devices_in_a_network_namespace_of_their_own() -> None:
    root = Path(__file__).parents[1]
    command = ["unshare", "--net", sys.executable, "-c", DEVICES]
    result = subprocess.run(
        command, cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
