# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an orchestrator is asked; the hosts are fake, and so is the cluster."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Done,
    OutcomeAnswer,
    Parameters,
    PollAnswer,
    PreflightAnswer,
    PrepareAnswer,
)
from ansible_collections.organic.live_migration.plugins.module_utils.paths import INIT
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Outcome, Verdict
from ansible_collections.organic.live_migration.plugins.plugin_utils import migration
from ansible_collections.organic.live_migration.plugins.plugin_utils.migration import Migration
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
ROLLED_BACK = Outcome(Verdict.ROLLED_BACK, "The connection to the other host broke.")
IN_DOUBT = replace(ROLLED_BACK, verdict=Verdict.IN_DOUBT)
FOUND = PreflightAnswer(source=SPEC, engine_id="a", memory_bytes=1, processes=1)
UNREACHABLE = AnsibleActionFail("Host 'edge-b' cannot be reached: timed out")
BLOCKER = Blocker("no_memory", "m", "r")


class Cluster(Orchestrator):
    """Keeps what it was asked, beside the phases of the agents."""

    is_gone = False

    def __init__(self, asked: list[Any], refuses: bool) -> None:
        self._asked = asked
        self._refuses = refuses

    def recover(self, spec: ContainerSpec) -> None:
        self._asked.append("recover")

    def blockers(self, spec: ContainerSpec) -> list[Blocker]:
        self._asked.append("blockers")
        return []

    def place(self, spec: ContainerSpec, target_host: str, migration_id: str) -> None:
        self._asked.append(("place", spec, target_host))
        if self._refuses:
            raise AnsibleActionFail("The cluster refused.")

    def commit(self) -> None:
        self._end("commit")

    def revert(self) -> None:
        self._end("revert")

    def _end(self, how: str) -> None:
        self._asked.append(how)
        if self.is_gone:
            raise AnsibleActionFail("No manager answers.")


class Hosts:
    """Answers by phase: a result or an exception."""

    source, target, engine = "edge-a", "edge-b", "docker"

    def __init__(self, asked: list[Any], answers: dict[str, Any]) -> None:
        self._asked = asked
        self._answers = {"preflight": FOUND, "prepare": PrepareAnswer(port=7), "discard_target": Done(),
                         "abort_queued": Done(), **answers}  # fmt: skip

    def on_source(self, parameters: Parameters, kind: type) -> Any:
        self._asked.append(parameters.phase)
        answer = self._answers.get(parameters.phase)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Outcome):
            answer = PollAnswer(answer)
        assert isinstance(answer, kind)
        return answer

    on_target = on_source

    @staticmethod
    def target_addresses(_wanted: str | None) -> list[str]:
        return ["192.0.2.12"]


def asked_in(monkeypatch: pytest.MonkeyPatch, refuses: bool = False, **answers: Any) -> list[Any]:
    """Everything that a migration asked of the hosts and of the cluster, in order."""
    asked: list[Any] = []
    monkeypatch.setattr(migration, "orchestrator_of", lambda *_arguments: Cluster(asked, refuses))
    try:
        Migration(Hosts(asked, answers), ARGUMENTS).migrate()
    except AnsibleActionFail as error:
        asked.append(str(error))
    return asked


PLACED = ["preflight", "recover", "blockers", ("place", SPEC, "edge-b"), "prepare"]


def test_it_places_before_the_target_prepares_and_commits_after_success(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, start=Outcome(Verdict.COMPLETED)) == [*PLACED, "start", "commit"]


def test_it_reverts_after_the_target_has_discarded_what_it_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, start=ROLLED_BACK) == [*PLACED, "start", "discard_target", "revert"]


def test_it_reverts_when_the_target_cannot_prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, prepare=PrepareAnswer([BLOCKER])) == [*PLACED, "abort_queued", "revert"]
    assert asked_in(monkeypatch, prepare=UNREACHABLE) == [*PLACED, "abort_queued", "revert", str(UNREACHABLE)]


def test_a_placement_that_is_refused_ends_the_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, refuses=True) == [*PLACED[:4], "abort_queued", "revert", "The cluster refused."]


def test_nothing_is_placed_for_a_container_that_cannot_migrate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_in(monkeypatch, preflight=PreflightAnswer([BLOCKER])) == ["preflight"]


@pytest.mark.parametrize(
    ("outcome", "resolved", "asked"),
    [("running", "running", "commit"), ("exited", "exited", "commit"), ("exited", "lost", "commit"),
     ("never_ran", "lost", "commit"), ("never_ran", "never_ran", "revert")],
)  # fmt: skip
def test_what_was_in_doubt_is_decided_by_where_the_process_ran(
    monkeypatch: pytest.MonkeyPatch, outcome: str, resolved: str, asked: str
) -> None:
    found = asked_in(monkeypatch, start=IN_DOUBT, query_outcome=OutcomeAnswer(outcome), resolve=OutcomeAnswer(resolved))
    assert found == [*PLACED, "start", "query_outcome", "resolve", asked]


def test_a_cluster_that_is_gone_at_the_end_does_not_hide_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "is_gone", True)
    monkeypatch.setattr(migration, "orchestrator_of", lambda *_arguments: Cluster([], refuses=False))
    completed = Migration(Hosts([], {"start": Outcome(Verdict.COMPLETED)}), ARGUMENTS).migrate()
    assert completed["changed"]
    [warning] = completed["warnings"]
    assert warning == (
        "The orchestrator could not end the move: No manager answers. Make it reachable; the next migration of 'smf' "
        "ends it first."
    )
    failed = Migration(Hosts([], {"start": ROLLED_BACK}), ARGUMENTS).migrate()
    assert failed["msg"].endswith(f"The container runs on edge-a as before. {warning}")


def test_a_process_whose_state_is_lost_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Outcome(Verdict.STATE_LOST, "Its state is lost.")
    assert asked_in(monkeypatch, start=lost) == [*PLACED, "start", "commit"]


def test_it_is_not_asked_while_the_migration_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked_in(monkeypatch, start=IN_DOUBT, query_outcome=UNREACHABLE)
    assert found == [*PLACED, "start", "query_outcome"]


def test_an_answer_without_the_container_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked_in(monkeypatch, preflight=replace(FOUND, source=None))
    assert found[-1] == "Host 'edge-a' did not describe container 'smf'."
