# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trial dump says what CRIU refuses before anything is prepared, and lets the process run on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.injection import FaultInjector
from tests.harness.migration import MigrationUnderTest
from tests.harness.site import Site

REFUSED = "trial-refused"


@pytest.fixture
def tried(site: Site) -> Iterator[MigrationUnderTest]:
    one = MigrationUnderTest(site, "tried", 32, 5)
    try:
        yield one
    finally:
        one.remove()


def preflight(site: Site, name: str, *options: str) -> dict[str, Any]:
    source, target = site.edges[:2]
    return site.run_module(
        source, "container_migration_preflight", *options, name=name, target_host=target.name, trial_dump=True
    )


def test_the_process_goes_on_with_its_connections(tried: MigrationUnderTest) -> None:
    client = tried.client(connections=8)
    try:
        for options in ((), ("--check",)):
            found = preflight(tried.site, tried.name, *options)
            assert found["migratable"], found["blockers"]
            assert not found["changed"]
            assert found["trial_downtime_ms"] > 0
            tried.converge()
        tried.migrate(trial_dump=True)
        tried.converge()
        assert client.end()["failed"] == 0
    finally:
        client.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("act", ["kill_worker", "kill_worker_and_watchdog"])
def test_a_trial_that_is_killed_leaves_nothing(tried: MigrationUnderTest, act: str) -> None:
    """Without its watchdog, the process is stopped until the host is recovered, as in a migration."""
    client = tried.client(connections=8)
    try:
        for _attempt in range(5):  # the state takes some 10 ms, and may be missed
            injector = FaultInjector(tried.home, "source:dumping", act)
            run = tried.start_migration("--check", trial_dump=True)
            is_hit = injector.acted(run)
            result = run.result()
            if is_hit:
                break
        assert is_hit
        assert result.status != 0
        if act == "kill_worker_and_watchdog":
            recovered = tried.site.run_module(tried.home, "container_migration_recover")
            assert [one["outcome"] for one in recovered["recovered"]] == ["running"], recovered
        else:
            assert "worker was killed" in result.message, result.message
        tried.converge()
        assert client.end()["failed"] == 0
    finally:
        client.close()


def test_what_criu_refuses_is_known_before_anything_is_prepared(site: Site) -> None:
    source = site.edges[0]
    site.run_unsupported(source, REFUSED, 6, "uffd")
    try:
        before = site.snapshot()
        found = preflight(site, REFUSED)
        assert not found["migratable"]
        assert [blocker["code"] for blocker in found["blockers"]] == ["trial_dump_failed"]
        assert "userfaultfd" in found["blockers"][0]["message"]
        assert site.snapshot() == before
    finally:
        site.remove(REFUSED)
