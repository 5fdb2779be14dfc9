# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""minicore's UPF migrates there and back with its sessions and its TUN device, while UEs ping through it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.containers import IMAGE, WORK, Container, Conversation, arrived, run_resident, start_migrations
from tests.harness.playbook import run_playbook
from tests.harness.site import Site
from tests.harness.wait import until

SESSIONS = 20
NUMBERS = {"nrf": 60, "smf": 61, "upf": 62}
PORT = 8000
TUN = ("--device=/dev/net/tun", "--cap-add=NET_ADMIN", "--env=MINICORE_N6=10.45.0.1/16")


class Core:
    """An NRF and an SMF that stay where they are, a UPF that moves, and a driver for the RAN and the UEs."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.upf = Container(site, "upf", site.edges[0])
        self._others = [Container(site, name, site.edges[1]) for name in ("nrf", "smf")]
        self._out = f"{WORK}/ran.json"

    def start(self) -> None:
        for one in (*self._others, self.upf):
            name = one.name.partition("-")[2]
            self._site.remove(one.name)
            self._site.ran.run(f"ip neighbour flush to {self._address(name)}")
            options = [f"--env=MINICORE_ADDRESS={self._address(name)}"]
            options += [f"--env=MINICORE_NRF=http://{self._address('nrf')}:{PORT}"]
            options += TUN if one is self.upf else []
            run_resident(one, NUMBERS[name], ["/usr/bin/minicore", name], *options, image=IMAGE)
        until(lambda: self.state("smf")["pfcp"] and self.state("smf")["pfcp"][0]["up"], "the SMF has found the UPF")
        driver = f"python3 -m minicore ran --smf http://{self._address('smf')}:{PORT} --upf {self._address('upf')} "
        driver += f"--address {self._site.ran.address} --sessions {SESSIONS} --rate 20 --out {self._out}"
        self._site.ran.run(f"rm -f {self._out}*")  # the last driver's word, too, that all are set up
        # a line of input ends the driver
        script = f"PYTHONPATH=/opt/minicore {driver} & read line; kill $!; wait $!; cat {self._out}"
        self._driver = Conversation(self._site.ran, f"sh -c '{script} | tr -d \"\\n\"; echo'")
        until(lambda: self._site.ran.run(f"ls {WORK}").find("ran.json.ready") >= 0, "all sessions are set up")

    def _address(self, name: str) -> str:
        return self._site.address(NUMBERS[name])

    def state(self, name: str) -> dict[str, Any]:
        """Asked from the client's host; empty while nobody answers."""
        command = f"import urllib.request as r; print(r.urlopen('http://{self._address(name)}:{PORT}"
        command += "/minicore/v1/state', timeout=10).read().decode())"
        answer: dict[str, Any] = json.loads(self._site.ran.run(f'python3 -c "{command}"'))
        return answer

    def ran_report(self) -> dict[str, Any]:
        """End the driver's work; returns what it saw."""
        return self._driver.ask("end")

    def close(self) -> None:
        self._driver.close()
        for one in (*self._others, self.upf):
            self._site.remove(one.name)


@pytest.fixture
def core(lab: Site) -> Iterator[Core]:
    run_playbook("--inventory", str(lab.inventory), "playbooks/build_minicore.yml")
    made = Core(lab)
    made.start()
    yield made
    made.close()


def test_upf_keeps_its_sessions_and_its_device(core: Core, strategy: str) -> None:
    before = core.state("upf")
    assert before["sessions"] >= SESSIONS
    device = core.upf.in_network("ip -4 -oneline address show dev minicore0")
    for _hop in range(2):
        [result] = arrived(start_migrations([core.upf], strategy=strategy), [core.upf])
        assert result["strategy"] == strategy
        uplink = core.state("upf")["packets"]["uplink"]
        until(lambda past=uplink: core.state("upf")["packets"]["uplink"] > past + 50, "pings go through", 10)
    after = core.state("upf")
    assert (after["pfcp"], after["nrf_registered"]) == (before["pfcp"], True)
    assert core.upf.in_network("ip -4 -oneline address show dev minicore0") == device
    report = core.ran_report()
    assert report["requests"]["failed"] == 0
    assert report["pings"]["sent"] > 500
    assert (report["pings"]["lost"], report["pings"]["error_indications"]) == (0, 0)
