# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of a Docker Swarm service moves between two nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.client import assert_nothing_lost, await_answers
from tests.harness.site import RESIDENT, Site
from tests.harness.swarm import Service, Swarm
from tests.harness.wait import until

NUMBER = 40
STRATEGIES = ["inter_copy", "pre_copy", "post_copy", "hybrid"]


@pytest.fixture(scope="module")
def swarm(site: Site) -> Iterator[Swarm]:
    made = Swarm(site)
    made.create()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def service(swarm: Swarm) -> Iterator[Service]:
    made = Service(swarm, "swarmed", NUMBER)
    try:
        yield made
    finally:
        made.remove()


def test_a_task_moves_and_nothing_has_failed(service: Service) -> None:
    client = service.client()
    result = service.migrate(strategy="pre_copy")
    assert_nothing_lost(client.end())
    assert result["migration"]["status"] == "completed"
    until(lambda: not service.deviations(), "the service has one task, at its new home")
    assert service.init_state() == "resident-run"


@pytest.mark.exhaustive
def test_there_and_back_three_times_then_a_crash_starts_it_for_real(service: Service) -> None:
    client = service.client()
    for number in range(6):
        service.migrate(strategy=STRATEGIES[number % len(STRATEGIES)])
        until(lambda: not service.deviations(), "the service has one task, at its new home")
    assert_nothing_lost(client.end())
    service.crash()
    until(lambda: service.tasks("Running", "Failed") == [1, 1], "Swarm has started it again")
    assert service.init_state() == "resident-run"
    await_answers(service.client())


@pytest.mark.exhaustive
def test_a_cancelled_migration_leaves_the_task_as_it_was(service: Service) -> None:
    before = service.ps()
    client = service.client()
    run = service.start_migration(strategy="pre_copy", max_bandwidth=1_000_000)
    until(lambda: service.progress().get("transferred_bytes", 0) > 0, "memory is sent")
    service.site.run_module(service.home, "container_migration_cancel", name=service.name)
    assert run.result().only["migration"]["outcome"] == "cancelled"
    until(lambda: not service.deviations(), "the service has one task, at its old home")
    assert_nothing_lost(client.end())
    assert service.running() == [line["ID"] for line in before]


@pytest.mark.exhaustive
def test_a_migration_that_fails_after_the_freeze_leaves_the_task_as_it_was(service: Service) -> None:
    client = service.client()
    before = service.running()
    service.away.run(f"mv {RESIDENT}/criu {RESIDENT}/criu.away && printf '#!/bin/false\n' > {RESIDENT}/criu")
    try:
        result = service.migrate(2, strategy="inter_copy")
    finally:
        service.away.run(f"mv {RESIDENT}/criu.away {RESIDENT}/criu")
    assert result["failed"]
    until(lambda: not service.deviations(), "the service has one task, at its old home")
    assert_nothing_lost(client.end())
    assert service.running() == before


@pytest.mark.exhaustive
def test_a_node_that_is_drained_is_refused(service: Service) -> None:
    service.availability(service.away, "drain")
    try:
        result = service.migrate(2)
    finally:
        service.availability(service.away, "active")
    assert [blocker["code"] for blocker in result["blockers"]] == ["node_unavailable"]
    assert not service.deviations()
