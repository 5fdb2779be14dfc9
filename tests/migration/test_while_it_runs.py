# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others see of a migration that is at work, and what they may do to it. On the real lab."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from faults.site import ENVIRONMENT, PROJECT, Host, Moving, Play, Site, kill_tree, until

from .containers import HERE

SLOW = {"strategy": "pre_copy", "max_bandwidth": 3_000_000}
"""64 MB take twenty seconds then: time to look, on a busy machine too."""
MEMORY_MB = 64


@pytest.fixture
def moving(site: Site) -> Iterator[list[Moving]]:
    made = [Moving(site, f"looked-after-{number}", MEMORY_MB, number) for number in range(3)]
    try:
        yield made
    finally:
        for one in made:
            one.remove()


def start(one: Moving, **options: Any) -> Play:
    case = {"name": one.name, "target_host": one.away.name, **options}
    return one.site.play(str(HERE / "while_it_runs"), one.home, [case])


def ask(site: Site, host: Host, module: str, *options: str, **arguments: Any) -> dict[str, Any]:
    """Run one of the collection's modules on a host."""
    command = ["ansible", host.name, "--inventory", str(site.inventory), *options]
    command += ["--module-name", f"organic.live_migration.{module}"]
    if arguments:
        command += ["--args", json.dumps(arguments)]
    done = subprocess.run(command, cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    data = json.loads(done.stdout[done.stdout.index("{\n") :])
    found: dict[str, Any] = data["plays"][-1]["tasks"][-1]["hosts"][host.name]
    return found


def at_work(one: Moving) -> dict[str, Any]:
    """What container_migration_info tells of its migration; empty when there is none."""
    found = ask(one.site, one.home, "container_migration_info", name=one.name)["migrations"]
    return dict(found[0]) if found else {}


def states(told: dict[str, Any]) -> list[str]:
    return [event["state"] for event in told["migration"]["statistics"]["events"]]


def test_it_is_seen_and_cancelled_and_the_process_runs_on(moving: list[Moving]) -> None:
    one = moving[0]
    client = one.client()
    try:
        play = start(one, **SLOW)
        until(lambda: at_work(one).get("progress", {}).get("transferred_bytes", 0) > 0, "memory is sent")
        seen = at_work(one)
        assert (seen["role"], seen["state"], seen["peer"]) == ("source", "active", one.away.name)
        assert seen["at_work"]
        assert seen["progress"]["round"] == 1
        assert 0 < seen["progress"]["remaining_bytes"] < MEMORY_MB << 20
        would = ask(one.site, one.home, "container_migration_cancel", "--check", name=one.name)
        assert (would["changed"], would["status"]) == (True, "ordered")
        cancelled = ask(one.site, one.home, "container_migration_cancel", name=one.name)
        assert (cancelled["changed"], cancelled["status"]) == (True, "cancelled")
        told = play.told().only
        assert told["failed"]
        assert told["migration"]["status"] == "cancelled"
        assert states(told)[-2:] == ["cancelling", "cancelled"]
        again = ask(one.site, one.home, "container_migration_cancel", name=one.name)
        assert (again["changed"], again["status"]) == (False, "none")
        one.settles()
        assert client.end()["failed"] == 0
    finally:
        client.close()
    one.migrate()
    one.settles()


def test_it_pauses_until_it_is_continued(moving: list[Moving]) -> None:
    one = moving[0]
    play = start(one, strategy="pre_copy", pause_before_switchover=True)
    until(lambda: at_work(one).get("state") == "pre-switchover", "it pauses")
    assert play.process.poll() is None
    continued = ask(one.site, one.home, "container_migration_continue", name=one.name)
    assert continued["changed"]
    told = play.told()
    assert told.status == 0, told.items
    assert states(told.only) == ["setup", "active", "pre-switchover", "active", "switchover", "completed"]
    one.home = one.away
    one.settles()


def test_two_ways_at_once_and_a_third_that_queues(moving: list[Moving]) -> None:
    first, second, back = moving
    back.migrate()
    plays = [start(one, max_parallel=1, pause_before_switchover=True) for one in (first, back)]
    until(lambda: all(at_work(one).get("state") == "pre-switchover" for one in (first, back)), "both are at work")
    plays.append(start(second, max_parallel=1))
    until(lambda: at_work(second).get("progress", {}).get("queued"), "the third queues")
    for one in (first, back):
        assert ask(one.site, one.home, "container_migration_continue", name=one.name)["changed"]
    for play, one in zip(plays, (first, back, second), strict=True):
        told = play.told()
        assert told.status == 0, told.items
        one.home = one.away
    for one in moving:
        one.settles()


def paused(one: Moving) -> Play:
    play = start(one, strategy="pre_copy", pause_before_switchover=True)
    until(lambda: at_work(one).get("state") == "pre-switchover", "it pauses")
    return play


def kill_agent(one: Moving) -> None:
    """And its guardian."""
    agent = json.loads(one.home.run("cat /run/organic/migrations/*/source.json"))["agent_pid"]
    one.home.run(f"kill -KILL $(ps -o ppid= -p {agent}) {agent}")


def test_what_a_killed_agent_left_is_settled_by_the_controller(moving: list[Moving]) -> None:
    one = moving[0]
    play = paused(one)
    kill_agent(one)
    told = play.told()
    assert told.status != 0
    assert "was killed" in told.message
    assert "runs on here" in told.message
    one.settles()
    for host in one.site.edges:
        assert not ask(one.site, host, "container_migration_recover")["changed"]
    one.migrate()


def test_what_a_killed_agent_and_a_killed_controller_left_is_recovered(moving: list[Moving]) -> None:
    one = moving[0]
    play = paused(one)
    kill_tree(play.process.pid)
    play.process.communicate()
    kill_agent(one)
    recovered = ask(one.site, one.home, "container_migration_recover")
    assert "settled" in recovered, recovered["msg"]
    assert [(entry["name"], entry["outcome"]) for entry in recovered["settled"]] == [(one.name, "resumed")]
    ask(one.site, one.away, "container_migration_recover")
    one.settles()
    again = ask(one.site, one.home, "container_migration_recover")
    assert not again["changed"]
    one.migrate()
