# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an orchestrator is asked; the hosts are fake, and so is the cluster."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.engines.registry import ENGINES
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators import registry
from ansible_collections.organic.live_migration.plugins.plugin_utils.orchestrators.base import Orchestrator

SPEC = ContainerSpec("smf", "c0ffee", "nf", "sha256:0", INIT, "smf", "running", 7, "2026-01-01T00:00:00Z")
ARGUMENTS = {
    "name": "smf",
    "target_host": "edge-b",
    "target_address": None,
    "memory_reserve_mb": 256,
    "shared_volumes": [],
    "timeout_s": 120,
    "method": "resident",
    "downtime_budget_ms": 0,
    **asdict(Options(strategy="inter_copy")),
}
BROKEN = {"ok": False, "message": "The connection to the other host broke.", "details": {}}
UNREACHABLE = AnsibleActionFail("Host 'edge-b' cannot be reached: timed out")
BLOCKED = {"ok": True, "blockers": [{"code": "no_memory", "message": "m", "remedy": "r"}]}


class Cluster(Orchestrator):
    """Keeps what it was asked, beside the phases of the agents."""

    def __init__(self, asked: list[Any], refuses: bool) -> None:
        self._asked = asked
        self._refuses = refuses

    def place(self, spec: ContainerSpec, target_host: str) -> None:
        self._asked.append(("place", spec, target_host))
        if self._refuses:
            raise AnsibleActionFail("The cluster refused.")

    def commit(self) -> None:
        self._asked.append("commit")

    def revert(self) -> None:
        self._asked.append("revert")


class Hosts:
    """Answers by phase: a result or an exception."""

    source, target, engine = "edge-a", "edge-b", "docker"

    def __init__(self, asked: list[Any], answers: dict[str, Any]) -> None:
        self._asked = asked
        look = {"ok": True, "in_doubt": [], "blockers": [], "source": SPEC.to_dict(), "engine_id": "a",
                "memory_bytes": 1, "processes": 1}  # fmt: skip
        self._answers = {"look": look, "prepare": {"ok": True, "blockers": [], "port": 7}, "settle": {"ok": True},
                         "withdraw": {"ok": True}, "dismiss": {"ok": True}, **answers}  # fmt: skip

    def on_source(self, **arguments: Any) -> dict[str, Any]:
        self._asked.append(arguments["phase"])
        answer = self._answers[arguments["phase"]]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    on_target = on_source

    @staticmethod
    def target_addresses(_wanted: str | None) -> list[str]:
        return ["192.0.2.12"]


def asked_in(monkeypatch: pytest.MonkeyPatch, refuses: bool = False, **answers: Any) -> list[Any]:
    """Everything that a migration asked of the hosts and of the cluster, in order."""
    asked: list[Any] = []
    monkeypatch.setitem(registry.ORCHESTRATORS, "docker", lambda: Cluster(asked, refuses))
    try:
        Migration(Hosts(asked, answers), ARGUMENTS).migrate()
    except AnsibleActionFail as error:
        asked.append(str(error))
    return asked


PLACED = ["look", ("place", SPEC, "edge-b"), "prepare"]


def test_every_engine_has_an_orchestrator() -> None:
    assert registry.ORCHESTRATORS.keys() == ENGINES.keys()
    for engine in ENGINES:
        assert isinstance(registry.orchestrator_of(engine), Orchestrator)


def test_it_places_before_the_target_prepares_and_commits_after_success(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"ok": True, "status": "completed", "steps": []}
    assert asked_in(monkeypatch, migrate=done) == [*PLACED, "migrate", "commit"]


def test_it_reverts_after_the_target_has_discarded_what_it_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, migrate=BROKEN) == [*PLACED, "migrate", "withdraw", "revert"]


def test_it_reverts_when_the_target_cannot_prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, prepare=BLOCKED) == [*PLACED, "dismiss", "revert"]
    assert asked_in(monkeypatch, prepare=UNREACHABLE) == [*PLACED, "dismiss", "revert", str(UNREACHABLE)]


def test_a_placement_that_is_refused_ends_the_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, refuses=True) == [*PLACED[:2], "dismiss", "revert", "The cluster refused."]


def test_nothing_is_placed_for_a_container_that_cannot_migrate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, look={**BLOCKED, "in_doubt": []}) == ["look"]


@pytest.mark.parametrize(
    ("outcome", "lost", "asked"),
    [("ran", False, "commit"), ("ended", False, "commit"), ("ended", True, "commit"), ("destroyed", False, "revert")],
)
def test_what_was_in_doubt_is_decided_by_where_the_process_ran(
    monkeypatch: pytest.MonkeyPatch, outcome: str, lost: bool, asked: str
) -> None:
    found = asked_in(
        monkeypatch,
        migrate={**BROKEN, "in_doubt": True},
        outcome={"ok": True, "outcome": outcome},
        settle={"ok": True, "lost": lost},
    )
    assert found == [*PLACED, "migrate", "outcome", "settle", asked]


def test_it_is_not_asked_while_the_migration_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked_in(monkeypatch, migrate={**BROKEN, "in_doubt": True}, outcome=UNREACHABLE)
    assert found == [*PLACED, "migrate", "outcome"]


def test_a_description_that_is_malformed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    look = {"ok": True, "in_doubt": [], "blockers": [], "source": {"Id": "a"}, "engine_id": "a", "memory_bytes": 1}
    assert "Host 'edge-a' described the container wrongly" in asked_in(monkeypatch, look=look)[-1]
