# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state endpoint, against a real server on loopback; the engine is a fake one."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import nf_state
from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import Source
from ansible_collections.organic.core5g.tests.unit.plugins.module_utils.state_server import handler, serving
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import NetworkAttachment
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import (
    FakeEngine,
    spec,
)


@pytest.fixture
def nf() -> Iterator[tuple[int, dict[str, Any]]]:
    """Port of a state endpoint, and the state that it tells."""
    state: dict[str, Any] = {"nf_type": "SMF", "nrf_registered": True, "pfcp": [], "sessions": 3}
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), handler(lambda path: (200, state) if path == "/state" else (404, {}))
    )
    with serving(server):
        yield server.server_address[1], state


def engine(status: str = "running") -> FakeEngine:
    """An engine with a container of the SMF, which runs in this process's network namespace."""
    return FakeEngine(spec(status=status, pid=os.getpid() if status == "running" else 0))


def test_state_is_read_in_the_containers_namespace(
    nf: tuple[int, dict[str, Any]],
) -> None:
    port, state = nf
    reader = nf_state.NfReader(engine(), Source(port, "/state"))
    (entry,) = reader.entries({"smf": "127.0.0.1"}, nf_state.Wanted())
    assert entry["state"] == state
    assert entry["error"] is None
    assert entry["container"]["status"] == "running"
    assert entry["container"]["restart_policy"] == "no"


def test_a_container_that_awaits_a_process_has_no_nf(tmp_path: Path) -> None:
    """Otherwise the NF would be said to run on two hosts, and nothing could be done until that container has ended."""
    init = shutil.copy("/bin/sleep", tmp_path / nf_state.AWAITING_INIT)
    with subprocess.Popen([init, "60"]) as process:
        try:
            until_named(process.pid, nf_state.AWAITING_INIT)
            reader = nf_state.NfReader(FakeEngine(spec(status="running", pid=process.pid)), Source(1, "/state"))
            assert (reader.status("smf")["status"], reader.status("smf")["pid"]) == ("awaiting", None)
        finally:
            process.kill()


def until_named(pid: int, name: str) -> None:
    """Wait until a new process has executed its program."""
    deadline = time.monotonic() + 10
    while processes.name(pid) != name:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_watching_gives_the_range_of_the_sessions() -> None:
    numbers = iter([200, 201, 199])

    def answer(_path: str) -> tuple[int, Any]:
        number = next(numbers, 200)
        return 200, {"sessions": number, "pfcp": [{"peer": "192.0.2.35", "up": True, "sessions": number}]}

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(answer))
    reader = nf_state.NfReader(engine(), Source(server.server_address[1], "/state"))
    with serving(server):
        (entry,) = reader.entries({"smf": "127.0.0.1"}, nf_state.Wanted(watch_s=1))
    span = {"least": 199, "most": 201}
    assert entry["sessions"] == {**span, "by_peer": {"192.0.2.35": span}}
    assert entry["counts"] == {"sessions": span, "pfcp": {"least": 1, "most": 1}}
    assert entry["state"]["sessions"] == 200


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(FakeEngine(), "no container smf"), (engine("exited"), "it is exited")],
)
def test_nf_that_does_not_run(asked: FakeEngine, reason: str) -> None:
    reader = nf_state.NfReader(asked, Source(1, "/state"))
    with pytest.raises(StateError, match=reason):
        reader.read("smf", "127.0.0.1")
    (entry,) = reader.entries({"smf": "127.0.0.1"}, nf_state.Wanted(must_run=False))
    assert entry["state"] is None
    assert reason in entry["error"]


def test_waiting_for_a_stopped_nf_ends_at_once() -> None:
    reader = nf_state.NfReader(engine("exited"), Source(1, "/state"))
    with pytest.raises(StateError, match="it is exited"):
        reader.wait_until_ready("smf", "127.0.0.1", timeout_s=3600)


def test_wait_ends_when_the_association_is_up(
    nf: tuple[int, dict[str, Any]],
) -> None:
    port, state = nf
    source = Source(port, "/state", associations=1)
    reader = nf_state.NfReader(engine(), Source(1, "/else"), {"smf": source})
    with pytest.raises(StateError, match="0 of 1 PFCP associations are up"):
        reader.wait_until_ready("smf", "127.0.0.1", timeout_s=0.01)
    state["pfcp"] = [{"peer": "192.0.2.35", "up": True}]
    assert reader.wait_until_ready("smf", "127.0.0.1", timeout_s=5)["pfcp"][0]["up"]


def test_unregistered_nf_is_not_ready() -> None:
    assert nf_state.unready({"nrf_registered": False, "pfcp": []}, 0) == "it is not registered at the NRF"
    assert nf_state.unready({"registrations": []}, 0) is None


def test_a_dynamic_address_is_what_the_swarm_has_given(nf: tuple[int, dict[str, Any]]) -> None:
    port, state = nf
    networks = tuple(
        NetworkAttachment(name, address)
        for name, address in (("access", "169.254.1.2"), ("ingress", "10.0.0.7"), ("core5g-sbi", "127.0.0.1"))
    )
    reader = nf_state.NfReader(FakeEngine(spec(pid=os.getpid(), networks=networks)), Source(port, "/state"))
    (entry,) = reader.entries({"smf": "dynamic"}, nf_state.Wanted())
    assert (entry["address"], entry["state"]) == ("127.0.0.1", state)


def test_a_dynamic_address_that_nobody_has_given() -> None:
    container = spec(pid=os.getpid(), networks=(NetworkAttachment("access", "169.254.1.2"),))
    (entry,) = nf_state.NfReader(FakeEngine(container), Source(8000)).entries(
        {"smf": "dynamic"}, nf_state.Wanted(must_run=False)
    )
    assert entry["address"] == "dynamic"
    assert "smf has no container on this host that a Docker Swarm has given an address" in entry["error"]
