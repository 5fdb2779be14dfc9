#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pyroute2 0.9.7 (PyPI) on Linux 6.18: IPRoute.route_dump() and route_load(), which save and load routes in the format of
# "ip route save" and "ip route restore".
#
# Expected: a namespace gets its routes back, as from iproute2. Seen: the dump is complete, and iproute2 restores it. route_load()
# sends each route as "replace", and an IPv6 route replaces another one to the same destination with the same metric. Every
# interface has fe80::/64 and ff00::/8 of its own, so that only the interface that was loaded last keeps them: on all others
# IPv6 has no link-local route and no multicast, that is no neighbour discovery. No error.
# Load with "ip route restore", or put the routes in one by one with "append".
#
# Needs root, for a network namespace of its own. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pyroute2==0.9.7
cat >"$scratch/load.py" <<'PYTHON'
import socket
import subprocess
import sys

from pyroute2 import IPRoute

KINDS = ("fe80::/64", "ff00::/8")


def ip(*arguments, **options):
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, **options).stdout


def flush():
    for table in ("main", "local"):
        subprocess.run(["ip", "-6", "route", "flush", "table", table], check=False, capture_output=True)


def routes():
    """Which interfaces have the routes of a link."""
    lines = [line.split() for line in ip("-6", "route", "show", "table", "all", text=True).splitlines()]
    found = {(kind, words[words.index("dev") + 1]) for words in lines for kind in KINDS if kind in words[:2]}
    return sorted(f"{kind} {device}" for kind, device in found if device != "lo")


ip("link", "set", "lo", "up")
ip("link", "add", "one", "type", "veth", "peer", "name", "two")
for device in ("one", "two"):
    ip("link", "set", device, "up")
before = routes()
print("before:            ", before)
assert before == ["fe80::/64 one", "fe80::/64 two", "ff00::/8 one", "ff00::/8 two"]

dump = sys.argv[1]
with IPRoute() as routing:
    with open(dump, "wb") as file:
        routing.route_dump(file, socket.AF_INET6)

    flush()
    assert routes() == []
    with open(dump, "rb") as file:
        ip("route", "restore", stdin=file)
    print("ip route restore:  ", routes())
    assert routes() == before

    flush()
    with open(dump, "rb") as file:
        routing.route_load(file)
print("IPRoute.route_load:", routes())
assert len(routes()) == 2
PYTHON
unshare --net "$scratch/venv/bin/python" "$scratch/load.py" "$scratch/routes"
