# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushing the rest of the memory after the commit, over links that break. Connections and pagers are fakes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import PeerFailed, PeerGone, PeerLost
from ansible_collections.organic.live_migration.plugins.module_utils.memory.pager import PagesLost
from ansible_collections.organic.live_migration.plugins.module_utils.session import states
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import post_copy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.post_copy import PostCopy

PUSHED = {"done": "push"}


class Memory:
    """The connections of a source: each try to push meets the next of ``outcomes``, an answer or an error.

    Attributes:
        states: that the migration went through.
        reconnects: how often the connections were made again.
    """

    def __init__(self, outcomes: list[Any], timeout_s: float = 60, sends: bool = False) -> None:
        self.outcomes = outcomes
        self.sends = sends
        self.plan = SimpleNamespace(options=SimpleNamespace(postcopy_timeout_s=timeout_s))
        self.states: list[str] = []
        self.progress = SimpleNamespace(set_state=self.states.append)
        self.sent = SimpleNamespace(bytes=0)
        self.messages: list[str] = []
        self.reconnects = self.pushes = 0
        self.is_pushing = False
        self.done: Any = None
        self._connect()

    def _connect(self) -> None:
        self.control: Any = SimpleNamespace(
            send=self.messages.append, expect=lambda kind, _t: self.messages.append(kind)
        )
        self.pager: Any = SimpleNamespace(expect=self._push)

    def _push(self, _command: str, _timeout_s: float, _report: Any) -> dict[str, str]:
        if self.sends:
            self.sent.bytes += 4096
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return dict(outcome)

    def start_push(self, _pager: Any) -> None:
        self.pushes += 1
        self.is_pushing = True

    def report(self, _progress: Any) -> None: ...

    def report_done(self, done: Any) -> None:
        self.done = done

    def disconnect(self) -> None:
        self.control = self.pager = None
        self.is_pushing = False

    def reconnect(self) -> tuple[Any, Any]:
        self.reconnects += 1
        self._connect()
        return self.control, self.pager


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes only where the strategy waits."""
    now = [0.0]
    monkeypatch.setattr(post_copy, "now_ms", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds * 1000

    monkeypatch.setattr(post_copy, "time", SimpleNamespace(sleep=wait, monotonic=lambda: now[0] / 1000))
    return now


def push(memory: Memory, is_running: bool = True) -> None:
    PostCopy().after_commit(memory, is_running)  # type: ignore[arg-type]


def test_all_is_pushed_and_the_target_confirms_it() -> None:
    memory = Memory([PUSHED])
    push(memory)
    assert memory.messages == ["push_done", "placed_all"]
    assert (memory.done, memory.pushes, memory.reconnects, memory.states) == (PUSHED, 1, 0, [])


def test_a_push_that_was_started_is_not_started_again() -> None:
    memory = Memory([PUSHED])
    memory.is_pushing = True
    push(memory)
    assert memory.pushes == 0


def test_a_broken_link_pauses_it_and_new_connections_go_on() -> None:
    memory = Memory([PagesLost("broken"), PUSHED])
    push(memory)
    assert memory.states == [states.POSTCOPY_PAUSED, states.POSTCOPY_ACTIVE]
    assert (memory.reconnects, memory.pushes) == (1, 2)


def test_a_link_that_stays_broken_is_given_up_in_time(clock: list[float]) -> None:
    memory = Memory([PeerLost("broken")] * 1000, timeout_s=3)
    with pytest.raises(PeerLost, match=r"within 3 s \(postcopy_timeout_s\)"):
        push(memory)
    assert 3.0 <= clock[0] / 1000 < 4.0


def test_the_time_starts_again_whenever_something_was_sent(clock: list[float]) -> None:
    memory = Memory([*[PeerLost("broken")] * 100, PUSHED], timeout_s=1, sends=True)
    push(memory)
    assert clock[0] / 1000 > 10


def test_the_target_that_stopped_the_process_ends_it() -> None:
    memory = Memory([PeerFailed("The process was killed.")])
    with pytest.raises(PeerFailed, match="was killed"):
        push(memory)


@pytest.mark.parametrize("is_running", [False, True])
def test_a_target_that_refuses_ends_it_only_where_the_process_may_not_run(is_running: bool) -> None:
    memory = Memory([PeerGone("refused"), PUSHED])
    if is_running:
        push(memory)
        assert memory.done == PUSHED
    else:
        with pytest.raises(PeerGone, match="refused"):
            push(memory, is_running)
