#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# iproute2 6.1.0 (Debian 12, 6.1.0-3): traffic filters and policy rules as JSON ("tc -j filter", "ip -j rule").
#
# Expected: a filter or a rule that is read from the JSON selects what the one in the kernel selects. Seen:
# - a u32 filter with several conditions is one object with a key "match" for each. Python's json keeps the last, as most parsers do:
#   "dst 10.60.0.0/16 and UDP port 2152" is read as UDP port 2152 alone. Numbers are text in base 16 without 0x, and without the zeros
#   in front, so that the length of a field cannot be told.
# - a rule with "not" has "not": null. What asks whether it is set (rule.get("not") in Python, select(.not) in jq, if (rule.not) in
#   JavaScript) gets no, and so the opposite rule.
# - "tc -j class" prints text, with exit status 0.
# Take the text, or netlink itself, for copies and checks.
#
# Needs root, for a network namespace of its own, and packages of Debian 12 for x86-64. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
apt-get -qq -o APT::Sandbox::User=root download iproute2=6.1.0-3 libbpf1=1:1.1.2-0+deb12u1
for package in ./*.deb; do dpkg-deb --extract "$package" root; done
export LD_LIBRARY_PATH="$scratch/root/usr/lib/x86_64-linux-gnu"
export PATH="$scratch/root/bin:$scratch/root/sbin:$PATH"
unshare --net bash -euo pipefail <<'NAMESPACE'
ip -V
ip link add n6 type veth peer name upf
ip link set n6 up
tc qdisc add dev n6 root handle 1: htb
tc class add dev n6 parent 1: classid 1:10 htb rate 10mbit
tc filter add dev n6 parent 1: protocol ip prio 1 u32 match ip dst 10.60.0.0/16 match ip dport 2152 0xffff flowid 1:10
ip rule add not fwmark 0x5 lookup 100 priority 10
tc filter show dev n6 >filters
tc -j filter show dev n6 >filters.json
tc -j class show dev n6 >classes.json
ip rule >rules
ip -j rule >rules.json
NAMESPACE
cat filters rules
"${PYTHON:-python3}" - <<'PYTHON'
import json
from pathlib import Path


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


text = Path("filters").read_text()
expect("conditions in the text", [line.split()[1] for line in text.splitlines() if "match" in line], ["0a3c0000/ffff0000", "00000868/0000ffff"])
content = Path("filters.json").read_text()
kept = next(one["options"]["match"] for one in json.loads(content) if "match" in one.get("options", {}))
expect("condition in the JSON, as read", kept, {"value": "868", "mask": "ffff", "offmask": "", "off": 20})
expect("conditions in the JSON, as written", content.count('"match":'), 2)

expect("the rule in the text", "10:\tnot from all fwmark 0x5 lookup 100" in Path("rules").read_text(), True)
[rule] = [one for one in json.loads(Path("rules.json").read_text()) if one["priority"] == 10]
expect("the rule in the JSON", (rule, bool(rule.get("not"))), ({"priority": 10, "not": None, "src": "all", "fwmark": "0x5", "table": "100"}, False))

classes = Path("classes.json").read_text()
expect("classes in JSON", classes.split()[:3], ["class", "htb", "1:10"])
PYTHON
