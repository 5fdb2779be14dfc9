# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.errors import (
    Cancelled,
    CriuFailed,
    Failure,
    MigrationError,
    PeerFailed,
    ProcessEnded,
)
from ansible_collections.organic.live_migration.plugins.module_utils.session import states
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Notice, Outcome, Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Event, Snapshot


def test_an_outcome_crosses_a_border_whole() -> None:
    statistics = Snapshot("0" * 16, state=states.COMPLETED, events=[Event(states.SETUP, 0.1)])
    whole = Outcome(
        Verdict.COMPLETED, process_downtime_ms=30.5, steps=[{"name": "freeze", "start_ms": 1.0, "duration_ms": 0.1}],
        statistics=statistics, commands={"source": ["criu"]}, notices=[Notice.EXITED_ON_TARGET],
    )  # fmt: skip
    assert typed.from_dict(Outcome, json.loads(json.dumps(typed.to_dict(whole)))) == whole


@pytest.mark.parametrize("broken", [{}, {"verdict": "lost"}, {"verdict": "completed", "ok": True}])
def test_anything_else_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Outcome"):
        typed.from_dict(Outcome, broken)


@pytest.mark.parametrize(
    ("error", "verdict", "state"),
    [
        (Cancelled(), Verdict.CANCELLED, states.CANCELLED),
        (ProcessEnded("It exited."), Verdict.PROCESS_EXITED, states.FAILED),
        (CriuFailed("dump", []), Verdict.ROLLED_BACK, states.FAILED),
        (OSError(28, "No space left on device"), Verdict.ROLLED_BACK, states.FAILED),
        (KeyError("steps"), Verdict.ROLLED_BACK, states.FAILED),
    ],
)
def test_an_error_before_the_commit_says_where_the_process_is(error: Exception, verdict: Verdict, state: str) -> None:
    outcome = Outcome.of_error(error)
    assert (outcome.verdict, outcome.state) == (verdict, state)


def test_a_migration_error_is_a_sentence_with_details_and_no_traceback() -> None:
    failure = Failure.of(MigrationError("It broke", criu_log=[]))
    assert failure == Failure("It broke.", {"criu_log": []})


def test_an_error_of_the_system_keeps_its_words() -> None:
    failure = Failure.of(OSError(28, "No space left on device"))
    assert failure.message == "[Errno 28] No space left on device."
    assert "OSError" in failure.traceback


def test_an_internal_error_is_named_as_such_and_says_what_to_do() -> None:
    with pytest.raises(KeyError) as raised:
        {}["steps"]
    failure = Failure.of(raised.value)
    assert failure.message.startswith("Internal error: KeyError: 'steps'. ")
    assert "report it with the traceback" in failure.message
    assert '{}["steps"]' in failure.traceback


def test_the_traceback_of_the_other_host_is_kept() -> None:
    failure = Failure.of(PeerFailed("Internal error.", traceback="Traceback ...", criu_log=[]))
    assert (failure.traceback, failure.details) == ("Traceback ...", {"criu_log": []})
