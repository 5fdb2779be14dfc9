# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of pre_copy and hybrid, with a pager that is a fake: it sends 100 MiB in a second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import rounds
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.hybrid import Hybrid
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.post_copy import PostCopy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.pre_copy import PreCopy
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.strategies.recorded_source import Site

MEBIBYTE, PAGE = 1 << 20, 4096


class Writing:
    """A source whose process writes so many MiB in each round; the last number holds for all further ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *sizes_mib: float, **options: Any) -> None:
        site = Site(monkeypatch)
        self.source, self.calls = site.source, site.calls
        self.source.plan.timeout_s = 120
        self.source.plan.options = Options(strategy="pre_copy", **options)
        self.source.memory.sent = SimpleNamespace(bytes=0)
        self.source.pager.answers["expect"] = self._send
        self.source.refresh_files = lambda: self.calls.append("refresh_files")
        self.limits: list[int] = []
        self._sizes_mib = sizes_mib
        self._done = 0
        self._clock_ms = 0.0
        monkeypatch.setattr(rounds, "now_ms", lambda: self._clock_ms)
        cpu = SimpleNamespace(settings=lambda: {"cpu.max": "max"}, set=lambda percent, _before: self._limit(percent))
        monkeypatch.setattr(rounds, "CpuTime", lambda _container: cpu)

    def _limit(self, percent: int) -> None:
        assert "record.save" in self.calls, "what the process had is not written down"
        assert self.source.record.cpu_limit == {"cpu.max": "max"}
        self.limits.append(percent)

    def _send(self, _done: str, _timeout_s: float, _watch: Any) -> dict[str, Any]:
        size = self._sizes_mib[min(self._done, len(self._sizes_mib) - 1)]
        self._done += 1
        self._clock_ms += size * 10
        self.source.memory.sent.bytes += int(size * MEBIBYTE)
        return {"pages_written": int(size * MEBIBYTE / PAGE), "duration_ms": size * 10}

    @property
    def rounds(self) -> int:
        return self.calls.count("pager.order round")


def test_pre_copy_ends_its_rounds_when_the_rest_fits_into_the_downtime(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(monkeypatch, 1000, 100, 10, 1)
    strategy = PreCopy()
    assert strategy.copy_live(writing.source) is strategy
    assert writing.rounds == 5, "the fifth finds as much as the fourth"
    files = [number for number, call in enumerate(writing.calls) if call == "refresh_files"]
    memory = [number for number, call in enumerate(writing.calls) if call == "pager.order round"]
    assert files[0] < memory[0] <= memory[-1] < files[-1]
    assert writing.limits == []


def test_a_rest_that_does_not_shrink_is_pushed_after_the_commit_if_the_user_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writing = Writing(monkeypatch, 1000, on_no_convergence="post_copy")
    assert PreCopy().copy_live(writing.source).name == PostCopy.name


def test_a_rest_that_does_not_shrink_is_refused_before_the_freeze(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(monkeypatch, 1000, on_no_convergence="fail")
    with pytest.raises(MigrationError, match=r"does not converge.* at most 300 ms are allowed"):
        PreCopy().copy_live(writing.source)
    assert "freezer.freeze" not in writing.calls


def test_a_process_is_throttled_after_its_limits_are_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(monkeypatch, *[1000] * 6, 1)
    strategy = PreCopy()
    assert strategy.copy_live(writing.source) is strategy
    assert writing.limits
    assert writing.limits == sorted(writing.limits)


def test_rounds_end_with_the_time_that_the_migration_has(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(monkeypatch, 1000)
    writing.source.plan.timeout_s = 9
    with pytest.raises(MigrationError, match=r"not copied within 9 s .timeout_s.; the process writes \d+ pages"):
        PreCopy().copy_live(writing.source)


def test_hybrid_finishes_itself_whatever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(monkeypatch, 1000, 10, 1)
    strategy = Hybrid()
    assert strategy.copy_live(writing.source) is strategy
    assert writing.rounds >= 1


@pytest.mark.parametrize("strategy", [PreCopy, Hybrid])
def test_after_a_pause_one_more_round_is_sent_before_the_files(
    strategy: type[PreCopy | Hybrid], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Writing(monkeypatch, 100)
    strategy().copy_after_pause(writing.source)
    assert [call for call in writing.calls if call in ("pager.order round", "refresh_files")] == [
        "pager.order round",
        "refresh_files",
    ]
