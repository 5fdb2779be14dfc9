# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTP-U and the pings in it against scapy's."""

from __future__ import annotations

import pytest
from minicore import gtpu, ip
from scapy.contrib import gtp as oracle
from scapy.layers.inet import ICMP, IP


def test_uplink_packet() -> None:
    inner = ip.echo_request("10.45.0.2", "10.45.0.1", 7, 8, b"payload!")
    message = oracle.GTPHeader(gtpu.g_pdu(0xDEADBEEF, inner, uplink=True))
    assert (message.version, message.PT, message.E, message.gtp_type) == (1, 1, 1, 255)
    assert (message.teid, message.length) == (0xDEADBEEF, len(inner) + 8)
    container = message[oracle.GTPPDUSessionContainer]
    assert (container.type, container.QFI) == (1, gtpu.QFI)
    assert (message[IP].src, message[IP].dst, message[ICMP].type) == ("10.45.0.2", "10.45.0.1", 8)
    assert (message[ICMP].id, message[ICMP].seq, bytes(message[ICMP].payload)) == (7, 8, b"payload!")


def test_checksums_are_those_of_the_oracle() -> None:
    ours = ip.echo_request("10.45.0.2", "10.45.0.1", 7, 8, b"odd")
    theirs = IP(src="10.45.0.2", dst="10.45.0.1", id=8, ttl=64) / ICMP(type=8, id=7, seq=8) / b"odd"
    assert ours == bytes(theirs)


@pytest.mark.parametrize("checksum", [None, 0])
def test_the_reply_of_zeros_has_two_checksums(checksum: int | None) -> None:
    reply = bytes(IP(src="10.45.0.1", dst="10.45.0.2") / ICMP(type=0, id=0, seq=0, chksum=checksum) / bytes(8))
    echo = ip.read_echo(reply)
    assert echo is not None
    assert (echo.type, echo.destination) == (ip.ECHO_REPLY, "10.45.0.2")


def test_a_damaged_ping_is_no_ping() -> None:
    packet = bytearray(ip.echo_request("10.45.0.2", "10.45.0.1", 7, 8, b"payload!"))
    packet[-1] ^= 1
    assert ip.read_echo(bytes(packet)) is None


def test_downlink_packet_of_the_oracle() -> None:
    inner = bytes(IP(src="10.45.0.1", dst="10.45.0.2") / ICMP())
    data = bytes(oracle.GTP_U_Header(teid=5, E=1, next_ex=0x85) / oracle.GTPPDUSessionContainer(type=0, QFI=9) / inner)
    message = gtpu.decode(data)
    assert (message.type, message.teid, message.payload) == (gtpu.G_PDU, 5, inner)


def test_echo_and_error_indication() -> None:
    request = oracle.GTPHeader(gtpu.echo_request(11))
    assert (request.gtp_type, request.seq, request.teid) == (1, 11, 0)
    response = oracle.GTPHeader(gtpu.echo_response(11))
    assert (response.gtp_type, response.seq) == (2, 11)
    error = oracle.GTPHeader(gtpu.error_indication(0x1234, "10.0.0.35"))
    teid, address = error[oracle.GTPErrorIndication].IE_list
    assert (teid.TEIDI, address.ipv4_address) == (0x1234, "10.0.0.35")


@pytest.mark.parametrize("size", range(24))
def test_a_packet_cut_short_is_refused(size: int) -> None:
    with pytest.raises(gtpu.GtpError):
        gtpu.decode(gtpu.g_pdu(1, b"x" * 8, uplink=True)[:size])
