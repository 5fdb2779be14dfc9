#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# iproute2 6.1.0 (Debian 12, 6.1.0-3): routes as JSON ("ip -j route") are not the routes.
#
# Expected: what "ip route" prints is in the JSON as well. Seen:
# - a route into a tunnel (encap ip, encap ip6) is one object with two keys "dst": the route's destination, then the tunnel's.
#   Python's json keeps the last, as most parsers do: 198.51.100.0/24 is read as a route to the tunnel's end. 6.15.0 (Debian 13)
#   puts the tunnel into an object of its own.
# - the lock of a metric ("mtu lock 1400": path MTU discovery must not change it) is not there; nor is it with 6.15.0.
# Whoever copies the routes of a network namespace takes "ip route save", or netlink itself.
#
# Needs root, for a network namespace of its own. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
apt-get -qq -o APT::Sandbox::User=root download iproute2=6.1.0-3 libbpf1=1:1.1.2-0+deb12u1
for package in ./*.deb; do dpkg-deb --extract "$package" root; done
export LD_LIBRARY_PATH="$scratch/root/usr/lib/x86_64-linux-gnu"
ip=root/bin/ip
cat >make_routes <<PROGRAM
set -euo pipefail
$ip link add outer type veth peer name inner
$ip link set inner up
$ip address add 192.0.2.1/24 dev outer
$ip link set outer up
$ip route add 198.51.100.0/24 encap ip id 5 dst 203.0.113.9 dev outer
$ip route add 198.18.0.0/15 via 192.0.2.2 mtu lock 1400
$ip -V
$ip route | tee text
$ip -j route >json
PROGRAM
unshare --net bash make_routes
grep -q '^198.51.100.0/24 .*dst 203.0.113.9' text
grep -q '^198.18.0.0/15 .*mtu lock 1400' text
"${PYTHON:-python3}" - <<'PYTHON'
import json

with open("json") as file:
    text = file.read()
routes = {route["dst"]: route for route in json.loads(text)}
print("destinations in the JSON:", sorted(routes))
assert sorted(routes) == ["192.0.2.0/24", "198.18.0.0/15", "203.0.113.9"]
pairs = next(pairs for pairs in json.loads(text, object_pairs_hook=list) if ("encap", "ip") in pairs)
assert [value for key, value in pairs if key == "dst"] == ["198.51.100.0/24", "203.0.113.9"]
print("metrics of 198.18.0.0/15:", routes["198.18.0.0/15"]["metrics"])
assert routes["198.18.0.0/15"]["metrics"] == [{"mtu": 1400}]
PYTHON
