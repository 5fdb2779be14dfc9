# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives in a namespace of the container, and not in a process."""

from __future__ import annotations

from .case import FIRST, NEXT, Case, Kind, Outcome

CASES = (
    Case(
        "address",
        Kind.NETWORK,
        "further IPv4 addresses of a link of the engine",
        Outcome.CARRIED,
        FIRST,
        setup="$net ip address add 198.51.100.7/32 dev eth0",
        check="$net ip -4 -brief address show dev eth0",
        expected="198.51.100.7/32",
        exhaustive=False,
    ),
    Case(
        "neighbour",
        Kind.NETWORK,
        "neighbours (ARP), permanent and learnt",
        Outcome.CARRIED,
        FIRST,
        setup="$net ip neighbour add 198.51.100.9 lladdr 02:00:5e:10:00:01 dev eth0 nud permanent",
        check="$net ip neighbour show nud permanent",
        expected="198.51.100.9",
    ),
    Case(
        "loopback_address",
        Kind.NETWORK,
        "addresses of the loopback link",
        Outcome.CARRIED,
        NEXT,
        setup="$net ip address add 198.51.100.77/32 dev lo",
        check="$net ip -4 -brief address show dev lo",
        expected="198.51.100.77/32",
    ),
    Case(
        "proxy_neighbour",
        Kind.NETWORK,
        "addresses for which the container answers (proxy ARP)",
        Outcome.CARRIED,
        NEXT,
        setup="$net ip neighbour add proxy 198.51.100.10 dev eth0",
        check="$net ip neighbour show proxy",
        expected="198.51.100.10",
    ),
    Case(
        "routes",
        Kind.NETWORK,
        "routes with `onlink`, `mtu`, `advmss`, `src`, metric, several gateways; blackhole, unreachable, prohibit; of "
        "all tables",
        Outcome.CARRIED,
        NEXT,
        setup="""
$net ip address add 198.51.100.7/32 dev eth0
$net ip route replace default via $PEER dev eth0 mtu 1380 advmss 1300
$net ip route add 203.0.113.0/24 via $PEER src 198.51.100.7 metric 7
$net ip route add 10.9.0.1 via 10.200.0.1 dev eth0 onlink
$net ip route add default via 10.200.0.1 dev eth0 onlink table 100
$net ip route add 10.5.0.0/16 nexthop via $PEER weight 3 nexthop via 10.200.0.2 dev eth0 onlink
$net ip route add blackhole 10.8.0.0/16
$net ip route add unreachable 10.7.0.0/16 table 101
$net ip route add prohibit 10.6.0.0/16
""",
        check="$net ip -4 route show table all | grep -v 'table local' | sort",
        expected="10.9.0.1 via 10.200.0.1 dev eth0 onlink",
    ),
    Case(
        "removed_route",
        Kind.NETWORK,
        "a route of the engine that the container has removed",
        Outcome.CARRIED,
        NEXT,
        setup="$net ip route del default 2>/dev/null || true; $net ip route add 10.1.2.0/24 dev eth0",
        check="$net ip -4 route show",
        expected="10.1.2.0/24",
    ),
    Case(
        "rules",
        Kind.NETWORK,
        "`ip rule`, IPv4 and IPv6",
        Outcome.CARRIED,
        NEXT,
        setup="""
$net ip rule add from 10.45.0.0/16 lookup 100 priority 1000
$net ip rule add fwmark 7 iif eth0 lookup 101 priority 1001
$net ip -6 rule add from 2001:db8::/32 lookup 100 priority 1002
""",
        check="$net ip rule show; $net ip -6 rule show",
        expected="from 10.45.0.0/16",
    ),
    Case(
        "nexthop_object",
        Kind.NETWORK,
        "routes by nexthop objects (`ip nexthop`)",
        Outcome.REFUSED,
        NEXT,
        setup="$net ip nexthop add id 7 via $PEER dev eth0; $net ip route add 203.0.113.0/24 nhid 7",
        check="$net ip route show",
        blocker="route",
        named="203.0.113.0/24",
    ),
    Case(
        "link_settings",
        Kind.NETWORK,
        "MTU, queue length and flags of a link",
        Outcome.CARRIED,
        NEXT,
        setup="$net ip link set eth0 mtu 1380 txqueuelen 77 allmulticast on",
        check="$net ip link show eth0 | sed -n '1s/.*<//p' | grep -o 'ALLMULTI\\|mtu [0-9]*\\|qlen [0-9]*'",
        expected="mtu 1380",
    ),
    Case(
        "qdisc",
        Kind.PACKET_FILTER,
        "queueing disciplines without classes (`tc qdisc`): tbf, fq, fq_codel, netem and the like",
        Outcome.CARRIED,
        NEXT,
        setup="$net tc qdisc add dev eth0 root handle 5: tbf rate 80mbit burst 64kb latency 50ms",
        check="$net tc qdisc show dev eth0",
        expected="tbf 5:",
    ),
    Case(
        "qdisc_with_classes",
        Kind.PACKET_FILTER,
        "queueing disciplines with classes or filters (htb, ingress, clsact)",
        Outcome.REFUSED,
        NEXT,
        setup="$net tc qdisc add dev eth0 root handle 5: htb",
        check="$net tc qdisc show dev eth0 | cut -d' ' -f1-6",
        blocker="qdisc",
        named="htb 5: dev eth0",
    ),
)
