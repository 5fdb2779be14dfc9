#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pyroute2 0.9.7 (PyPI), IPRoute.tc(): a token bucket with a peak rate.
#
# The parameter peak is read, and mtu is demanded beside it (an AssertionError without). Expected: what "tc qdisc add ... tbf ... peakrate" sets.
# Seen, without an error: the peak rate is not sent, the MTU alone is: the kernel has none, so that nothing limits a burst. A limit for the maximum bit rate of a session that is tested with its mean rate
# passes the test.
# As a filter's police has the same code, its peak is lost as well (from reading).
#
# Needs root, for a network namespace of its own, tc and the kernel's sch_tbf. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pyroute2==0.9.7
cat >"$scratch/bucket.py" <<'PYTHON'
import subprocess

from pyroute2 import IPRoute


def tc(*arguments):
    return subprocess.run(["tc", *arguments], check=True, capture_output=True, text=True).stdout


def bucket():
    """The rates of the qdisc as tc shows them; its JSON has no peak rate."""
    words = tc("qdisc", "show", "dev", "n6").split()
    tc("qdisc", "del", "dev", "n6", "root")
    return {name: words[words.index(name) + 1] for name in ("rate", "peakrate") if name in words}


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


with IPRoute() as routes:
    routes.link("add", ifname="n6", kind="veth", peer="n6peer")
    [index] = routes.link_lookup(ifname="n6")
    tc(*"qdisc add dev n6 root tbf rate 200kbit limit 3000 burst 1540 peakrate 400kbit mtu 1600".split())
    expect("by tc", bucket(), {"rate": "200Kbit", "peakrate": "400Kbit"})
    routes.tc("add", "tbf", index, 0, rate="200kbit", limit=3000, burst=1540, peak="400kbit", mtu=1600)
    expect("by pyroute2", bucket(), {"rate": "200Kbit"})
PYTHON
unshare --net "$scratch/venv/bin/python" "$scratch/bucket.py"
