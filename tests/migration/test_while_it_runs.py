# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations in progress: observed, cancelled, paused, queued and recovered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.migration import MigrationUnderTest
from tests.harness.playbook import PlaybookRun
from tests.harness.site import Site
from tests.harness.wait import until

SLOW: dict[str, Any] = {"strategy": "pre_copy", "max_bandwidth": 3_000_000}
"""64 MB take twenty seconds then: time to observe it, on a busy machine too."""
MEMORY_MB = 64


@pytest.fixture
def migrating(site: Site) -> Iterator[list[MigrationUnderTest]]:
    made = [MigrationUnderTest(site, f"observed-{number}", MEMORY_MB, number) for number in range(3)]
    try:
        yield made
    finally:
        for one in made:
            one.remove()


def in_progress(one: MigrationUnderTest) -> dict[str, Any]:
    """What container_migration_info reports of its migration; empty when there is none."""
    found = one.site.run_module(one.home, "container_migration_info", name=one.name)["migrations"]
    return dict(found[0]) if found else {}


def states(result: dict[str, Any]) -> list[str]:
    return [event["state"] for event in result["migration"]["statistics"]["events"]]


def test_it_is_seen_and_cancelled_and_the_process_runs_on(migrating: list[MigrationUnderTest]) -> None:
    one = migrating[0]
    client = one.client()
    try:
        run = one.start_migration(**SLOW)
        until(lambda: in_progress(one).get("progress", {}).get("transferred_bytes", 0) > 0, "memory is sent")
        seen = in_progress(one)
        assert (seen["role"], seen["state"], seen["peer"]) == ("source", "active", one.away.name)
        assert seen["in_progress"]
        assert seen["progress"]["round"] == 1
        assert 0 < seen["progress"]["remaining_bytes"] < MEMORY_MB << 20
        would = one.site.run_module(one.home, "container_migration_cancel", "--check", name=one.name)
        assert (would["changed"], would["state"]) == (True, "active")
        cancelled = one.site.run_module(one.home, "container_migration_cancel", name=one.name)
        assert (cancelled["changed"], cancelled["state"]) == (True, "cancelled")
        result = run.result().only
        assert result["failed"]
        assert result["migration"]["outcome"] == "cancelled"
        assert states(result)[-2:] == ["cancelling", "cancelled"]
        again = one.site.run_module(one.home, "container_migration_cancel", name=one.name)
        assert (again["changed"], again["state"]) == (False, "none")
        one.converge()
        assert client.end()["failed"] == 0
    finally:
        client.close()
    one.migrate()
    one.converge()


@pytest.mark.exhaustive
def test_it_pauses_until_it_is_continued(migrating: list[MigrationUnderTest]) -> None:
    one = migrating[0]
    run = one.start_migration(strategy="pre_copy", pause_before_switchover=True)
    until(lambda: in_progress(one).get("state") == "pre-switchover", "it pauses")
    assert run.process.poll() is None
    continued = one.site.run_module(one.home, "container_migration_continue", name=one.name)
    assert continued["changed"]
    result = run.result()
    assert result.status == 0, result.items
    assert states(result.only) == ["setup", "active", "pre-switchover", "active", "switchover", "completed"]
    one.home = one.away
    one.converge()


def test_one_in_each_direction_at_once_and_a_third_that_queues(migrating: list[MigrationUnderTest]) -> None:
    first, second, back = migrating
    back.migrate()
    runs = [one.start_migration(max_parallel=1, pause_before_switchover=True) for one in (first, back)]
    until(
        lambda: all(in_progress(one).get("state") == "pre-switchover" for one in (first, back)), "both are in progress"
    )
    runs.append(second.start_migration(max_parallel=1))
    until(lambda: in_progress(second).get("progress", {}).get("queued"), "the third queues")
    for one in (first, back):
        assert one.site.run_module(one.home, "container_migration_continue", name=one.name)["changed"]
    for run, one in zip(runs, (first, back, second), strict=True):
        result = run.result()
        assert result.status == 0, result.items
        one.home = one.away
    for one in migrating:
        one.converge()


PLAYS = 8
COUNTED = 4
"""As many have a client, which sends a request each ms over a connection that must last."""


@pytest.fixture
def many(site: Site) -> Iterator[list[MigrationUnderTest]]:
    made = [MigrationUnderTest(site, f"many-{number}", 8, number) for number in range(PLAYS)]
    try:
        yield made
    finally:
        for one in made:
            one.remove()


@pytest.mark.exhaustive
def test_many_plays_at_once_all_move(many: list[MigrationUnderTest]) -> None:
    """A drain by hand: the plays starve the controller and the hosts, and each must still hear of its migration."""
    clients = [one.client() for one in many[:COUNTED]]
    try:
        runs = [one.start_migration() for one in many]
        for run, one in zip(runs, many, strict=True):
            result = run.result()
            assert result.status == 0, result.message
            one.home = one.away
        for one in many:
            one.converge()
        assert [client.end()["failed"] for client in clients] == [0] * COUNTED
    finally:
        for client in clients:
            client.close()


def paused(one: MigrationUnderTest) -> PlaybookRun:
    run = one.start_migration(strategy="pre_copy", pause_before_switchover=True)
    until(lambda: in_progress(one).get("state") == "pre-switchover", "it pauses")
    return run


def kill_agent(one: MigrationUnderTest) -> None:
    """Kill the worker and its watchdog."""
    agent = json.loads(one.home.run("cat /run/organic/migrations/*/source.json"))["agent_pid"]
    one.home.run(f"kill -KILL $(ps -o ppid= -p {agent}) {agent}")


@pytest.mark.exhaustive
def test_what_a_killed_agent_left_is_recovered_by_the_controller(migrating: list[MigrationUnderTest]) -> None:
    one = migrating[0]
    run = paused(one)
    kill_agent(one)
    result = run.result()
    assert result.status != 0
    assert "died before its result was read" in result.message
    assert f"runs on {one.home.name} again" in result.message
    one.converge()
    for host in one.site.edges:
        assert not one.site.run_module(host, "container_migration_recover")["changed"]
    one.migrate()


def test_what_a_killed_agent_and_a_killed_controller_left_is_recovered(migrating: list[MigrationUnderTest]) -> None:
    one = migrating[0]
    run = paused(one)
    run.kill()
    kill_agent(one)
    recovered = one.site.run_module(one.home, "container_migration_recover")
    assert "recovered" in recovered, recovered["msg"]
    assert [(entry["name"], entry["outcome"]) for entry in recovered["recovered"]] == [(one.name, "running")]
    one.site.run_module(one.away, "container_migration_recover")
    one.converge()
    again = one.site.run_module(one.home, "container_migration_recover")
    assert not again["changed"]
    one.migrate()


PREPARED = (
    "while ! grep -q '\"source_awaited_until_s\": [1-9]' /run/organic/migrations/*/target.json; do sleep 0.005; done"
)
"""Runs on the target host: there is no event for a controller that has prepared it, and not begun yet."""


@pytest.mark.exhaustive
def test_a_controller_that_was_killed_before_the_migration_began_leaves_nothing_for_long(
    migrating: list[MigrationUnderTest],
) -> None:
    one = migrating[0]
    run = one.start_migration(ssh_master=False)
    one.away.run(PREPARED)
    run.kill()
    refused = one.start_migration().result()
    assert [blocker["code"] for blocker in refused.only["blockers"]] == ["busy"]
    assert f"a migration from {one.home.name} has prepared it, and has not begun yet" in refused.message
    recovered: list[dict[str, Any]] = []

    def is_recovered() -> bool:
        recovered.extend(one.site.run_module(one.away, "container_migration_recover")["recovered"])
        return bool(recovered)

    until(is_recovered, "what was prepared is removed")
    assert [(entry["name"], entry["role"], entry["outcome"]) for entry in recovered] == [
        (one.name, "target", "never_ran")
    ]
    one.migrate()
    one.converge()
