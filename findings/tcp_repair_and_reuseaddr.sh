#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Linux 6.18.44: the socket options TCP_REPAIR (with which connections are read and restored) and SO_REUSEADDR.
#
# Expected: two options that do not touch each other. Seen: they are one field of the socket.
# - With TCP_REPAIR on, SO_REUSEADDR reads as 2, which no program has set.
# - A socket in repair mode may bind an address on which another one listens. Setting SO_REUSEADDR to 1 *after* TCP_REPAIR takes
#   that away: bind() fails with EADDRINUSE. The other order works, so asking for more reuse gives less.
# - Turning TCP_REPAIR off sets SO_REUSEADDR to 0, whatever it was before: who puts a live connection into repair mode only to
#   read it has changed an option of the program, without an error. Save it before, and set it again.
#
# Needs root (CAP_NET_ADMIN) and Python, no package. Fails if the behaviour changes.
set -euo pipefail
uname -r
python3 - <<'PYTHON'
import socket

TCP_REPAIR = 19


def repair(one, value):
    one.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, value)


def reuse(one, value=None):
    if value is not None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, value)
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def bound(one, address):
    try:
        one.bind(address)
    except OSError as error:
        return error.strerror
    return "bound"


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


with socket.create_server(("127.0.0.1", 0)) as listener:
    address = listener.getsockname()
    with socket.socket() as one:
        repair(one, 1)
        expect("SO_REUSEADDR in repair mode", reuse(one), 2)
        expect("bind() in repair mode", bound(one, address), "bound")
    with socket.socket() as one:
        reuse(one, 1)
        repair(one, 1)
        expect("SO_REUSEADDR, then TCP_REPAIR", bound(one, address), "bound")
    with socket.socket() as one:
        repair(one, 1)
        reuse(one, 1)
        expect("TCP_REPAIR, then SO_REUSEADDR", bound(one, address), "Address already in use")

with socket.socket() as one:
    reuse(one, 1)
    repair(one, 1)
    repair(one, 0)
    expect("SO_REUSEADDR of 1, after repair mode", reuse(one), 0)
PYTHON
