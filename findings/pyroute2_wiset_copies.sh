#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pyroute2 0.9.7 (PyPI), pyroute2.wiset: sets of addresses (ipset) that are read, copied, or filled again.
#
# Expected: what load_ipset() has read is what "ipset save" prints, and can be created again. Seen, with no error:
# - an exception ("10.1.0.0/16 nomatch" in a set with 10.0.0.0/8) is read as a member; a copy matches what the set leaves out.
# - in a set of the type ip,port,net the second address is read as the first one again.
# - replace_entries(), "atomic, like a flush() and adding all entries", puts another set in place of the old one, without its netmask and
#   with the usual maximum of elements: of a set with netmask 24 each entry stood for 256 addresses, and stands for one.
# A set of IPv6 cannot be read at all (TypeError). Take "ipset save" and "ipset restore" for copies.
#
# Needs root, for a network namespace of its own, and ipset. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pyroute2==0.9.7
cat >"$scratch/sets.py" <<'PYTHON'
import subprocess

from pyroute2.wiset import load_ipset


def ipset(*arguments):
    return subprocess.run(["ipset", *arguments], check=True, capture_output=True, text=True).stdout


def made(name, kind, *entries):
    ipset("create", name, *kind.split())
    for entry in entries:
        ipset("add", name, *entry.split())


def matches(name, address):
    return subprocess.run(["ipset", "test", name, address], capture_output=True).returncode == 0


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


made("inside", "hash:net", "10.0.0.0/8", "10.1.0.0/16 nomatch")
inside = load_ipset("inside", content=True)
expect("members", sorted(inside.content), ["10.0.0.0/8", "10.1.0.0/16"])
inside.name = "copy"
inside.create()
inside.insert_list(inside.content)
expect("10.1.2.3 is in the set, in the copy", (matches("inside", "10.1.2.3"), matches("copy", "10.1.2.3")), (False, True))

made("peers", "hash:ip,port,net", "192.0.2.1,udp:2152,10.0.0.0/8")
expect("a peer", list(load_ipset("peers", content=True).content), ["192.0.2.1,udp:2152,192.0.2.1"])

made("networks", "hash:ip netmask 24 maxelem 200000", "192.0.2.0")
before = matches("networks", "192.0.2.99")
load_ipset("networks").replace_entries(["192.0.2.0"])
expect("192.0.2.99 is in the set before, after", (before, matches("networks", "192.0.2.99")), (True, False))
options = ipset("save", "networks").splitlines()[0].split()
expect("netmask, maximum", ("netmask" in options, options[options.index("maxelem") + 1]), (False, "65536"))

made("six", "hash:ip family inet6", "2001:db8::1")
try:
    load_ipset("six", content=True)
except TypeError as error:
    print("IPv6:", error)
else:
    raise SystemExit("it is no longer as described")
PYTHON
unshare --net "$scratch/venv/bin/python" "$scratch/sets.py"
