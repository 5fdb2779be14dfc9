#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# jc 1.26.1 (PyPI), which turns the output of commands into JSON (Ansible has it as the filter community.general.jc): "ip route".
#
# A route may begin with its type, and one with several next hops takes a line for each. Expected: the destination and the next hops of a
# route, or an error. Seen, without an error or a warning:
# - "blackhole 10.60.0.0/16" has "blackhole" as its "ip"; the destination is lost, so that all such routes look the same.
# - each next hop is a route of its own to the destination "nexthop", without its weight, and the route itself has neither a gateway nor
#   an interface.
# - the gateway of another family ("via inet6 fe80::1", as BGP without IPv4 on its links has it) is "inet6".
# Take "ip -j route".
#
# Needs root, for a network namespace of its own. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check jc==1.26.1
unshare --net bash -eu <<'NAMESPACE' >"$scratch/routes"
ip link add n6 type veth peer name upf
ip address add 10.0.0.1/24 dev n6
ip link set n6 up
ip link set upf up
ip route add blackhole 10.60.0.0/16
ip route add unreachable 10.61.0.0/16 metric 4
ip route add 10.62.0.0/16 via inet6 fe80::1 dev n6
ip route add 10.63.0.0/16 nexthop via 10.0.0.2 dev n6 weight 1 nexthop via 10.0.0.3 dev n6 weight 2
ip route add default via 10.0.0.4
ip route
NAMESPACE
cat "$scratch/routes"
"$scratch/venv/bin/python" - "$scratch/routes" <<'PYTHON'
import sys

import jc

with open(sys.argv[1]) as file:
    routes = jc.parse("ip_route", file.read())
for route in routes:
    print(route)
hop = {"ip": "nexthop", "dev": "n6"}
expected = [
    {"ip": "default", "via": "10.0.0.4", "dev": "n6"},
    {"ip": "10.0.0.0/24", "dev": "n6", "proto": "kernel", "scope": "link", "src": "10.0.0.1"},
    {"ip": "blackhole"},
    {"ip": "unreachable", "metric": 4},
    {"ip": "10.62.0.0/16", "via": "inet6", "dev": "n6"},
    {"ip": "10.63.0.0/16"},
    {**hop, "via": "10.0.0.2"},
    {**hop, "via": "10.0.0.3"},
]
assert routes == expected, "it is no longer as described"
PYTHON
