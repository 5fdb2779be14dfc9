# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that the role uses, as Ansible calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.organic.core5g.plugins.filter import kubernetes, nf, swarm
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

FOUND = {
    host: [{"name": "smf", "container": {"status": status, "pid": pid, "restart_policy": "no"}, "error": None}]
    for host, status, pid in (("edge-a", "running", 7), ("edge-b", "exited", None))
}


def profile(strategy: str) -> dict[str, Any]:
    return {
        "stateful": True,
        "migration": {"strategy": strategy, "alternatives": ["pre_copy"], "paper_section": "4.2"},
        "budgets": {},
    }


def request(strategy: str) -> dict[str, Any]:
    return {"nf": "smf", "target_host": "edge-b", "hosts": list(FOUND), "profile": profile(strategy)}


def test_every_filter_is_documented() -> None:
    folder = Path(nf.__file__).parent
    assert {path.stem for path in folder.glob("*.yml")} == {
        *kubernetes.FilterModule().filters(),
        *nf.FilterModule().filters(),
        *swarm.FilterModule().filters(),
    }
    for path in folder.glob("*.yml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["DOCUMENTATION"]["name"] == path.stem


def test_hosts() -> None:
    assert nf.nf_running_on(FOUND, "smf") == "edge-a"
    assert nf.nf_running_on(FOUND, "upf") == ""
    profiles = {"smf": {"plane": "control"}}
    assert nf.nf_places(FOUND, ["smf"], profiles, ["edge-a", "edge-b"]) == {"smf": "edge-a"}


def test_error_is_one_of_the_filter() -> None:
    twice = dict.fromkeys(FOUND, FOUND["edge-a"])
    with pytest.raises(AnsibleFilterError, match="edge-a and edge-b"):
        nf.nf_running_on(twice, "smf")


def test_every_strategy_of_the_mechanism_is_implemented() -> None:
    for strategy in STRATEGIES:
        plan = nf.nf_migration_plan(request(strategy), FOUND)
        assert (plan["moves"], plan["strategy"], plan["source_host"]) == (True, strategy, "edge-a")
    plan = nf.nf_migration_plan(request("ppm"), FOUND)
    assert plan["strategy"] == "pre_copy"
    assert "which is used only where it is named (migration_strategy=ppm)" in plan["message"]


def test_refusal() -> None:
    assert nf.nf_refusal(request("pre_copy")) == ""
    assert "no host 'nowhere'" in nf.nf_refusal({**request("pre_copy"), "target_host": "nowhere"})
