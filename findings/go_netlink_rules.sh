#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/vishvananda/netlink v1.3.1 (Go module): policy rules and routes that are listed and added again, as one does to bring
# them into another network namespace.
#
# Expected: what RuleList() and RouteList() give can be given to RuleAdd() and RouteAdd(), as their types are the same. Seen, with no
# error:
# - a rule "blackhole" or "prohibit" comes back as a look-up in a table that the kernel picks because it is empty, so that the packets
#   which were dropped are routed by the rules behind it: the action of a rule is not read.
# - a route into an IP tunnel ("encap ip") comes back without the tunnel.
# Rules with "lookup" or "goto" and their selectors (mark, ports, users, "not") come back whole.
#
# Needs root, for a network namespace of its own, and Go. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
cat >go.mod <<'MODULE'
module finding

go 1.23

require github.com/vishvananda/netlink v1.3.1
MODULE
cat >main.go <<'GO'
package main

import "github.com/vishvananda/netlink"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	rules, err := netlink.RuleList(netlink.FAMILY_V4)
	check(err)
	for _, rule := range rules {
		if rule.Priority >= 100 && rule.Priority < 200 {
			again := rule
			check(netlink.RuleDel(&rule))
			check(netlink.RuleAdd(&again))
		}
	}
	link, err := netlink.LinkByName("one")
	check(err)
	routes, err := netlink.RouteList(link, netlink.FAMILY_V4)
	check(err)
	for _, route := range routes {
		if route.Protocol == 77 {
			again := route
			check(netlink.RouteDel(&route))
			check(netlink.RouteAdd(&again))
		}
	}
}
GO
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 1; }
go build -o finding .
cat >inside.sh <<'INSIDE'
set -euo pipefail
ip link add one type veth peer name two
ip link set one up
ip link set two up
ip address add 192.0.2.1/24 dev one
ip rule add pref 100 from 198.51.100.0/24 blackhole
ip rule add pref 101 from 203.0.113.0/24 prohibit
ip rule add pref 102 not from 10.0.0.0/8 fwmark 5/0xff ipproto udp dport 2152 uidrange 5-9 lookup 77
ip route add 10.1.0.0/16 encap ip id 7 dst 192.0.2.9 dev one proto 77
show() { ip rule show | grep ^1; ip route show proto 77; }
show >before
./finding
show >after
diff before after || true
INSIDE
unshare --net bash inside.sh | tee differences
seen=$(grep '^>' differences | sed 's/[[:space:]]\+/ /g; s/ $//')
[ "$seen" = "> 100: from 198.51.100.0/24 lookup 1
> 101: from 203.0.113.0/24 lookup 2
> 10.1.0.0/16 dev one scope link" ]
