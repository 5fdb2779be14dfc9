#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pytest-testinfra 10.2.2 (PyPI), with which Molecule's scenarios and others verify hosts: host.socket(...).is_listening.
#
# The description: "tcp://0.0.0.0:22" is all IPv4 sockets, and without a host "the socket is listening if and only if the socket listen on both
# all ipv4 and ipv6 addresses". Expected: that. Seen: a server that listens on :: for IPv6 alone (IPV6_V6ONLY; ss shows [::] for it, and *
# for both) answers for IPv4 as well: tcp://PORT, tcp://0.0.0.0:PORT and tcp://127.0.0.1:PORT are all "listening", while each of
# these connections is refused. A test passes for a network function that no IPv4 peer can reach.
# A server on 0.0.0.0, on the other hand, is not seen at tcp://127.0.0.1:PORT, where it answers.
#
# Needs ss and IPv6 on the loopback. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check pytest-testinfra==10.2.2
"$scratch/venv/bin/python" - <<'PYTHON'
import socket

import testinfra

host = testinfra.get_host("local://")


def told(listener):
    """What the library says of four addresses, and whether IPv4 answers."""
    port = listener.getsockname()[1]
    with socket.socket(socket.AF_INET) as client:
        answers = client.connect_ex(("127.0.0.1", port)) == 0
    names = ("", "0.0.0.0:", "127.0.0.1:", ":::")
    return {name: host.socket(f"tcp://{name}{port}").is_listening for name in names}, answers


def expect(what, seen, expected):
    print(f"{what}: IPv4 {'answers' if seen[1] else 'is refused'}, told {seen[0]}")
    assert seen == expected, f"it was {expected}"


with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
    expect("IPv4 and IPv6", told(listener), (dict.fromkeys(("", "0.0.0.0:", "127.0.0.1:", ":::"), True), True))
with socket.create_server(("::", 0), family=socket.AF_INET6) as listener:
    expect("IPv6 alone", told(listener), (dict.fromkeys(("", "0.0.0.0:", "127.0.0.1:", ":::"), True), False))
with socket.create_server(("0.0.0.0", 0)) as listener:
    expect("IPv4 alone", told(listener), ({"": False, "0.0.0.0:": True, "127.0.0.1:": False, ":::": False}, True))
PYTHON
