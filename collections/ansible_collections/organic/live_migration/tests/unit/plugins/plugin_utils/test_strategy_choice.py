# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing a strategy by what was measured on fake hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    PreflightAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.plugin_utils.forecast import Forecast, Measured
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration
from ansible_collections.organic.live_migration.tests.unit.plugins.plugin_utils.fake_hosts import (
    ARGUMENTS,
    BLOCKER,
    COMPLETED,
    FOUND,
    Hosts,
    migrate,
)

LARGE = replace(FOUND, memory_bytes=10**9, dirty_pages_per_s=1000.0)


def auto(hosts: Hosts, **arguments: Any) -> dict[str, Any]:
    return migrate(hosts, strategy="auto", **arguments)


@pytest.mark.parametrize(
    ("found", "arguments", "strategy"),
    [
        (LARGE, {}, "pre_copy"),
        (replace(LARGE, memory_bytes=10**6), {}, "pre_copy"),
        (LARGE, {"downtime_limit_ms": 5000}, "pre_copy"),
        (LARGE, {"downtime_limit_ms": 1, "downtime_budget_ms": 200}, "pre_copy"),
        (replace(LARGE, memory_bytes=10**6, dirty_pages_per_s=None), {}, "inter_copy"),
        (replace(LARGE, dirty_pages_per_s=10.0**6), {}, "post_copy"),
        (replace(LARGE, dirty_pages_per_s=None), {}, "post_copy"),
    ],
)
def test_the_strategy_is_chosen_by_what_was_measured(
    found: PreflightAnswer, arguments: dict[str, Any], strategy: str
) -> None:
    hosts = Hosts(preflight=found, start=COMPLETED)
    result = auto(hosts, **arguments)
    assert [phase for _side, phase in hosts.asked] == [
        "preflight", "bandwidth_server", "bandwidth_client", "prepare", "start"
    ]  # fmt: skip
    assert hosts.parameters[0].measure
    chosen = {given.plan.options.strategy for given in hosts.parameters[3:] if given.plan}
    assert chosen == {strategy}
    prediction = result["migration"]["prediction"]
    assert result["migration"]["strategy"] == prediction["strategy"] == strategy
    assert prediction["link_bytes_per_s"] == 1e9
    assert strategy in prediction["reason"]
    assert len(prediction["strategies"]) == 4


def test_what_the_user_chose_is_neither_measured_nor_changed() -> None:
    hosts = Hosts(preflight=LARGE, start=COMPLETED)
    result = migrate(hosts, strategy="hybrid")
    assert [phase for _side, phase in hosts.asked] == ["preflight", "prepare", "start"]
    assert not hosts.parameters[0].measure
    assert result["migration"]["strategy"] == "hybrid"
    assert "prediction" not in result["migration"]


def test_encryption_costs_what_the_prediction_tells() -> None:
    hosts = Hosts(preflight=LARGE, start=COMPLETED)
    bare, encrypted = (
        auto(hosts, encryption=encryption)["migration"]["prediction"]["strategies"] for encryption in ("none", "tls")
    )
    assert [one["migration_time_ms"] for one in bare] < [one["migration_time_ms"] for one in encrypted]


def test_the_engines_own_method_leaves_no_choice() -> None:
    hosts = Hosts(preflight=LARGE, start=COMPLETED)
    assert auto(hosts, method="engine")["migration"]["strategy"] == "inter_copy"
    assert ("target", "bandwidth_server") not in hosts.asked


def test_a_link_that_cannot_be_measured_ends_it_on_the_source() -> None:
    hosts = Hosts(preflight=LARGE, bandwidth_client=AnsibleActionFail("The connection to the other host broke."))
    with pytest.raises(AnsibleActionFail, match="connection to the other host broke"):
        auto(hosts)
    assert hosts.asked[-1] == ("source", "abort_queued")


def test_check_mode_measures_and_predicts_and_begins_nothing() -> None:
    hosts = Hosts(preflight=LARGE)
    checked = Migration(hosts, {**ARGUMENTS, "strategy": "auto"})
    assert checked.blockers() == []
    facts = checked.facts()
    assert facts["forecast"]["strategy"] == "pre_copy"
    assert facts["predicted_downtime_ms"] == facts["forecast"]["downtime_ms"] > 0
    assert [phase for _side, phase in hosts.asked] == ["preflight", "bandwidth_server", "bandwidth_client", "prepare"]
    assert (hosts.parameters[0].dry_run, hosts.parameters[0].trial_dump) == (True, False)
    assert hosts.parameters[3].dry_run


def test_check_mode_measures_no_link_when_the_source_refuses() -> None:
    hosts = Hosts(preflight=replace(LARGE, blockers=[BLOCKER]))
    checked = Migration(hosts, {**ARGUMENTS, "strategy": "auto"})
    assert checked.blockers() == [BLOCKER]
    assert checked.facts()["forecast"]["link_bytes_per_s"] is None
    assert ("target", "bandwidth_server") not in hosts.asked


def test_large_files_take_time_and_those_that_are_compared_cost_downtime() -> None:
    plain, filled = (
        Forecast(
            Measured(1 << 20, files_bytes=size, compared_bytes=size // 2), Options(strategy="pre_copy"), 0, "resident"
        )
        for size in (0, 300_000_000)
    )
    assert filled.predicted.downtime_ms - plain.predicted.downtime_ms == pytest.approx(150, rel=0.01)
    assert filled.predicted.migration_time_ms - plain.predicted.migration_time_ms == pytest.approx(2150, rel=0.01)


def test_on_a_loaded_host_all_takes_longer() -> None:
    idle, loaded = (
        Forecast(Measured(20 << 20, cpu_slowdown=slowdown), Options(strategy="pre_copy"), 0, "resident").predicted
        for slowdown in (1.0, 10.0)
    )
    assert loaded.downtime_ms / idle.downtime_ms == pytest.approx(10, rel=0.01)
    assert loaded.migration_time_ms / idle.migration_time_ms == pytest.approx(10, rel=0.01)
