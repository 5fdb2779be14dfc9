# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a Docker Swarm while a service moves: make swarm.

The manager is a third host of nf_hosts where the inventory has one (LAB_EDGES=3); else those cases are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.client import assert_nothing_lost, await_answers
from tests.harness.hosts import Host
from tests.harness.playbook import PlaybookRun
from tests.harness.site import Site
from tests.harness.swarm import Service, Swarm, crash_docker, lose_docker, start_docker
from tests.harness.wait import until

NUMBER = 41
SLOW = {"strategy": "pre_copy", "max_bandwidth": 1_000_000}
"""20 s for the first round."""


@pytest.fixture(scope="module")
def swarm(site: Site, manager: Host | None) -> Iterator[Swarm]:
    made = Swarm(site, manager)
    made.create()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def service(swarm: Swarm) -> Iterator[Service]:
    made = Service(swarm, "troubled", NUMBER)
    try:
        yield made
    finally:
        made.remove()


def progress(service: Service) -> dict[str, Any]:
    """Of the migration that is in progress; read without Ansible, which may take longer than the whole move."""
    text = service.home.run("cat /run/organic/migrations/*/progress.json 2>/dev/null || true")
    return dict(json.loads(text)) if text else {}


def started(service: Service, **choices: Any) -> PlaybookRun:
    """A migration whose memory is on its way."""
    run = service.start_migration(**(choices or SLOW))

    def is_sending() -> bool:
        assert run.process.poll() is None, run.result()
        return bool(progress(service).get("transferred_bytes", 0) > 0)

    until(is_sending, "memory is sent", timeout_s=120)
    return run


def recover(service: Service) -> list[tuple[str, str]]:
    """Name and outcome of the moves that recovery on both hosts has ended."""
    found = []
    for host in service.site.edges:
        result = service.site.run_module(host, "container_migration_recover")
        assert not result.get("failed"), result
        found += [(entry["name"], entry["outcome"]) for entry in result["services"]]
    return found


def assert_at_home(service: Service) -> None:
    try:
        until(lambda: not service.deviations(), "the service has one task, at its home", timeout_s=60)
    except AssertionError as error:
        raise AssertionError(f"{error}: {service.deviations()}") from None
    assert service.init_state() == "resident-run"


def test_recovery_ends_a_move_whose_controller_was_killed(service: Service) -> None:
    client = service.client()
    run = started(service)
    run.kill()
    assert recover(service) == []  # it goes on without the controller
    until(lambda: not progress(service), "the migration has ended", timeout_s=120)
    assert recover(service) == [(service.name, "running")]
    service.home = service.away
    assert_at_home(service)
    assert recover(service) == []
    assert_nothing_lost(client.end())


def test_recovery_reverts_a_move_whose_controller_was_killed_and_that_was_cancelled(service: Service) -> None:
    client = service.client()
    run = started(service)
    run.kill()
    service.site.run_module(service.home, "container_migration_cancel", name=service.name)
    assert recover(service) == [(service.name, "never_ran")]
    assert_at_home(service)
    assert_nothing_lost(client.end())


@pytest.mark.parametrize("state", ["before_the_commit", "after_the_commit"])
def test_the_manager_is_lost(service: Service, manager: Host | None, state: str) -> None:
    """Its Docker is gone until the migration has ended."""
    if manager is None:
        pytest.skip("the inventory has no third host in nf_hosts")
    client = service.client()
    if state == "before_the_commit":
        run = started(service)
    else:
        run = service.start_migration(strategy="post_copy", max_bandwidth=1_000_000)
        until(lambda: progress(service).get("state") == "postcopy-active", "the process runs on the target", 240)
    lose_docker(manager)
    try:
        found = run.result()
    finally:
        start_docker(manager)
    result = found.only
    assert result["migration"]["status"] == "completed", (result.get("msg"), result.get("details"))
    assert any("could not end the move" in warning for warning in found.warnings), found.warnings
    until(lambda: recover(service) == [(service.name, "running")], "the manager has ended the move", timeout_s=60)
    service.home = service.away
    assert_at_home(service)
    assert_nothing_lost(client.end())


def test_the_leader_is_lost_and_another_manager_leads(service: Service, manager: Host | None) -> None:
    """Of three managers, so that the Swarm keeps its quorum; the new leader finds a service in its move."""
    if manager is None:
        pytest.skip("the inventory has no third host in nf_hosts")
    with service.swarm.more_managers():
        client = service.client()
        run = started(service)
        lose_docker(manager)
        try:
            found = run.result()
        finally:
            start_docker(manager)
        result = found.only
        assert result["migration"]["status"] == "completed", (result.get("msg"), result.get("details"))
        assert found.warnings == []
        service.home = service.away
        assert_at_home(service)
        assert_nothing_lost(client.end())


def test_the_manager_is_started_again_meanwhile(service: Service, manager: Host | None) -> None:
    """Its new leader ends the old task at once; the init of that puts the stop off until the process has moved."""
    if manager is None:
        pytest.skip("the inventory has no third host in nf_hosts")
    client = service.client()
    run = started(service)
    crash_docker(manager)
    start_docker(manager)
    result = run.result().only
    assert result["migration"]["status"] == "completed", (result.get("msg"), result.get("details"))
    service.home = service.away
    assert_at_home(service)
    assert_nothing_lost(client.end())


def test_the_target_node_is_drained_meanwhile(service: Service) -> None:
    client = service.client()
    before = service.running()
    run = started(service)
    service.availability(service.away, "drain")
    try:
        result = run.result().only
    finally:
        service.availability(service.away, "active")
    assert result.get("failed"), result["migration"]
    assert_at_home(service)
    assert service.running() == before
    assert_nothing_lost(client.end())


def test_the_target_node_is_paused_meanwhile(service: Service) -> None:
    """A node that is paused keeps the tasks that it has."""
    client = service.client()
    run = started(service)
    service.availability(service.away, "pause")
    try:
        result = run.result().only
    finally:
        service.availability(service.away, "active")
    assert result["migration"]["status"] == "completed", (result.get("msg"), result.get("details"))
    service.home = service.away
    assert_at_home(service)
    assert_nothing_lost(client.end())


def test_docker_of_the_target_node_is_lost_meanwhile(service: Service) -> None:
    """It is started again, and ends its containers. Whatever Swarm makes of that, one process runs, and one task."""
    client = service.client()
    run = started(service)
    away = service.away
    crash_docker(away)
    try:
        result = run.result().only
    finally:
        start_docker(away)
    recover(service)
    if not result.get("failed"):
        service.home = away
    assert_at_home(service)
    assert_nothing_lost(client.end())


def test_a_crash_right_after_the_move_starts_the_program_for_real(service: Service) -> None:
    service.migrate(strategy="inter_copy")
    service.crash()
    until(lambda: service.tasks("Running", "Failed") == [1, 1], "Swarm has started it again")
    assert service.init_state() == "resident-run"
    await_answers(service.client())
