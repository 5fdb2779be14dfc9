# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is configured in a network namespace, set in another one and set again in the same."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.network import configuration, interfaces
from ansible_collections.organic.live_migration.plugins.module_utils.network.configuration import Configuration
from ansible_collections.organic.live_migration.plugins.module_utils.network.rtnetlink import Entry

SETUP = """
address add 198.51.100.7/32 dev nf0
address add 203.0.113.99/32 dev lo
address add 2001:db8::1/64 dev nf0 nodad
link set nf0 mtu 1400 txqueuelen 77
route add 203.0.113.0/24 via 192.0.2.2 mtu 1300 advmss 1200 src 198.51.100.7
route add 10.9.0.1 via 10.200.0.1 dev nf0 onlink
route add default via 10.200.0.1 dev nf0 onlink table 100 metric 5
route add blackhole 10.8.0.0/16
route add unreachable 10.7.0.0/16 table 101
route add prohibit 10.6.0.0/16
route add 10.5.0.0/16 nexthop via 192.0.2.2 weight 3 nexthop via 192.0.2.9 weight 1
route add 2001:db8:1::/48 via 2001:db8::2
route add blackhole 2001:db8:2::/48
rule add from 10.45.0.0/16 lookup 100 priority 1000
rule add fwmark 7 iif nf0 lookup 101 priority 1001
neighbour add 192.0.2.8 lladdr 02:00:00:00:00:08 dev nf0 nud permanent
neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev nf0 nud stale
neighbour add proxy 10.45.0.2 dev nf0
"""
CHANGES = """
rule del priority 1000
address del 203.0.113.99/32 dev lo
route del blackhole 10.8.0.0/16
rule add from 10.99.0.0/16 lookup 99 priority 900
route add blackhole 10.98.0.0/16
"""
LOOKS = ("address show", "route show table all", "-6 route show table all", "rule show", "-6 rule show",
         "neighbour show nud all", "neighbour show proxy")  # fmt: skip


def configure(wire: Any, lines: str) -> None:
    command = ["nsenter", "--target", str(wire.here), "--net", "ip", "-batch", "-"]
    subprocess.run(command, input=lines, text=True, check=True)


def look(wire: Any, pid: int) -> dict[str, str]:
    return {what: wire.inside(pid, "ip", *what.split()) for what in LOOKS}


def test_what_is_set_again_is_exactly_what_was_there(wire: Any) -> None:
    configure(wire, SETUP)
    wire.inside(wire.here, *["ip", "-6", "rule", "add", "from", "2001:db8::/32", "lookup", "100", "priority", "1002"])
    before, entries = look(wire, wire.here), configuration.read(wire.here)
    wire.inside(wire.here, "ip", "link", "set", "nf0", "down")
    configure(wire, CHANGES)
    wire.inside(wire.here, "ip", "link", "set", "nf0", "up")
    assert look(wire, wire.here) != before
    for _time in range(2):
        again = Configuration(wire.here, entries)
        assert again.restore() == []
        again.close()
    after = look(wire, wire.here)
    # the kernel gives the flushed addresses another place, and a link-local address takes a second
    for what in ("route show table all", "rule show", "-6 rule show", "neighbour show proxy"):
        assert sorted(after[what].splitlines()) == sorted(before[what].splitlines())
    assert {*configuration.read(wire.here)} >= {*entries}


def test_another_namespace_gets_it_in_two_steps(wire: Any) -> None:
    configure(wire, SETUP)
    wire.inside(wire.here, *["ip", "-6", "rule", "add", "from", "2001:db8::/32", "lookup", "100", "priority", "1002"])
    entries = configuration.read(wire.here)
    # over the wire
    sent = [typed.from_dict(Entry, json.loads(json.dumps(typed.to_dict(entry)))) for entry in entries]
    assert sent == entries
    for words in ("link set peer0 down", "link set peer0 name nf0", "address flush dev nf0", "link set lo up",
                  "address add 192.0.2.1/24 dev nf0", "route add blackhole 10.1.0.0/16"):  # fmt: skip
        wire.inside(wire.there, "ip", *words.split())
    target = Configuration.of(wire.there, sent)
    target.prepare(["nf0"])
    assert "lookup 100" in wire.inside(wire.there, "ip", "rule")
    routes = wire.inside(wire.there, "ip", "route")
    assert ("10.1.0.0" in routes, "203.0.113.0" in routes) == (False, False)
    wire.inside(wire.there, "ip", "link", "set", "nf0", "up")
    target.finish()
    target.close()
    assert {*configuration.read(wire.there)} >= {*entries}


def test_a_link_that_is_kept_is_left_alone(wire: Any) -> None:
    """Neither what it had on the source is taken along, nor what it has here removed."""
    configure(wire, "link add eth0 type veth peer name eth0-peer\n")
    configure(wire, "address add 10.244.1.2/24 dev eth0\nlink set eth0 up\nlink set eth0-peer up\n")
    configure(wire, "route add default via 10.244.1.1 dev eth0\nroute add 203.0.113.0/24 via 192.0.2.2\n")
    entries = configuration.read(wire.here, ["eth0"])
    assert not [entry for entry in entries if "eth0" in dict(entry.links).values()]
    before = look(wire, wire.here)["route show table all"]
    configure(wire, "route del 203.0.113.0/24\n")
    again = Configuration(wire.here, entries, ["eth0"])
    assert again.restore() == []
    again.close()
    assert sorted(look(wire, wire.here)["route show table all"].splitlines()) == sorted(before.splitlines())
    assert [one.name for one in interfaces.read_interfaces(wire.here, ["eth0"])] == ["nf0"]
    assert {one.name for one in interfaces.read_interfaces(wire.here, [], addressless=True)} >= {"nf0"}


def test_what_the_kernel_refuses_is_named(wire: Any) -> None:
    configure(wire, "route add 203.0.113.0/24 via 192.0.2.2\n")
    entries = configuration.read(wire.here)
    wire.inside(wire.here, "ip", "address", "flush", "dev", "nf0")
    here = Configuration(wire.here, [entry for entry in entries if entry.kind == 24])
    assert here.restore() == ["route 203.0.113.0/24 dev nf0 of table 254 (Nexthop has invalid gateway)"]
    here.prepare([])
    with pytest.raises(MigrationError, match=r"route 203.0.113.0/24 dev nf0 .*invalid gateway"):
        here.finish()
    here.close()


def test_a_missing_link_is_named(wire: Any) -> None:
    entries = configuration.read(wire.here)
    missing = [Entry(entry.kind, entry.body, ((4, "nf9"),)) for entry in entries if entry.kind == 20]
    here = Configuration(wire.here, missing)
    assert here.restore() == ["address 192.0.2.1/24 of nf9 (There is no link nf9)"]
    here.close()


def test_a_route_by_a_nexthop_object_is_a_blocker(wire: Any) -> None:
    configure(wire, "nexthop add id 7 via 192.0.2.2 dev nf0\nroute add 203.0.113.0/24 nhid 7\n")
    [blocker] = configuration.blockers(wire.here)
    assert blocker.code == "route"
    assert "203.0.113.0/24" in blocker.message


def test_qdiscs_are_set_or_named(wire: Any) -> None:
    def tc(words: str) -> str:
        shown: str = wire.inside(wire.here, "tc", "qdisc", *words.split())
        return shown

    tc("add dev nf0 root handle 5: tbf rate 8mbit burst 16kb latency 50ms")
    assert configuration.blockers(wire.here) == []
    before, entries = tc("show dev nf0"), configuration.read(wire.here)
    assert "tbf 5:" in before
    tc("replace dev nf0 root handle 6: pfifo limit 10")
    here = Configuration(wire.here, entries)
    assert here.restore() == []
    here.close()
    assert tc("show dev nf0") == before
    tc("replace dev nf0 root handle 7: htb")
    [blocker] = configuration.blockers(wire.here)
    assert (blocker.code, "htb 7: dev nf0" in blocker.message) == ("qdisc", True)


@pytest.mark.parametrize(
    "entry",
    [{"kind": 24, "body": "0"}, {"kind": 24, "body": "xx"}, {"kind": 24, "body": "00", "links": [[0, "eth0"]]},
     {"kind": 24, "body": "00000000", "links": [[0, "a b"]]}],
)  # fmt: skip
def test_malformed_entries_are_rejected(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="netlink message"):
        typed.from_dict(Entry, entry)


def test_other_messages_are_rejected(wire: Any) -> None:
    with pytest.raises(ValueError, match="configures nothing"):
        Configuration.of(wire.here, [Entry(17, "")])
