# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a socket holds."""

from __future__ import annotations

from .case import ASK, NEXT, Case, Kind, Outcome

CASES = (
    Case(
        "socket_options",
        Kind.SOCKET,
        "every option of TCP and UDP sockets, IPv4 and IPv6, that the kernel lets a program read and write",
        Outcome.CARRIED,
        NEXT,
        program="socket_options",
        options=("--cap-add=NET_ADMIN", "--cap-add=NET_RAW"),
        check=ASK,
        expected='"tcp4 listening tcp 18": "01000000"',
        remark="but TCP_QUICKACK, TCP_CORK, SO_PEEK_OFF and SO_INCOMING_CPU",
    ),
    Case(
        "multicast",
        Kind.SOCKET,
        "multicast memberships, IPv4 and IPv6, with their sources",
        Outcome.CARRIED,
        NEXT,
        program="multicast",
        check=ASK,
        expected='{"232.1.1.1": true, "232.1.1.2": false, "239.1.2.3": true, "ff15::7": ["lo"]}',
    ),
    Case(
        "renamed_socket",
        Kind.SOCKET,
        "a Unix socket whose file was renamed after it was bound, as HAProxy does",
        Outcome.CARRIED,
        NEXT,
        program="renamed_socket",
        check=ASK,
        expected='"names": ["stats.sock"]',
    ),
    Case(
        "unread_packets",
        Kind.SOCKET,
        "datagrams that were not read, also on ::1; packets that were not read in raw sockets of IPv4",
        Outcome.CARRIED,
        NEXT,
        program="unread",
        options=("--cap-add=NET_RAW",),
        check=ASK,
        expected='{"::1": ["first", "second"], "raw": ["first", "second"], "udp": ["first", "second"]}',
        remark="not of link-local addresses; a raw socket that has read a packet gets it again if another has not; "
        "raw sockets are refused by strategy ppm",
        refused_by=("ppm",),
    ),
    Case(
        "tcp_md5_keys",
        Kind.SOCKET,
        "keys of a TCP socket: MD5 (RFC 2385), TCP-AO, kTLS",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=md5",),
        blocker="tcp_keys",
        named="has MD5 keys",
        remark="without them it would take what is not signed",
    ),
    Case(
        "extended_filter",
        Kind.SOCKET,
        "a filter of the extended BPF on a socket (SO_ATTACH_BPF)",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=filter", "--cap-add=BPF"),
        blocker="socket_filter",
        named="extended BPF",
        remark="classic filters are carried",
    ),
    Case(
        "corked_datagram",
        Kind.SOCKET,
        "a corked UDP socket (UDP_CORK)",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=corked",),
        blocker="undumpable",
        named="corked",
    ),
)
