# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules and queues of the packet mirror; the mirror itself is tested in tests/runtime."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network import mirror_rules
from ansible_collections.organic.live_migration.plugins.module_utils.network.mirror_rules import MirrorQueues

OWNER = "0123456789abcdef"
FOREIGN = "PREROUTING -i nf0 -p udp --dport 53 -j ACCEPT"


def rules_of(wire: Any, family: str = "ip") -> list[str]:
    saved = wire.inside(wire.here, f"{family}tables-save", "--table", "raw").splitlines()
    return [line for line in saved if line.startswith("-A")]


@pytest.fixture
def ends(wire: Any) -> Iterator[tuple[socket.socket, socket.socket]]:
    """UDP sockets, here and there."""
    with libc.network_namespace(wire.here):
        here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        here.bind((wire.here_address, 9000))
    with libc.network_namespace(wire.there):
        there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        there.connect((wire.here_address, 9000))
    with here, there:
        here.settimeout(10)
        there.settimeout(10)
        yield here, there


def test_rules_of_each_family_are_made_and_removed_without_others(wire: Any) -> None:
    mirror_rules.install(wire.here, "another", {"ip": [FOREIGN]})
    before = rules_of(wire)
    made = mirror_rules.source_rules([wire.here_address, "2001:db8::1"], 7)
    mirror_rules.install(wire.here, OWNER, made)
    assert len(rules_of(wire)) == len(before) + 3
    assert len(rules_of(wire, "ip6")) == 3
    outputs = [line for line in rules_of(wire) if line.startswith("-A OUTPUT")]
    assert "SYN" in outputs[0], "new connections have a queue of their own, which comes first"
    for _time in range(2):
        mirror_rules.remove(wire.here, OWNER)
        assert (rules_of(wire), rules_of(wire, "ip6")) == (before, [])


def test_the_sources_rules_do_nothing_without_a_mirror(wire: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    mirror_rules.install(wire.here, OWNER, mirror_rules.source_rules([wire.here_address], 7))
    there.send(b"request")
    data, peer = here.recvfrom(100)
    here.sendto(data, peer)
    assert there.recv(100) == b"request"


def test_the_targets_rules_let_nothing_out_or_in(wire: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    mirror_rules.install(wire.here, OWNER, mirror_rules.target_rules(7, mirror_rules.families()))
    there.send(b"request")
    here.sendto(b"said", there.getsockname())
    mirror_rules.remove(wire.here, OWNER)
    there.send(b"later")
    here.sendto(b"said later", there.getsockname())
    assert here.recv(100) == b"later"
    assert there.recv(100) == b"said later"


def test_what_a_killed_mirror_held_is_let_in(wire: Any, ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    queues = MirrorQueues(wire.here)
    mirror_rules.install(wire.here, OWNER, mirror_rules.source_rules([wire.here_address], queues.first))
    bound = vars(queues)["_socket"]
    queue = queues.first + mirror_rules.INPUT
    # as the mirror does: bind, whole packets (linux/netfilter/nfnetlink_queue.h)
    body = bytes([0, 0, queue >> 8, queue & 255]) + b"\x08\0\x01\0\x01\0\0\2" + b"\x09\0\x02\0\0\0\xff\xff\2\0\0\0"
    bound.send((16 + len(body)).to_bytes(4, "little") + b"\x02\x03\x05\0" + bytes(8) + body)
    there.send(b"held")
    assert b"held" in bound.recv(1 << 16) + bound.recv(1 << 16), "the answer to the request, and the packet"
    queues.let_pass()
    assert here.recv(100) == b"held"
    queues.close()
