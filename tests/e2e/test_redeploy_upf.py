# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UPF gets to another host while UEs ping through their sessions, and stays where it is if that fails."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.wait import until

from .conftest import CoreSite
from .consumer import Consumer

UES = 20
SESSION = {"supi": "imsi-001010000000999", "pduSessionId": 1, "dnn": "internet", "sNssai": {"sst": 1}}
SESSIONS_AT = """
import json, sys, urllib.request
while not json.load(urllib.request.urlopen(sys.argv[1]))["sessions"]:
    pass
"""
"""Ends as soon as the UPF of this URL has a session."""


class Served:
    """A core whose UEs ping without a pause, and their driver."""

    def __init__(self, site: CoreSite) -> None:
        self.site = site
        self.addresses: dict[str, str] = site.variables["nf_addresses"]

    def redeploy(self, target: str, *arguments: str, **variables: Any) -> Any:
        return self.site.try_playbook("redeploy_upf", *arguments, target_host=target, **variables)

    def host(self) -> str:
        return str(self.site.states()["upf"]["host"])

    def other(self) -> str:
        here = self.host()
        return next(host for host in self.site.nf_hosts if host != here)

    def lost(self) -> int:
        """Pings without an answer until now, less those that wait for theirs."""
        lines = self.site.command(self.site.ran_host, "sh -c 'tail -n 5 /run/minicore-gnb/*.progress'").splitlines()
        return min(int(found["pings_sent"]) - int(found["pings_answered"]) for found in map(json.loads, lines))

    def peers(self) -> list[str]:
        """The UPFs that the SMF knows."""
        return [peer["peer"] for peer in self.site.states()["smf"]["state"]["pfcp"]]

    def serves_all(self, host: str, sessions: int = UES) -> None:
        """All sessions are at the UPF on this host, and there is no other instance."""
        states = self.site.states()
        assert states["upf"]["host"] == host
        assert "upf-standby" not in states
        smf = states["smf"]["state"]
        assert [peer["peer"] for peer in smf["pfcp"]] == [self.addresses["upf"]]
        counts = (smf["pfcp"][0]["sessions"], smf["sessions"], states["upf"]["state"]["sessions"])
        assert counts == (sessions,) * 3
        assert not states["upf"]["state"]["draining"]


@pytest.fixture(scope="module")
def served(core_site: CoreSite) -> Iterator[Served]:
    core_site.playbook("remove_core")
    core_site.playbook("deploy_core")
    core_site.playbook("provision_subscribers")
    core_site.playbook(
        "gnb_start", gnb_ues=UES, gnb_procedures_rate=2, gnb_mix={"path_switch": 1}, gnb_ping_interval_ms=10
    )
    yield Served(core_site)
    core_site.playbook("gnb_stop")
    core_site.playbook("remove_core")


@pytest.mark.exhaustive
def test_no_ping_is_lost_while_the_upf_gets_to_another_host(served: Served, tmp_path: Path) -> None:
    here, target = served.host(), served.other()
    before = served.site.starts()
    checked = served.redeploy(target, "--check")
    assert (checked.status, checked.changed > 0) == (0, True), checked.messages + checked.errors
    assert f"upf goes from {here} to {target}" in checked.messages
    assert served.site.starts() == before

    report = tmp_path / "redeployment.json"
    done = served.redeploy(target, redeploy_report=str(report))
    assert done.status == 0, done.messages + done.errors
    served.serves_all(target)
    assert served.lost() == 0
    found = json.loads(report.read_text())
    assert [(step["leaving"], step["successor"]) for step in found["steps"]] == [
        ("upf", "upf-standby"),
        ("upf-standby", "upf"),
    ]
    assert all(step["sessions"] == UES for step in found["steps"])

    again = served.redeploy(target)
    assert (again.status, again.changed) == (0, 0)
    assert served.lost() == 0


@pytest.fixture
def held_up(served: Served) -> Iterator[None]:
    """A session without N2, which cannot go to another UPF: the drain does not end."""
    consumer = Consumer(served.addresses["nrf"])
    root = f"http://{served.addresses['smf']}:8000"
    location = consumer.ask("POST", f"{root}/nsmf-pdusession/v1/sm-contexts", SESSION).require(201).headers["location"]
    yield
    consumer.ask("POST", f"{location}/release", {}).require(204)
    consumer.close()


@pytest.mark.exhaustive
def test_a_session_that_cannot_leave_keeps_all_where_they_are(served: Served, held_up: None) -> None:
    here = served.host()
    failed = served.redeploy(served.other(), drain_timeout_s=2)
    assert failed.status != 0
    assert "1 sessions of upf have not left it for 2 s" in failed.messages
    assert "upf keeps serving. upf-standby was removed" in failed.messages
    served.serves_all(here, UES + 1)
    assert served.lost() == 0


@pytest.mark.exhaustive
def test_a_second_upf_that_dies_in_the_middle_leaves_all_at_the_first(served: Served, held_up: None) -> None:
    here, target = served.host(), served.other()
    url = f"http://{served.addresses['upf-standby']}:8000/minicore/v1/state"
    script = f"""
        until pid=$(docker top upf-standby -eo pid | sed -n 2p) && [ "$pid" ]; do sleep 0.1; done
        until nsenter --target "$pid" --net python3 -c {shlex.quote(SESSIONS_AT)} {url}; do sleep 0.1; done
        docker kill upf-standby
    """
    command = f"setsid sh -c {shlex.quote(script)} >/dev/null 2>&1 </dev/null &"
    served.site.module(target, "ansible.builtin.shell", cmd=command)
    failed = served.redeploy(target)
    assert failed.status != 0
    assert "The sessions of upf have no instance to go to" in failed.messages
    assert "upf keeps serving. upf-standby was removed" in failed.messages
    # The SMF forgets the one that died when the NRF has.
    until(lambda: served.peers() == [served.addresses["upf"]], "the SMF has one UPF", timeout_s=60)
    served.serves_all(here, UES + 1)
    lost = served.lost()
    assert served.lost() == lost


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"standby_address": "{smf}"}, "smf and upf-standby have the same address"),
        ({"standby_address": "{ran}"}, "answers for the address"),
        ({"nf_image": "none/such:1"}, "The image none/such:1 is not on this host"),
        ({"nf_network_driver": "host"}, "With the network driver host upf cannot have its address"),
    ],
)
def test_bad_input_is_refused(served: Served, variables: dict[str, str], reason: str) -> None:
    before = served.site.starts()
    ran = served.site.command(served.site.ran_host, "hostname --all-ip-addresses").split()[0]
    result = served.redeploy(
        served.other(), **{name: text.format(**served.addresses, ran=ran) for name, text in variables.items()}
    )
    assert result.status != 0
    assert reason in result.messages
    assert served.site.starts() == before


@pytest.mark.exhaustive
def test_a_host_without_tun_is_refused(served: Served) -> None:
    before, target = served.site.starts(), served.other()
    served.site.command(target, "mv /dev/net/tun /dev/net/tun.away")
    try:
        result = served.redeploy(target)
    finally:
        served.site.command(target, "mv /dev/net/tun.away /dev/net/tun")
    assert result.status != 0
    assert "This host has no /dev/net/tun" in result.messages
    assert served.site.starts() == before
