# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives in namespaces and not in processes; the lab's tests/what_moves has it moved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host.container import parse_mountinfo
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces import inventory, mounts, packet_filter
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces.links import has_xfrm, made_inside
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces.mounts import mounted_inside
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces.packet_filter import PacketFilter
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces.settings import (
    HostNames,
    NetworkSettings,
)

MASQUERADE = "iptables -t nat -A POSTROUTING -s 10.45.0.0/16 -o nf0 -j MASQUERADE"
SAVED = """\
*nat
:OUTPUT ACCEPT [0:0]
:DOCKER_OUTPUT - [0:0]
-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:34859
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -m comment --comment organic-0011223344556677 -j NFQUEUE --queue-num 7 --queue-bypass
COMMIT
*filter
:FORWARD DROP [0:0]
:upf - [0:0]
-A upf -p tcp -m tcp --dport 25 -j DROP
COMMIT
"""


def test_rules_of_the_engine_and_of_a_migration_stay_behind() -> None:
    kept = packet_filter._own_rules(SAVED)
    assert kept == "*filter\n:FORWARD DROP [0:0]\n:upf - [0:0]\n-A upf -p tcp -m tcp --dport 25 -j DROP\nCOMMIT\n"


def test_rules_of_another_namespace_are_set(wire: Any) -> None:
    wire.inside(
        wire.here,
        *["iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.45.0.0/16", "-o", "nf0", "-j", "MASQUERADE"],
    )
    wire.inside(wire.here, *["nft", "add", "table", "inet", "upf"])
    found = PacketFilter().read(wire.here)
    PacketFilter().apply(wire.there, found)
    assert PacketFilter().read(wire.there) == found
    assert "table inet upf" in found["nft"]


def test_a_rule_with_an_ipset_is_a_blocker(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "-A INPUT -m set --match-set blocked src -j DROP"
    monkeypatch.setattr(PacketFilter, "read", lambda _self, _pid: {"iptables-nft": f"*filter\n{rule}\nCOMMIT\n"})
    [blocker] = PacketFilter().blockers(1)
    assert rule in blocker.message


def test_only_changed_settings_are_read_and_all_of_them_set(wire: Any) -> None:
    before = NetworkSettings().read(wire.here)
    wire.inside(wire.here, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_sack; echo 1 > /proc/sys/net/ipv4/ip_forward")
    found = NetworkSettings().read(wire.here)
    changed = {key for key in found if found[key] != before.get(key)}
    assert {"ipv4/tcp_sack", "ipv4/ip_forward"} <= changed
    NetworkSettings().apply(wire.there, found)
    assert wire.inside(wire.there, "cat", "/proc/sys/net/ipv4/tcp_sack", "/proc/sys/net/ipv4/ip_forward") == "0\n1\n"
    assert wire.inside(wire.there, "cat", "/proc/sys/net/ipv4/conf/all/forwarding") == "1\n"
    with pytest.raises(MigrationError, match=r"net.ipv4.tcp_sack cannot be set to 'x'"):
        NetworkSettings().apply(wire.there, {"ipv4/tcp_sack": "x"})


def test_host_names_are_set(as_root: None, spawn: Any) -> None:
    program = "import signal; print('ready', flush=True); signal.pause()"
    ends = [spawn.start(["unshare", "--uts", sys.executable, "-ISc", program]).pid for _end in range(2)]
    mine = Path("/proc/sys/kernel/hostname").read_text()
    HostNames().apply(ends[0], {"hostname": "upf-7", "domainname": "example.org"})
    found = HostNames().read(ends[0])
    assert found == {"hostname": "upf-7", "domainname": "example.org"}
    HostNames().apply(ends[1], found)
    assert HostNames().read(ends[1]) == found
    assert Path("/proc/sys/kernel/hostname").read_text() == mine


def test_what_is_not_carried_is_named(as_root: None, spawn: Any) -> None:
    program = "import signal; print('ready', flush=True); signal.pause()"
    unshare = ["unshare", "--ipc", "--net", "--mount", sys.executable, "-ISc", program]
    pid = spawn.start(unshare).pid
    inside = ["nsenter", "--target", str(pid), "--ipc", "--net", "--mount"]
    for command in ("ip link add br7 type bridge", "mount -t tmpfs none /mnt",
                    "ip xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out action block"):  # fmt: skip
        subprocess.run([*inside, *command.split()], check=True, capture_output=True)
    assert [blocker.code for blocker in made_inside(pid, set())] == ["link"]
    assert made_inside(pid, {"br7"}) == []
    assert "10.1.0.0/16" in has_xfrm(pid)[0].message
    mounts = [blocker.message for blocker in mounted_inside(pid, [], "c0ffee")]
    assert any(message.startswith("/mnt (tmpfs)") for message in mounts)
    assert not any(
        message.startswith("/mnt ") for message in (b.message for b in mounted_inside(pid, ["/mnt"], "c0ffee"))
    )
    assert {"link", "xfrm"} <= {blocker.code for blocker in inventory.blockers(pid, [], set(), "c0ffee")}


def test_secrets_and_configs_of_a_swarm_are_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of Docker 26.1.5. A secret has another path than the default's; a tmpfs that was mounted inside is one."""
    lines = [
        "1671 973 0:327 /s59xzmc48elsponrxpncx3yzq /etc/motd ro,relatime master:463 - tmpfs tmpfs ro",
        "1832 973 0:327 /w22q677vcynnw458ugpb48b9w /etc/ssl/key ro,relatime master:463 - tmpfs tmpfs ro",
        "1833 973 0:328 / /etc/ssl rw,relatime - tmpfs tmpfs rw",
    ]
    monkeypatch.setattr(mounts, "_mounts", lambda _pid: parse_mountinfo("\n".join(lines)))
    [blocker] = mounted_inside(1, [], "c0ffee")
    assert blocker.message.startswith("/etc/ssl (tmpfs)")
