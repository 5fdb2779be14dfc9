# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What UEs with IPv6 and Ethernet sessions send and read, with scapy as the oracle."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from minicore import ip, ip6
from minicore.gnb.command import run as run_command
from minicore.gnb.hosts import POLLS, EthernetHost, Hosts, Ipv4Host, Ipv6Host, mac_of
from minicore.gnb.session import UeSession
from minicore.nas.qos import PduAddress, PduSessionType
from minicore.upf import router_advertisement
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

INTERFACE_ID = bytes.fromhex("0200000000000005")
LINK_LOCAL, OWN = "fe80::200:0:0:5", "fd45::7:200:0:0:5"
PREFIX = ICMPv6NDOptPrefixInfo(prefix="fd45:0:0:7::", prefixlen=64, L=0, A=1)
TARGET, TARGET_MAC = "10.46.0.1", "02:00:00:00:00:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def refuse(packet: bytes) -> None:
    raise AssertionError(f"answered with {packet.hex()}")


def advertisement(option: Packet = PREFIX, source: str = "fe80::1", hop_limit: int = 255) -> bytes:
    return bytes(IPv6(src=source, dst=LINK_LOCAL, hlim=hop_limit) / ICMPv6ND_RA() / option)


@pytest.fixture
def ipv6() -> Ipv6Host:
    host = Ipv6Host()
    assert host.accept(PduAddress(interface_id=INTERFACE_ID)) and not host.is_ready
    return host


def test_an_ipv6_host_asks_for_its_prefix(ipv6: Ipv6Host) -> None:
    solicitation = ipv6.next_request()
    assert solicitation is not None and router_advertisement.is_solicitation(solicitation)
    packet = IPv6(solicitation)
    assert (packet.src, packet.dst, packet.hlim) == (LINK_LOCAL, "ff02::2", 255)
    answer = router_advertisement.advertisement(solicitation, bytes.fromhex("fd45000000000007"), 1400)
    assert ipv6.receive(answer, refuse) is None
    assert ipv6.address == OWN and ipv6.is_ready and ipv6.next_request() is None


def test_an_advertisement_of_the_oracle(ipv6: Ipv6Host) -> None:
    ipv6.receive(advertisement(), refuse)
    assert ipv6.address == OWN


@pytest.mark.parametrize(
    "packet",
    [
        advertisement(source="fd45::1"),
        advertisement(hop_limit=64),
        advertisement(ICMPv6NDOptPrefixInfo(prefix="fd45::", prefixlen=48, A=1)),
        advertisement(ICMPv6NDOptPrefixInfo(prefix="fd45::", prefixlen=64, A=0)),
        advertisement(ICMPv6NDOptPrefixInfo(len=0, prefix="fd45::", prefixlen=64, A=1)),
        advertisement(ICMPv6NDOptPrefixInfo(len=9, prefix="fd45::", prefixlen=64, A=1)),
        advertisement()[:-1],
        advertisement()[:-1] + b"\1",
        b"",
    ],
    ids=["not link-local", "forwarded", "no /64", "not autonomous", "no length", "too long", "cut", "damaged", "empty"],
)
def test_what_gives_no_prefix(ipv6: Ipv6Host, packet: bytes) -> None:
    assert ipv6.receive(packet, refuse) is None
    assert not ipv6.is_ready


def test_icmpv6_echo(ipv6: Ipv6Host) -> None:
    ipv6.receive(advertisement(), refuse)
    theirs = IPv6(src=OWN, dst="fd45::1", hlim=64) / ICMPv6EchoRequest(id=7, seq=8, data=b"odd")
    assert ipv6.echo_request("fd45::1", 7, 8, b"odd") == bytes(theirs)
    reply = bytes(IPv6(src="fd45::1", dst=OWN) / ICMPv6EchoReply(id=7, seq=8, data=b"odd"))
    assert ipv6.receive(reply, refuse) == ip.Echo("fd45::1", OWN, ip.ECHO_REPLY, 7, 8, b"odd")
    assert ip6.read_echo(bytes(theirs)) == ip.Echo(OWN, "fd45::1", ip.ECHO_REQUEST, 7, 8, b"odd")
    for wrong in (reply[:-1], reply[:-1] + b"e", reply[:47], b"\x45" + reply[1:]):
        assert ipv6.receive(wrong, refuse) is None


def test_what_an_accept_must_give() -> None:
    def session() -> UeSession:
        return UeSession(0, Ipv6Host())

    both = PduAddress("10.45.0.2", INTERFACE_ID)
    assert session().accept(PduSessionType.IPV6, both) == ""
    assert session().accept(PduSessionType.IPV4, both) == "type 1, not 2"
    assert session().accept(PduSessionType.IPV6, PduAddress("10.45.0.2")) == "accepted without an address"
    assert session().accept(PduSessionType.IPV6, None) == "accepted without an address"
    assert UeSession(0, Ipv4Host()).accept(PduSessionType.IPV4, None) == "accepted without an address"


def hosts() -> Hosts:
    return Hosts(PduSessionType.ETHERNET, TARGET, IPv4Network("10.46.0.0/24"))


def ethernet(index: int, of: Hosts) -> EthernetHost:
    host = of.make(index, f"imsi-{1010000000001 + index:015d}")
    assert isinstance(host, EthernetHost) and host.accept(None)
    return host


def asked(host: EthernetHost) -> Ether:
    request = host.next_request()
    assert request is not None
    frame = Ether(request)
    assert (frame.src, frame[ARP].op, frame[ARP].hwsrc) == (host.mac.hex(":"), 1, host.mac.hex(":"))
    assert (frame[ARP].psrc, frame[ARP].pdst) == (host.address, TARGET)
    return frame


def found(host: EthernetHost, mac: str = TARGET_MAC) -> bytes:
    """The target's answer to an ARP request."""
    own = host.mac.hex(":")
    return bytes(Ether(src=mac, dst=own) / ARP(op=2, hwsrc=mac, psrc=TARGET, hwdst=own, pdst=host.address))


def test_only_the_first_host_asks_by_broadcast_until_the_answer_is_out_of_date() -> None:
    run = hosts()
    first, second = ethernet(0, run), ethernet(1, run)
    assert (first.address, second.address) == ("10.46.0.254", "10.46.0.253")
    assert asked(first).dst == BROADCAST
    first.receive(found(second), refuse)
    assert not first.is_ready
    first.receive(found(first), refuse)
    assert first.is_ready and first.next_request() is None
    assert [asked(second).dst for _ in range(POLLS + 1)] == [TARGET_MAC] * POLLS + [BROADCAST]
    second.receive(found(second, "02:00:00:00:00:02"), refuse)
    assert second.is_ready
    assert Ether(first.echo_request(TARGET, 1, 1, b"")).dst == "02:00:00:00:00:02"


def test_a_host_answers_who_asks_for_it() -> None:
    run, answers = hosts(), list[bytes]()
    host, other = ethernet(0, run), ethernet(1, run)
    question = Ether(src=TARGET_MAC, dst=BROADCAST) / ARP(op=1, hwsrc=TARGET_MAC, psrc=TARGET, pdst=host.address)
    other.receive(bytes(question), refuse)
    assert host.receive(bytes(question), answers.append) is None
    (answer,) = map(Ether, answers)
    assert (answer.src, answer.dst, answer[ARP].op) == (host.mac.hex(":"), TARGET_MAC, 2)
    assert (answer[ARP].hwsrc, answer[ARP].psrc) == (host.mac.hex(":"), host.address)
    assert (answer[ARP].hwdst, answer[ARP].pdst) == (TARGET_MAC, TARGET)
    for wrong in (bytes(question)[:41], bytes(question)[:14] + b"\1" + bytes(question)[15:], b""):
        host.receive(wrong, refuse)


def test_icmp_in_frames() -> None:
    run = hosts()
    host, other = ethernet(0, run), ethernet(1, run)
    own, others = host.mac.hex(":"), other.mac.hex(":")
    inner = IP(src=host.address, dst=other.address, id=8) / ICMP(type=8, id=7, seq=8) / b"payload!"
    frame = host.echo_request(other.address, 7, 8, b"payload!")
    assert frame == bytes(Ether(src=own, dst=others) / inner)
    assert other.receive(frame, refuse) == ip.Echo(host.address, other.address, ip.ECHO_REQUEST, 7, 8, b"payload!")
    assert host.receive(frame, refuse) is None


def test_mac_addresses_are_local_and_differ() -> None:
    macs = {mac_of(f"imsi-{number:015d}") for number in (1010000000001, 1010000000002, 1020000000001, 999999999999999)}
    assert len(macs) == 4
    assert {mac[0] for mac in macs} == {2}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("IPV6", "--ping-target", "10.45.0.1"), "no IPv6 address"),
        (("IPV4", "--ping-target", "fd45::1"), "no IPv4 address"),
        (("ETHERNET", "--ping-target", "fd45::1"), "no IPv4 address"),
        (("ETHERNET", "--ping-target", "10.45.0.1"), "no host of"),
        (("ETHERNET", "--ethernet-network", "10.46.0.0/28", "--ues", "14"), "in the way"),
        (("ETHERNET", "--ethernet-network", "10.46.0.0/28", "--ues", "99"), "in the way"),
        (("UNSTRUCTURED",), "invalid choice"),
    ],
)
def test_targets_that_the_sessions_cannot_reach(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--front", "127.0.0.1", "--address", "127.0.0.1", "--out", "/nowhere/out", "--session-type"]
    with pytest.raises(SystemExit):
        run_command([*common, *arguments])
    assert reason in capsys.readouterr().err
