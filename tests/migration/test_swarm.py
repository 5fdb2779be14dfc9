# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of a Docker Swarm service moves between two nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.client import assert_nothing_lost
from tests.harness.site import Site
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
