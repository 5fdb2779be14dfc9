# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives in a namespace of the container, and not in a process."""

from __future__ import annotations

from .case import ASK, FIRST, NEXT, Case, Kind, Outcome

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
        survives_failure=True,
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
        survives_failure=True,
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
    Case(
        "iptables",
        Kind.PACKET_FILTER,
        "rules of iptables and ip6tables: NAT, filter, policies",
        Outcome.CARRIED,
        NEXT,
        setup="""
$net iptables -t nat -A POSTROUTING -s 10.45.0.0/16 -o eth0 -j MASQUERADE
$net iptables -N upf
$net iptables -A FORWARD -s 10.45.0.0/16 -j upf
$net iptables -A upf -p tcp --dport 25 -j DROP
$net iptables -P FORWARD DROP
$net ip6tables -A INPUT -p tcp --dport 23 -j REJECT
""",
        check="""
for table in nat filter; do $net iptables -t $table -S | sed '/127.0.0.11/d; /DOCKER/d'; done
$net ip6tables -S
""",
        expected="-A POSTROUTING -s 10.45.0.0/16 -o eth0 -j MASQUERADE",
        exhaustive=False,
    ),
    Case(
        "nftables",
        Kind.PACKET_FILTER,
        "tables, maps and sets of nftables",
        Outcome.CARRIED,
        NEXT,
        setup="""
$net nft add table inet upf
$net nft add set inet upf blocked '{ type ipv4_addr; flags timeout; }'
$net nft add element inet upf blocked '{ 198.51.100.1 }'
$net nft add chain inet upf forward '{ type filter hook forward priority 0; policy accept; }'
$net nft add rule inet upf forward ip saddr @blocked drop
""",
        check="$net nft list table inet upf",
        expected="198.51.100.1",
    ),
    Case(
        "xfrm",
        Kind.PACKET_FILTER,
        "IPsec states and policies (`ip xfrm`)",
        Outcome.REFUSED,
        NEXT,
        setup="$net ip xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out action block",
        check="$net ip xfrm policy",
        blocker="xfrm",
        named="10.1.0.0/16",
    ),
    Case(
        "link_made_inside",
        Kind.NETWORK,
        "links made inside (bridge, dummy, vlan, veth, wireguard)",
        Outcome.REFUSED,
        NEXT,
        setup="$net ip link add br0 type bridge",
        check="$net ip -brief link show br0",
        blocker="link",
        named="br0 (bridge)",
    ),
    Case(
        "sysctl",
        Kind.SETTINGS,
        "kernel settings of the network namespace (`net.*`), set at run time",
        Outcome.CARRIED,
        NEXT,
        setup="""
$net sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/conf/eth0/rp_filter'
$net sh -c 'echo 40000 50000 > /proc/sys/net/ipv4/ip_local_port_range; echo 0 > /proc/sys/net/ipv4/tcp_sack'
""",
        check="""
$net sh -c 'cd /proc/sys/net/ipv4; grep . ip_forward conf/eth0/[fr]*_f* conf/eth0/forwarding ip_local_port* tcp_sack'
""",
        expected="ip_forward:1",
        survives_failure=True,
    ),
    Case(
        "host_names",
        Kind.SETTINGS,
        "host name and domain name, set at run time",
        Outcome.CARRIED,
        NEXT,
        setup="nsenter --target $INIT --uts sh -c 'hostname upf-7; echo example.org > /proc/sys/kernel/domainname'",
        check="nsenter --target $INIT --uts sh -c 'hostname; cat /proc/sys/kernel/domainname'",
        expected="upf-7",
    ),
    Case(
        "engine_files",
        Kind.FILES,
        "edits of /etc/hosts, /etc/hostname and /etc/resolv.conf",
        Outcome.CARRIED,
        NEXT,
        setup="echo '198.51.100.5 smf.example.org' >> /proc/$INIT/root/etc/hosts",
        check="cat /proc/$INIT/root/etc/hosts",
        expected="smf.example.org",
    ),
    Case(
        "own_files",
        Kind.FILES,
        "files of the container's own layer: owner, mode, extended attributes, file capabilities, ACLs; times of "
        "files, directories and links",
        Outcome.CARRIED,
        NEXT,
        program="own_files",
        check=ASK,
        expected='"security.capability": "',
        remark="labels of SELinux are those of the host",
    ),
    Case(
        "written_files",
        Kind.FILES,
        "files that are written while the container moves: logs, data bases",
        Outcome.CARRIED,
        NEXT,
        program="log",
        check=ASK,
        expected='{"blocks": true, "records": true, "start": true}',
        remark="of large ones what changed is sent, in rounds",
    ),
    Case(
        "read_only_mount_differs",
        Kind.FILES,
        "read-only bind mounts and volumes whose content the target lacks, or has otherwise",
        Outcome.REFUSED,
        NEXT,
        options=("--volume=/etc/hostname:/etc/nf.conf:ro",),
        check="cat /proc/$INIT/root/etc/nf.conf",
        blocker="read_only_mount",
        named="/etc/nf.conf is a read-only mount of /etc/hostname, which has other content on the target host",
        remark="compared by kind of file, names, size and hash, as far as 64 MiB and 2000 files",
    ),
    Case(
        "read_only_mount_copied",
        Kind.FILES,
        "read-only bind mounts whose content the target lacks, with `copy_missing_mounts: true`",
        Outcome.CARRIED,
        NEXT,
        prepare="""
mkdir --parents /run/organic-case-files/nf/tls
echo 'mcc: 999' > /run/organic-case-files/nf/nf.yaml
ln --symbolic --force ../nf.yaml /run/organic-case-files/nf/tls/link
chmod 640 /run/organic-case-files/nf/nf.yaml
""",
        options=("--volume=/run/organic-case-files/nf:/etc/nf:ro",),
        arguments=(("copy_missing_mounts", True),),
        check="cd /proc/$INIT/root/etc/nf && ls -lRn . | sed 's/ [A-Z][a-z][a-z] .*[0-9:] / /' && cat nf.yaml",
        expected="mcc: 999",
        remark="up to 1 MiB together",
    ),
    Case(
        "mount_made_inside",
        Kind.FILES,
        "mounts made inside",
        Outcome.REFUSED,
        NEXT,
        options=("--cap-add=SYS_ADMIN",),
        setup="""
docker exec $NAME /usr/bin/python3 -c "
import ctypes, os
os.makedirs('/mnt', exist_ok=True)
assert ctypes.CDLL(None).mount(b'none', b'/mnt', b'tmpfs', 0, None) == 0"
""",
        check="cut -d' ' -f5 /proc/$INIT/mountinfo",
        blocker="mount",
        named="/mnt (tmpfs)",
    ),
    Case(
        "system_v",
        Kind.IPC,
        "System V shared memory, semaphores and message queues: identifiers, keys, owners, modes, content, messages in "
        "their order, waits for a semaphore without a time limit",
        Outcome.CARRIED,
        NEXT,
        program="system_v",
        check=ASK,
        expected='"the child counts": true',
        remark="CRIU copies them during the freeze: each MiB of shared memory adds about 1.5 ms of downtime, more on a "
        "loaded host; creator, times, and the PIDs of the last users are new; refused (`ipc`): messages of more than "
        "8192 bytes, objects that another container or the host shares",
        survives_failure=True,
    ),
    Case(
        "semaphore_undo",
        Kind.IPC,
        "a process that has used SEM_UNDO, or has had several threads, in a container with System V semaphores",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=undo",),
        blocker="semaphore_undo",
        named="has used SEM_UNDO",
        remark="what the kernel is to undo when it ends cannot be read",
    ),
    Case(
        "posix_queue",
        Kind.IPC,
        "POSIX message queues",
        Outcome.REFUSED,
        NEXT,
        setup="touch /proc/$INIT/root/dev/mqueue/orders",
        check="ls /proc/$INIT/root/dev/mqueue",
        blocker="ipc",
        named="POSIX message queue /orders",
        exhaustive=False,
        remark="CRIU 4.2.1 cannot dump an open one (`Can't lookup mount=365 for fd=3 path=/orders`: it is on a mount "
        "that no process sees), and its messages cannot be read without taking them",
    ),
)
