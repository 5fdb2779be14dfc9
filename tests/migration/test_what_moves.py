# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container keeps when it migrates there and back, while its clients notice nothing."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from tests.harness.build import SERVER
from tests.harness.client import Client
from tests.harness.containers import (
    IMAGE,
    WORK,
    Container,
    Conversation,
    arrived,
    run_resident,
    start_migrations,
)
from tests.harness.site import Site
from tests.harness.wait import until

from .bridge import BRIDGE, Bridge
from .places import HEALTHY, OUTSIDE

CONTROL_PORT, PORT = 7001, 7000
HOPS = ("there", "back")
CLOCK_TOLERANCE_MS = 150
"""What a busy machine may add to the downtime of a process."""
ROUNDING_MS = 0.05
STEPS = ["prepare", "connect", "files", "setup", "files_delta", "read_sockets", "scan_mappings", "drain_accept_queue",
         "freeze", "switch_network", "dump", "restore", "final_memory", "run", "release",
         "target_cleanup"]  # fmt: skip
EXTRA_ADDRESS, EXTRA_ROUTE, EXTRA_MAC = "198.51.100.7/32", "203.0.113.0/24", "02:00:5e:10:00:01"


class Control:
    """The control port of the probe."""

    def __init__(self, site: Site, address: str) -> None:
        # from the client's host: a macvlan cannot be reached from the host that it is on
        self._site = site
        self._address = address

    def ask(self, command: str) -> dict[str, Any]:
        script = f"import socket; link = socket.create_connection(('{self._address}', {CONTROL_PORT}), 10); "
        script += f"link.sendall(b'{command}\\n'); print(link.makefile().readline())"
        answer: dict[str, Any] = json.loads(self._site.ran.run(f'python3 -c "{script}"'))
        return answer


class Moves:
    """Four containers that migrate there and back, two in each direction at the same time."""

    def __init__(self, site: Site) -> None:
        self.site = site
        first, second = site.edges
        self.probe = Container(site, "probe", first)
        self.bridged = Container(site, "bridged", first)
        self.austere = Container(site, "austere", second)
        self.twofold = Container(site, "twofold", second)
        self.all = [self.probe, self.bridged, self.austere, self.twofold]
        self._bridge = Bridge(site)
        self.addresses = {self.probe.name: site.address(10), self.bridged.name: self._bridge.address(0),
                          self.austere.name: site.address(11), self.twofold.name: site.address(12)}  # fmt: skip
        self._control = Control(site, self.addresses[self.probe.name])
        self.clients: dict[str, Client] = {}
        self.results: dict[str, dict[str, dict[str, Any]]] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self.health: dict[str, str] = {}
        self.equipment: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, list[list[str]]] = {}

    def start(self) -> None:
        self.peer = Conversation(self.site.ran, f"python3 {WORK}/peer.py {self.addresses[self.probe.name]}")
        assert self.peer.line() == "listening\n"
        program = [f"--volume={WORK}/probe.py:/probe.py:ro", "--tmpfs=/tmp", "--tmpfs=/run", "--user=0"]
        run_resident(self.probe, 10, ["/usr/bin/python3", "/probe.py", self.site.ran.address], *program, image=IMAGE)
        serve = [SERVER, "--port", str(PORT), "--memory-mb"]
        at_bridge = [f"--network={BRIDGE}", f"--ip={self.addresses[self.bridged.name]}"]
        run_resident(self.bridged, 0, [*serve, "20", "--dirty-pages-per-s", "100"], *at_bridge)
        bare = ["--user=1000", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        run_resident(self.austere, 11, [*serve, "4", "--dirty-pages-per-s", "100"], *bare, image=HEALTHY)
        run_resident(self.twofold, 12, [*serve, "4"], verb="create")
        self.twofold.home.run(
            f"docker network connect --ip {self._bridge.address(1)} {BRIDGE} {self.twofold.name}; "
            f"docker start {self.twofold.name}"
        )
        until(lambda: "ready" in self.probe.logs(), "the probe is ready")
        self.peer.ask("start")
        for one in (self.bridged, self.austere, self.twofold):
            self._connect(one.name, self.addresses[one.name])
        self._connect(BRIDGE, self._bridge.address(1))
        self.probe.home.run(
            f"docker exec --detach {self.probe.name} /usr/bin/python3 -c 'import time; time.sleep(600)'"
        )
        self.probe.in_network(f"ip address add {EXTRA_ADDRESS} dev eth0")
        self.probe.in_network(f"ip route add {EXTRA_ROUTE} via {self.site.ran.address}")
        self.probe.in_network(f"ip neighbour add {self.site.address(99)} lladdr {EXTRA_MAC} dev eth0 nud permanent")
        self._record("before")

    def _connect(self, name: str, address: str) -> None:
        site = dataclasses.replace(self.site.topology, address=IPv4Address(address), port=PORT)
        self.clients[name] = Client.start(site, self.site.workload.client, connections=1)

    def _record(self, when: str) -> None:
        until(lambda: self._health() != "starting", "the health is known")
        self.health[when] = self._health()
        self.equipment[when] = {
            what: json.loads(self.probe.in_network(f"ip -json -4 {what} show"))
            for what in ("address", "route", "neighbour")
        }

    def _health(self) -> str:
        return str(self.austere.inspect()["State"]["Health"]["Status"])

    def hop(self, hop: str) -> None:
        self._control.ask("forget")
        fired = self._control.ask("report")["fired"]
        one, other = [self.probe, self.bridged], [self.austere, self.twofold]
        runs = [(start_migrations(one), one), (start_migrations(other), other)]
        self.results[hop] = {
            container.name: result
            for run, containers in runs
            for container, result in zip(containers, arrived(run, containers), strict=True)
        }
        self.logs[hop] = [self.probe.site.other(self.probe.home).run(f"docker logs {self.probe.name}").splitlines()]
        until(lambda: all(number > fired[name] + 1 for name, number in self._control.ask("report")["fired"].items()),
              "timers fire", 10)  # fmt: skip
        self.reports[hop] = self._control.ask("report")
        self.logs[hop].append(self.probe.logs())
        self._record(hop)
        for name, client in self.clients.items():
            answered = client.status()["answered"]
            client.await_status(lambda status, past=answered: status["answered"] > past + 50, 10, f"{name} answers")

    def finish(self) -> None:
        self.peer_report = self.peer.ask("quiet")
        self.seen = {name: client.end() for name, client in self.clients.items()}

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.peer.close()


@pytest.fixture(scope="module")
def moves(lab: Site) -> Iterator[Moves]:
    made = Moves(lab)
    try:
        made.start()
        for hop in HOPS:
            made.hop(hop)
        made.finish()
        yield made
    finally:
        made.close()


CONTAINERS = ["probe", "bridged", "austere", "twofold"]


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("hop", HOPS)
def test_the_result_is_complete(moves: Moves, hop: str, name: str) -> None:
    result = moves.results[hop][f"move-{name}"]
    assert (result["strategy"], result["method"], result["status"]) == ("inter_copy", "resident", "completed")
    assert {result["source_host"], result["target_host"]} == {host.name for host in moves.site.edges}
    assert [step["name"] for step in result["steps"]] == STEPS
    times = {step["name"]: (step["start_ms"], step["duration_ms"]) for step in result["steps"]}
    assert all(start >= 0 and duration >= 0 for start, duration in times.values())
    assert list(times.values()) == sorted(times.values()), "steps are not in the order of time"
    least, most = sum(times["run"]) - times["freeze"][0], times["release"][0] - sum(times["drain_accept_queue"])
    assert least - ROUNDING_MS <= result["process_downtime_ms"] <= most + ROUNDING_MS
    assert 0 < result["process_downtime_ms"] < result["migration_time_ms"]
    assert result["target_steps"][0]["name"] == "setup"
    assert result["criu"]["dump"]["pages_written"] > 0
    assert result["criu"]["restore"]["pages_restored"] > 0
    for host in ("source", "target"):
        assert any("criu" in command for command in result["commands"][host])


@pytest.mark.parametrize("hop", HOPS)
def test_the_memory_in_use_is_sent_once(moves: Moves, hop: str) -> None:
    result = moves.results[hop]["move-bridged"]
    assert 0.9 <= result["bytes_sent"] / result["memory_bytes"] <= 1.1
    statistics = result["statistics"]
    assert 0.9 * statistics["total_bytes"] <= statistics["transferred_bytes"] <= result["bytes_sent"]
    assert statistics["throughput_bytes_per_s"] > 0


@pytest.mark.parametrize("what", ["files", "tmpfs", "changing", "open_files", "family", "outgoing"])
@pytest.mark.parametrize("hop", HOPS)
def test_the_probe_finds_all_as_it_left_it(moves: Moves, hop: str, what: str) -> None:
    assert moves.reports[hop][what] == []


def test_a_link_leads_nowhere_out_of_the_container(moves: Moves) -> None:
    for host in moves.site.edges:
        assert host.run(f"ls -A {OUTSIDE}") == ""


@pytest.mark.parametrize("hop", HOPS)
def test_clocks_go_on(moves: Moves, hop: str) -> None:
    report, result = moves.reports[hop], moves.results[hop]["move-probe"]
    for clock in ("monotonic", "boottime"):
        assert report["shortest_ms"][clock] >= 0
        assert report["longest_ms"][clock] <= result["process_downtime_ms"] + CLOCK_TOLERANCE_MS


@pytest.mark.parametrize("hop", HOPS)
def test_timers_fire_on_time(moves: Moves, hop: str) -> None:
    report, result = moves.reports[hop], moves.results[hop]["move-probe"]
    assert report["earliest_ms"] > -1
    assert report["latest_ms"] <= result["process_downtime_ms"] + CLOCK_TOLERANCE_MS


def test_no_datagram_is_lost_or_doubled(moves: Moves) -> None:
    datagrams = moves.peer_report["datagrams"]
    assert datagrams["sent"] > 1000
    assert (datagrams["lost"], datagrams["doubled"], datagrams["errors"]) == ([], [], 0)


def test_new_connections_are_taken_all_the_time(moves: Moves) -> None:
    report = moves.peer_report
    assert report["connections"]["opened"] > 100
    assert (report["connections"]["failed"], report["failures"]) == (0, [])
    assert report["syns_sent_again"] == 0


def test_an_outgoing_connection_goes_on(moves: Moves) -> None:
    assert moves.peer_report["accepted"] == 1
    assert 0 < moves.reports["there"]["answered"] < moves.reports["back"]["answered"]


@pytest.mark.parametrize("name", ["move-bridged", "move-austere", "move-twofold", BRIDGE])
def test_clients_notice_nothing(moves: Moves, name: str) -> None:
    seen = moves.seen[name]
    assert seen["process_kept"]
    assert seen["verified"]
    assert (seen["failed"], seen["doubled"], seen["disordered"], seen["faulty_pages"], seen["lost_writes"]) == (0,) * 5
    assert seen["tcp_connections"] == {"opened": 1, "kept": 1, "broken": 0}


@pytest.mark.parametrize("hop", HOPS)
def test_addresses_routes_and_neighbours_are_kept(moves: Moves, hop: str) -> None:
    now = moves.equipment[hop]
    addresses = {f"{info['local']}/{info['prefixlen']}" for link in now["address"] for info in link["addr_info"]}
    assert EXTRA_ADDRESS in addresses
    routes = {(route["dst"], route.get("gateway")) for route in now["route"]}
    assert (EXTRA_ROUTE, moves.site.ran.address) in routes
    [neighbour] = [entry for entry in now["neighbour"] if entry["dst"] == moves.site.address(99)]
    assert (neighbour["lladdr"], neighbour["state"]) == (EXTRA_MAC, ["PERMANENT"])
    assert moves.site.ran.address in {entry["dst"] for entry in now["neighbour"]}


@pytest.mark.parametrize("hop", HOPS)
def test_logs_go_on_without_a_gap(moves: Moves, hop: str) -> None:
    """The host that it comes back to still has what was written there before."""
    before, after = ([int(line.split()[1]) for line in log if line.startswith("line ")] for log in moves.logs[hop])
    assert before
    assert after
    lines = sorted(before + after)
    assert lines == list(range(lines[0], lines[-1] + 1))
    assert (before + after == lines) == (hop == "there")
    assert after == sorted(after)


def test_health_is_kept(moves: Moves) -> None:
    assert moves.health == {"before": "healthy", "there": "healthy", "back": "healthy"}


def test_docker_stop_reaches_the_moved_process(moves: Moves) -> None:
    probe = moves.probe
    probe.home.run(f"docker stop --time 20 {probe.name}")
    assert probe.inspect()["State"]["ExitCode"] == 42
    assert probe.logs()[-1] == "terminated"


def test_the_engine_restarts_a_moved_process_that_dies(moves: Moves) -> None:
    bridged = moves.bridged
    init = bridged.init
    bridged.home.run(f"kill -KILL $(cat /proc/{init}/task/{init}/children)")
    until(lambda: bridged.inspect()["RestartCount"] == 1 and bridged.inspect()["State"]["Running"], "it is restarted")
    restarted = time.monotonic()
    client = Client.start(
        dataclasses.replace(moves.site.topology, address=IPv4Address(moves.addresses[bridged.name]), port=PORT),
        moves.site.workload.client,
        connections=1,
    )
    client.await_status(lambda status: status["answered"] > 10, 10, "the new process answers")
    client.close()
    # neighbours know its MAC address at once; left alone, they would remember the old one for half a minute
    assert time.monotonic() - restarted < 10
