#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/ti-mo/conntrack v0.6.0 (Go module) on Linux 6.18: tracked connections that are read with Dump() and made again with
# Create(), as one does to bring them to another host.
#
# Expected: the same connections, as both take the type Flow. Seen, with no error:
# - a translated connection (SNAT) has its two tuples again, and looks the same in "conntrack -L", but nothing is translated: the kernel
#   wants the attributes CTA_NAT_SRC and CTA_NAT_DST, which Flow has not, and leaves the bits of NAT in the status alone. As the connection
#   is known, the rules of NAT are not asked either: its packets leave with the inner address, and no answer comes.
# - TCP forgets that both ends scale their windows: the kernel sets a flag only where the octet behind it, the mask, has the bit, and its
#   own dumps have 0 there.
# "conntrack -L -o save" and "conntrack -R" (1.4.7) work out the translation from the tuples, and tell TCP to be liberal with windows.
#
# Needs root, for network namespaces of its own, nft, conntrack and Go. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
cat >go.mod <<'MODULE'
module finding

go 1.25
MODULE
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/ti-mo/conntrack"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// show prints the status of the only connection, and of TCP whether the windows are scaled, and the first octets of the flags.
func show(flow conntrack.Flow) {
	fmt.Print(flow.Status)
	if tcp := flow.ProtoInfo.TCP; tcp != nil {
		fmt.Printf(" scales %t %t, flags %#x %#x", tcp.OriginalWindowScale > 0, tcp.ReplyWindowScale > 0,
			tcp.OriginalFlags>>8, tcp.ReplyFlags>>8)
	}
	fmt.Println()
}

func main() {
	conn, err := conntrack.Dial(nil)
	check(err)
	flows, err := conn.Dump(nil)
	check(err)
	show(flows[0])
	check(conn.Flush())
	check(conn.Create(flows[0]))
	flows, err = conn.Dump(nil)
	check(err)
	show(flows[0])
}
GO
go get github.com/ti-mo/conntrack@v0.6.0 2>messages || { cat messages; exit 1; }
go build -o again . 2>messages || { cat messages; exit 1; }

cat >server.py <<'PYTHON'
import contextlib
import socket
from pathlib import Path

datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("192.0.2.2", 2152))
listener = socket.create_server(("192.0.2.2", 7777))
Path("listens").touch()
connections = [listener.accept()]
while True:
    _, address = datagrams.recvfrom(99)
    print("the server sees", address[0], flush=True)
    with contextlib.suppress(OSError):  # it has no route to the client's network
        datagrams.sendto(b"an answer", address)
PYTHON
cat >ask.py <<'PYTHON'
import socket

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.bind(("10.0.1.2", 2152))
    one.settimeout(2)
    for _ in range(2):  # the second makes both directions known
        one.sendto(b"who am I?", ("192.0.2.2", 2152))
        try:
            print(one.recv(99).decode())
        except TimeoutError:
            print("no answer")
PYTHON
cat >connect.py <<'PYTHON'
import socket
import sys

connection = socket.create_connection(("192.0.2.2", 7777))
print("connected", flush=True)
sys.stdin.read()
PYTHON
cat >inside.sh <<'INSIDE'
set -euo pipefail
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip link set lo up
for side in client server; do
    ip netns add $side
    ip link add $side type veth peer name inner netns $side
    ip link set $side up
    ip -n $side link set inner up
done
ip address add 10.0.1.1/24 dev client
ip address add 192.0.2.1/24 dev server
ip address add 192.0.2.77/32 dev server
ip -n client address add 10.0.1.2/24 dev inner
ip -n client route add default via 10.0.1.1
ip -n server address add 192.0.2.2/24 dev inner
sysctl -qw net.ipv4.ip_forward=1
nft -f - <<'RULES'
table ip translation {
	chain out {
		type nat hook postrouting priority srcnat
		oifname "server" ip saddr 10.0.1.0/24 snat to 192.0.2.77
	}
}
RULES
ip netns exec server python3 server.py &
trap 'kill %1' EXIT
for _ in {1..100}; do [ ! -e listens ] || break; sleep 0.1; done

coproc CLIENT { exec ip netns exec client python3 connect.py; }
read -r -u "${CLIENT[0]}"
echo "TCP:"
conntrack -L -o save 2>/dev/null >saved
./again
conntrack -F 2>/dev/null
kill "$CLIENT_PID"

echo "UDP:"
ip netns exec client python3 ask.py
conntrack -L -o save -p udp 2>/dev/null >saved
conntrack -D -p tcp >/dev/null 2>&1 || true
./again
ip netns exec client python3 ask.py
conntrack -F 2>/dev/null
conntrack -R saved 2>/dev/null
echo "by conntrack -R:"
ip netns exec client python3 ask.py
INSIDE
unshare --net --mount bash inside.sh | tee seen
diff seen - <<'SEEN'
TCP:
SEEN_REPLY|ASSURED|CONFIRMED|SRC_NAT|SRC_NAT_DONE|DST_NAT_DONE scales true true, flags 0x23 0x23
SEEN_REPLY|ASSURED|CONFIRMED scales false false, flags 0x0 0x0
UDP:
the server sees 192.0.2.77
an answer
the server sees 192.0.2.77
an answer
SEEN_REPLY|CONFIRMED|SRC_NAT|SRC_NAT_DONE|DST_NAT_DONE
SEEN_REPLY|CONFIRMED
the server sees 10.0.1.2
no answer
the server sees 10.0.1.2
no answer
by conntrack -R:
the server sees 192.0.2.77
an answer
the server sees 192.0.2.77
an answer
SEEN
