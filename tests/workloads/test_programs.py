# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party programs under load migrate there and back: nothing is lost, and no connection breaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.harness.containers import WORK, Container, Conversation, arrived, run_resident, start_migrations
from tests.harness.injection import FaultInjector
from tests.harness.site import Site
from tests.harness.wait import until

from .programs import HERE, in_image

DATA = "/data"
HLR_DIRECTORY = "/var/lib/osmocom"
NON_ROOT = ("--user=1000:1000", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
TUN = ("--device=/dev/net/tun", "--cap-add=NET_ADMIN")
OUTAGE_PINGS = 100
"""Half a second of them."""
INDEX_BITS = 5
"""Low bits of an SQN that tell vectors of different domains apart; TS 33.102, annex C."""


class Program(Container):
    """A container with a program, and the client that has it work."""

    def __init__(self, site: Site, image: str, name: str, number: int) -> None:
        super().__init__(site, name, site.edges[0])
        self._image, self._number = image, number
        self.address = site.address(number)
        site.remove(self.name)
        site.ran.run(f"ip neighbour flush to {self.address}")

    def start(self, command: list[str], *options: str, ready: str) -> None:
        run_resident(self, self._number, command, *options, image=self._image)
        until(lambda: any(ready in line for line in self.logs()), f"{self.name} is ready")

    def configure(self, name: str) -> str:
        """Bring a configuration file to both hosts; returns the option that shows it to the container."""
        text = (HERE / name).read_text().replace("ADDRESS", self.address)
        for host in self.site.edges:
            host.put(text.encode(), f"{WORK}/{name}")
        return f"--volume={WORK}/{name}:/{name}:ro"

    @contextmanager
    def client(self) -> Iterator[Conversation]:
        program = self.name.partition("-")[2]
        conversation = Conversation(self.site.ran, f"python3 {WORK}/clients.py {program} {self.address}")
        try:
            assert conversation.line() == "ready\n"
            yield conversation
        finally:
            conversation.close()


def move_there_and_back(program: Program, strategy: str) -> dict[str, Any]:
    """Move a program under load; returns its client's last report, made when all had been checked."""
    with program.client() as client:
        report = client.ask("report")
        for _hop in range(2):
            steps = report["steps"]
            [result] = arrived(start_migrations([program], strategy=strategy), [program])
            assert result["strategy"] == strategy
            report = _await_steps(client, steps)
        report = client.ask("quiet")
        assert report["faults"] == []
        return report


def _await_steps(client: Conversation, before: list[int]) -> dict[str, Any]:
    """Await that each thread of the client has done more."""
    reports: list[dict[str, Any]] = []

    def all_went_on() -> bool:
        reports.append(client.ask("report"))
        assert reports[-1]["faults"] == []
        return all(now > then + 1 for now, then in zip(reports[-1]["steps"], before, strict=True))

    until(all_went_on, "the client's work goes on", 20)
    return reports[-1]


@pytest.fixture
def make(lab: Site, image: str) -> Iterator[Callable[[str, int], Program]]:
    """Makes a program's container; it is gone when the test ends."""
    made: list[Program] = []

    def make_one(name: str, number: int) -> Program:
        made.append(Program(lab, image, name, number))
        return made[-1]

    yield make_one
    for program in made:
        program.site.remove(program.name)


def test_etcd_keeps_keys_and_watches(make: Callable[[str, int], Program], strategy: str) -> None:
    etcd = make("etcd", 50)
    command = ["/usr/bin/etcd", "--data-dir", DATA, "--listen-peer-urls", "http://127.0.0.1:2380"]
    command += ["--listen-client-urls", "http://0.0.0.0:2379", "--advertise-client-urls", f"http://{etcd.address}:2379"]
    # Go 1.24 and later listens by MPTCP, which CRIU cannot move
    etcd.start(command, "--env=GODEBUG=multipathtcp=0", ready="serving client traffic")
    report = move_there_and_back(etcd, strategy)
    assert report["watched"] == report["put"]


def test_redis_counts_on_as_another_user_and_forks(make: Callable[[str, int], Program], strategy: str) -> None:
    redis = make("redis", 51)
    command = ["/usr/bin/redis-server", "--protected-mode", "no", "--dir", DATA, "--appendonly", "yes"]
    command += ["--save", "1 1"]  # forks for a snapshot every second
    redis.start(command, *NON_ROOT, f"--tmpfs={DATA}:uid=1000,mode=700", ready="Ready to accept connections")
    report = move_there_and_back(redis, strategy)
    assert report["forks"] >= 2
    assert report["saves"] >= 2


def test_hlr_keeps_its_data_base(make: Callable[[str, int], Program], strategy: str) -> None:
    hlr = make("hlr", 52)
    command = ["/usr/bin/osmo-hlr", "-c", "/osmo-hlr.cfg", "-l", f"{HLR_DIRECTORY}/hlr.db"]
    hlr.start(command, hlr.configure("osmo-hlr.cfg"), ready="Available via telnet")
    report = move_there_and_back(hlr, strategy)
    copy = f"{WORK}/hlr"
    hlr.home.run(f"rm -rf {copy}; docker cp --quiet {hlr.name}:{HLR_DIRECTORY} {copy}")
    script = f"import sqlite3, json; base = sqlite3.connect('{copy}/hlr.db'); "
    script += "print(json.dumps([base.execute('PRAGMA integrity_check').fetchall(), "
    script += "base.execute('SELECT sqn FROM auc_3g').fetchall()]))"
    integrity, [[sqn]] = json.loads(hlr.home.run(f'python3 -c "{script}"'))
    assert integrity == [["ok"]]
    assert sqn >> INDEX_BITS == report["vectors"]


NODE = """
let count = 0;
const server = require("http").createServer((request, answer) => answer.end(String(++count)));
server.keepAliveTimeout = 0;
server.listen(8080, () => console.log("listening"));
"""
ERLANG = """
{ok, Listener} = gen_tcp:listen(8080, [{packet, line}, {active, false}, {reuseaddr, true}]),
io:format("listening~n"),
{ok, Link} = gen_tcp:accept(Listener),
Serve = fun Serve(Count) ->
    case gen_tcp:recv(Link, 0) of
        {ok, "\\r\\n"} ->
            Text = integer_to_list(Count),
            Size = integer_to_list(length(Text)),
            ok = gen_tcp:send(Link, ["HTTP/1.1 200 OK\\r\\nContent-Length: ", Size, "\\r\\n\\r\\n", Text]),
            Serve(Count + 1);
        {ok, _Line} -> Serve(Count)
    end
end,
Serve(1).
"""


def test_nginx_counts_on(make: Callable[[str, int], Program], strategy: str) -> None:
    nginx = make("nginx", 54)
    command = ["/usr/sbin/nginx", "-c", "/nginx.conf", "-e", "stderr"]
    nginx.start(command, nginx.configure("nginx.conf"), *NON_ROOT, "--tmpfs=/tmp:uid=1000",
                ready="start worker process")  # fmt: skip
    assert move_there_and_back(nginx, strategy)["count"]


def test_haproxy_counts_on_and_keeps_its_socket(make: Callable[[str, int], Program], strategy: str) -> None:
    haproxy = make("haproxy", 55)
    command = ["/usr/sbin/haproxy", "-db", "-V", "-f", "/haproxy.cfg"]
    haproxy.start(command, haproxy.configure("haproxy.cfg"), *NON_ROOT, "--tmpfs=/tmp:uid=1000", ready="Using epoll")
    count = move_there_and_back(haproxy, strategy)["count"]
    script = "import socket; one = socket.socket(socket.AF_UNIX); one.settimeout(20); "
    script += f"one.connect('/proc/{haproxy.init}/root/tmp/haproxy.sock'); one.send(b'show table visits\\n'); "
    script += "print(one.makefile().read())"
    assert f"http_req_cnt={count}" in haproxy.home.run(f'python3 -c "{script}"')


def test_node_js_counts_on(make: Callable[[str, int], Program], strategy: str) -> None:
    node = make("nodejs", 56)
    node.start(["/usr/bin/node", "-e", NODE], *NON_ROOT, ready="listening")
    assert move_there_and_back(node, strategy)["count"]


def test_erlang_counts_on(make: Callable[[str, int], Program], strategy: str) -> None:
    erlang = make("erlang", 57)
    # as the script erl does, for which the image has no shell
    program = in_image("/usr/lib/erlang/erts-*/bin/erlexec")
    command = [program, "-noinput", "-eval", ERLANG]
    variables = {
        "ROOTDIR": "/usr/lib/erlang",
        "BINDIR": program.rpartition("/")[0],
        "EMU": "beam",
        "PROGNAME": "erl",
        "HOME": "/tmp",
    }
    options = [f"--env={name}={value}" for name, value in variables.items()]
    erlang.start(command, *options, *NON_ROOT, "--tmpfs=/tmp:uid=1000", ready="listening")
    assert move_there_and_back(erlang, strategy)["count"]


def test_ggsn_keeps_its_tunnels(make: Callable[[str, int], Program], strategy: str) -> None:
    ggsn = make("ggsn", 53)
    ggsn.start(["/usr/bin/osmo-ggsn", "-c", "/osmo-ggsn.cfg"], ggsn.configure("osmo-ggsn.cfg"), *TUN,
               ready="Successfully started")  # fmt: skip
    before = tun_device(ggsn)
    report = move_there_and_back(ggsn, strategy)
    assert (report["lost"], report["doubled"], report["repeated"]) == ([], [], 0)
    assert tun_device(ggsn) == before
    # it heard of no change of its interfaces, although its address went to another host and came back
    assert not [line for line in ggsn.logs() if "DOWN" in line]


def test_ggsn_goes_on_where_it_was_when_its_migration_fails(make: Callable[[str, int], Program], strategy: str) -> None:
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
        _await_steps(client, steps)
        report = client.ask("quiet")
    assert report["faults"] == []
    # its address was on the other host for a moment, and what came in there is lost; nothing before, nothing after
    lost = report["lost"]
    assert lost == list(range(lost[0], lost[-1] + 1)) if lost else True
    assert len(lost) < OUTAGE_PINGS
    assert report["doubled"] == []
    assert tun_device(ggsn) == before
    assert ggsn.name not in ggsn.away.run("docker ps --all --format {{.Names}}").splitlines()


def tun_device(ggsn: Program) -> dict[str, Any]:
    """What the container's TUN device is like, but for its number and counters."""
    [link] = json.loads(ggsn.in_network("ip -json -details address show dev tun4"))
    assert "UP" in link["flags"]
    assert "LOWER_UP" in link["flags"]  # somebody is attached to it
    return {key: link[key] for key in ("flags", "mtu", "txqlen", "linkinfo")} | {
        "addresses": sorted(f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"])
    }
