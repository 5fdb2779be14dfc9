# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategy ppm: a clone runs beside the process, says the same, and takes over."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.client import await_answers
from tests.harness.containers import WORK
from tests.harness.hosts import Host
from tests.harness.migration import MigrationUnderTest
from tests.harness.site import Site
from tests.harness.wait import until

CONNECTIONS = 8
MEMORY_MB = 20
MOST_PATIENT_MS = 1000
PAUSED_WITHIN_S = 120
IN_STEP_MS = 500


class Speaker:
    """Listens to what a host sends with the MAC address of a container."""

    def __init__(self, host: Host, device: str, mac: str) -> None:
        path = f"{WORK}/speaker.py"
        host.put(Path(__file__).with_name("speaker.py").read_bytes(), path)
        self._process = subprocess.Popen(
            host.command(f"exec python3 {path} {device} {mac}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "listening\n"

    def end(self) -> dict[str, Any]:
        output, _errors = self._process.communicate(timeout=60)
        found: dict[str, Any] = json.loads(output)
        return found


@pytest.fixture
def one(site: Site) -> Iterator[MigrationUnderTest]:
    """A process whose every answer depends on the order of all its requests, over all connections."""
    made = MigrationUnderTest(site, "cloned", MEMORY_MB, by_requests=True)
    try:
        yield made
    finally:
        made.remove()


def assert_nobody_noticed(seen: dict[str, Any]) -> None:
    expected = {
        "failed": 0,
        "doubled": 0,
        "disordered": 0,
        "faulty_pages": 0,
        "lost_writes": 0,
        "process_kept": True,
        "verified": True,
        "tcp_connections": {"opened": CONNECTIONS, "kept": CONNECTIONS, "broken": 0},
    }
    assert {key: seen[key] for key in expected} == expected, json.dumps(seen)


def test_a_clone_takes_over_and_only_one_copy_speaks(site: Site, one: MigrationUnderTest) -> None:
    mac = dataclasses.replace(site.topology, address=site.ip(0)).mac
    speakers = {host.name: Speaker(host, site.parent, mac) for host in site.edges}
    source, target = one.home.name, one.away.name
    client = one.client(CONNECTIONS)
    try:
        await_answers(client)
        migration = one.migrate(strategy="ppm")
        await_answers(client)
        one.converge()
        assert_nobody_noticed(client.end())
    finally:
        client.close()
    said = {name: speaker.end() for name, speaker in speakers.items()}
    assert said[source]["last"] < said[target]["first"], said
    assert migration["strategy"] == "ppm", migration["attempts"]
    assert migration["inputs"] > 20
    assert migration["answers_compared"] > 20
    assert 0 < migration["clone_pause_ms"] <= migration["process_downtime_ms"]
    assert migration["handover_ms"] > 0
    assert migration["divergence"] == {}


@pytest.mark.exhaustive
def test_both_run_in_step_until_the_user_says_so(one: MigrationUnderTest) -> None:
    client = one.client(CONNECTIONS)
    try:
        # a clone that is given up on a machine with much load is followed by another one, which pauses as well
        run = one.start_migration(
            strategy="ppm", pause_before_switchover=True, ppm_max_wait_ms=MOST_PATIENT_MS, ppm_attempts=10
        )

        def progress() -> dict[str, Any]:
            found = one.site.run_module(one.home, "container_migration_info", name=one.name)["migrations"]
            return dict(found[0]) if found else {}

        def clone_in_step() -> dict[str, Any]:
            found = progress()
            return dict(found["progress"]["clone"]) if found.get("state") == "pre-switchover" else {}

        until(clone_in_step, "both run in step", PAUSED_WITHIN_S)
        until(lambda: clone_in_step().get("parallel_ms", 0) > IN_STEP_MS, "they stay in step", PAUSED_WITHIN_S)
        clone = clone_in_step()
        assert clone["answers_compared"] > 20, clone
        assert clone["chain"], clone
        assert clone["divergence"] == {}, clone
        assert one.site.run_module(one.home, "container_migration_continue", name=one.name)["changed"]
        result = run.result()
        assert result.status == 0, result.items
        one.home = one.away
        one.converge()
        assert_nobody_noticed(client.end())
    finally:
        client.close()
    states = [event["state"] for event in result.only["migration"]["statistics"]["events"]]
    assert states == ["setup", "active", "switchover", "cloned", "pre-switchover", "cloned", "switchover", "completed"]


@pytest.mark.exhaustive
def test_a_clone_that_parts_is_given_up_and_nothing_is_lost(site: Site) -> None:
    """The answers of this process have the time in them: no clone can say the same."""
    one = MigrationUnderTest(site, "parting", MEMORY_MB)
    client = one.client(1)
    try:
        await_answers(client)
        migration = one.migrate(strategy="ppm", ppm_attempts=1)
        one.converge()
        seen = client.end()
    finally:
        client.close()
        one.remove()
    assert (seen["failed"], seen["doubled"], seen["disordered"]) == (0, 0, 0)
    assert migration["strategy"] == "pre_copy"
    [attempt] = migration["attempts"]
    assert attempt["reason"] == "diverged", attempt
    assert attempt["divergence"]["flow"].startswith("tcp")
