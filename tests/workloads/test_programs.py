# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party programs under load migrate there and back: nothing is lost, and no connection breaks."""

from __future__ import annotations

import json
from typing import Any

from tests.harness.containers import WORK, Conversation, arrived, start_migrations
from tests.harness.injection import FaultInjector
from tests.harness.wait import until

from . import starts
from .starts import HLR_DIRECTORY, Make, Program

TUN = ("--device=/dev/net/tun", "--cap-add=NET_ADMIN")
OUTAGE_PINGS = 100
"""Half a second of them."""
INDEX_BITS = 5
"""Low bits of an SQN that tell vectors of different domains apart; TS 33.102, annex C."""


def move_there_and_back(program: Program, strategy: str) -> dict[str, Any]:
    """Move a program under load; returns its client's last report, made when all had been checked."""
    with program.client() as client:
        report = client.ask("report")
        for _hop in range(2):
            steps = report["steps"]
            [result] = arrived(start_migrations([program], strategy=strategy), [program])
            assert result["strategy"] == strategy
            report = await_steps(client, steps)
        report = client.ask("quiet")
        assert report["faults"] == []
        return report


def await_steps(client: Conversation, before: list[int]) -> dict[str, Any]:
    """Await that each thread of the client has done more."""
    reports: list[dict[str, Any]] = []

    def all_went_on() -> bool:
        reports.append(client.ask("report"))
        assert reports[-1]["faults"] == []
        return all(now > then + 1 for now, then in zip(reports[-1]["steps"], before, strict=True))

    until(all_went_on, "the client's work goes on", 20)
    return reports[-1]


def test_etcd_keeps_keys_and_watches(make: Make, strategy: str) -> None:
    etcd = starts.etcd(make)
    report = move_there_and_back(etcd, strategy)
    assert report["watched"] == report["put"]


def test_redis_counts_on_as_another_user_and_forks(make: Make, strategy: str) -> None:
    redis = starts.redis(make)
    report = move_there_and_back(redis, strategy)
    assert report["forks"] >= 2
    assert report["saves"] >= 2


def test_hlr_keeps_its_data_base(make: Make, strategy: str) -> None:
    hlr = starts.hlr(make)
    report = move_there_and_back(hlr, strategy)
    copy = f"{WORK}/hlr"
    hlr.home.run(f"rm -rf {copy}; docker cp --quiet {hlr.name}:{HLR_DIRECTORY} {copy}")
    script = f"import sqlite3, json; base = sqlite3.connect('{copy}/hlr.db'); "
    script += "print(json.dumps([base.execute('PRAGMA integrity_check').fetchall(), "
    script += "base.execute('SELECT sqn FROM auc_3g').fetchall()]))"
    integrity, [[sqn]] = json.loads(hlr.home.run(f'python3 -c "{script}"'))
    assert integrity == [["ok"]]
    assert sqn >> INDEX_BITS == report["vectors"]


def test_nginx_counts_on(make: Make, strategy: str) -> None:
    nginx = starts.nginx(make)
    assert move_there_and_back(nginx, strategy)["count"]


def test_haproxy_counts_on_and_keeps_its_socket(make: Make, strategy: str) -> None:
    haproxy = starts.haproxy(make)
    count = move_there_and_back(haproxy, strategy)["count"]
    script = "import socket; one = socket.socket(socket.AF_UNIX); one.settimeout(20); "
    script += f"one.connect('/proc/{haproxy.init}/root/tmp/haproxy.sock'); one.send(b'show table visits\\n'); "
    script += "print(one.makefile().read())"
    assert f"http_req_cnt={count}" in haproxy.home.run(f'python3 -c "{script}"')


def test_node_js_counts_on(make: Make, strategy: str) -> None:
    node = starts.nodejs(make)
    assert move_there_and_back(node, strategy)["count"]


def test_erlang_counts_on(make: Make, strategy: str) -> None:
    erlang = starts.erlang(make)
    assert move_there_and_back(erlang, strategy)["count"]


def test_mariadb_keeps_rows_and_temporary_tables(make: Make, strategy: str) -> None:
    assert move_there_and_back(starts.mariadb(make), strategy)["count"]


def test_postgresql_keeps_rows_sessions_and_its_shared_memory(make: Make, strategy: str) -> None:
    """Its server holds a segment of System V shared memory, by which a second one would know that it runs."""
    postgresql = starts.postgresql(make)
    before = segments(postgresql)
    report = move_there_and_back(postgresql, strategy)
    assert report["heard"] == report["count"]
    assert segments(postgresql) == before


def segments(program: Program) -> list[list[str]]:
    """Key, identifier, mode and size of its System V shared memory, and how often it is attached."""
    table = program.home.run(f"nsenter --target {program.init} --ipc cat /proc/sysvipc/shm").splitlines()
    return [[*row.split()[:4], row.split()[6]] for row in table[1:]]


def test_php_counts_on(make: Make, strategy: str) -> None:
    assert move_there_and_back(starts.php(make), strategy)["count"]


def test_php_with_its_compiler_is_refused_by_name(make: Make) -> None:
    """CRIU would put its code where that of the compiler is, which is shared memory ("Can't poke")."""
    result = start_migrations([starts.php(make, compiles=True)], strategy="pre_copy").result()
    assert {blocker["code"] for blocker in result.only["blockers"]} == {"shared_code"}
    assert "opcache.jit=disable" in result.message


def test_openjdk_counts_on(make: Make, strategy: str) -> None:
    assert move_there_and_back(starts.openjdk(make), strategy)["count"]


def test_sqlite_counts_on(make: Make, strategy: str) -> None:
    assert move_there_and_back(starts.sqlite(make), strategy)["count"]


def test_ggsn_keeps_its_tunnels(make: Make, strategy: str) -> None:
    ggsn = make("ggsn", 53)
    ggsn.start(["/usr/bin/osmo-ggsn", "-c", "/osmo-ggsn.cfg"], ggsn.configure("osmo-ggsn.cfg"), *TUN,
               ready="Successfully started")  # fmt: skip
    before, heard = tun_device(ggsn), changes_heard(ggsn)
    report = move_there_and_back(ggsn, strategy)
    assert (report["lost"], report["doubled"], report["repeated"]) == ([], [], 0)
    assert tun_device(ggsn) == before
    # it heard of no change of its interfaces, although its address went to another host and came back
    assert changes_heard(ggsn) == heard


def test_ggsn_goes_on_where_it_was_when_its_migration_fails(make: Make, strategy: str) -> None:
    ggsn = make("ggsn", 53)
    ggsn.start(["/usr/bin/osmo-ggsn", "-c", "/osmo-ggsn.cfg"], ggsn.configure("osmo-ggsn.cfg"), *TUN,
               ready="Successfully started")  # fmt: skip
    before, home = tun_device(ggsn), ggsn.home
    with ggsn.client() as client:
        steps = client.ask("report")["steps"]
        injector = FaultInjector(ggsn.away, "target:active", "occupy_pid")
        run = start_migrations([ggsn], strategy=strategy)
        assert injector.acted(run)
        result = run.result()
        assert result.status != 0
        assert f"runs on {home.name} as before" in result.message
        await_steps(client, steps)
        report = client.ask("quiet")
    assert report["faults"] == []
    # its address was on the other host for a moment, and what came in there is lost; nothing before, nothing after
    lost = report["lost"]
    assert lost == list(range(lost[0], lost[-1] + 1)) if lost else True
    assert len(lost) < OUTAGE_PINGS
    assert report["doubled"] == []
    assert tun_device(ggsn) == before
    assert ggsn.name not in ggsn.away.run("docker ps --all --format {{.Names}}").splitlines()


def changes_heard(ggsn: Program) -> list[str]:
    """What it has logged of interfaces that went down: its own device is down until it has set that up."""
    return [line for line in ggsn.logs() if "DOWN" in line]


def tun_device(ggsn: Program) -> dict[str, Any]:
    """What the container's TUN device is like, but for its number and counters."""
    [link] = json.loads(ggsn.in_network("ip -json -details address show dev tun4"))
    assert "UP" in link["flags"]
    assert "LOWER_UP" in link["flags"]  # somebody is attached to it
    return {key: link[key] for key in ("flags", "mtu", "txqlen", "linkinfo")} | {
        "addresses": sorted(f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"])
    }
