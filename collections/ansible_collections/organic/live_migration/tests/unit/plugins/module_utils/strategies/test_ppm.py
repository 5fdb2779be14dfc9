# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which a clone is made, compared and takes over, with fakes that write down each call."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import (
    CloneVoid,
    MigrationError,
    PeerFailed,
    PeerLost,
)
from ansible_collections.organic.live_migration.plugins.module_utils.network.mirror import MirrorEnded
from ansible_collections.organic.live_migration.plugins.module_utils.network.mirror_state import EndOfInput
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import handover, ppm
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.ppm import Ppm
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.strategies.recorded_source import (
    Recorder,
    Site,
)

STATE: dict[str, Any] = {
    "inputs": 30,
    "answers_compared": 30,
    "bytes_compared": 960,
    "lag_ms": 0.0,
    "median_lag_ms": 0.1,
    "max_lag_ms": 1.0,
    "skew_us": 50.0,
    "max_skew_us": 90.0,
    "chain": "c0ffee",
    "in_step": True,
    "void": "",
    "divergence": None,
}
PARTED = {
    "flow": "tcp 192.0.2.7:4711 > 7000",
    "offset": 600,
    "source": "5f",
    "clone": "14",
    "reason": "another byte",
    "after_ms": 0.4,
    "inputs": 12,
}


class Pair(Site):
    """A source with its mirror, and a target that answers.

    Attributes:
        states: what the target reports, one after the other; the last one again and again.
        in_step: its answers to the handover, likewise.
        errors: by the message that is awaited.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        super().__init__(monkeypatch)
        self.states: list[dict[str, Any]] = [STATE]
        self.in_step = [True]
        self.errors: dict[str, Exception] = {}
        self.here = SimpleNamespace(void="", wait_us=60.0)
        self.quiet = [True]
        self.mirror = Recorder(
            "mirror",
            self.calls,
            await_quiet=lambda _limit: self._next(self.quiet),
            begin_handover=EndOfInput(30, 30, "c0ffee"),
            state=lambda: self.here,
        )
        self.source.plan.options = Options(strategy="ppm", ppm_verify_ms=1, **options)
        self.source.plan.migration_id = "0123456789abcdef"
        self.source.container = SimpleNamespace(init=SimpleNamespace(pid=5))
        self.source.links.interfaces = []
        self.source.memory.answers["connect_mirror"] = SimpleNamespace(plain=contextlib.nullcontext())
        self.source.progress.continued = False
        self.control.answers["expect"] = self._reply
        monkeypatch.setattr(ppm, "SourceMirror", lambda *_given: self.mirror)
        monkeypatch.setattr(ppm, "tcp_streams", SimpleNamespace(streams=lambda _named: []))
        monkeypatch.setattr(handover, "SwitchoverDeadline", lambda *_given: Recorder("deadline", self.calls))
        monkeypatch.setattr(handover, "time", SimpleNamespace(sleep=lambda _s: None))

    @staticmethod
    def _next(values: list[Any]) -> Any:
        return values.pop(0) if len(values) > 1 else values[0]

    def _reply(self, kind: str, _timeout_s: float, _on_poll: Any = None, *_wakers: Any) -> Message:
        if kind in self.errors:
            raise self.errors[kind]
        fields: dict[str, Any] = {"steps": []}
        if kind in ("compared", "in_step"):
            fields["state"] = self._next(self.states)
        if kind == "in_step":
            fields["is_in_step"] = self._next(self.in_step)
        return Message(kind, fields, b"")

    def between(self, first: str, last: str) -> list[str]:
        begin = self.calls.index(first)
        return self.calls[begin : self.calls.index(last, begin) + 1]


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Pair:
    return Pair(monkeypatch)


def test_the_process_is_stopped_for_the_dump_alone(pair: Pair) -> None:
    assert Ppm().switch_over(pair.source).kind == "restored"
    assert pair.between("mirror.hold", "mirror.open_turnstile") == [
        "mirror.hold",
        "mirror.await_quiet",
        "deadline.start",
        "freezer.freeze",
        "pager.order final_send",
        "mirror.mark",
        "unread_datagrams.unread",
        "pager.expect hints",
        "criu.begin_dump",
        "files.changes",
        "files.pack",
        "sockets.refresh",
        "tasks.refresh",
        "ipc.refresh",
        "criu.run_until post-dump",
        "criu.run_until",
        "pager.expect lists",
        "pager.expect final",
        "freezer.thaw",
        "mirror.open_turnstile",
    ]
    assert pair.source.clone.clone_pause_ms > 0


def test_the_clone_takes_over_from_a_frozen_process(pair: Pair) -> None:
    strategy = Ppm()
    strategy.switch_over(pair.source)
    end = len(pair.calls) - 1 - pair.calls[::-1].index("mirror.hold")
    assert pair.calls[end:] == [
        "mirror.hold",
        "mirror.await_quiet",
        "freezer.freeze",
        "mirror.begin_handover",
        "control.send hand_over",
        "control.expect in_step",
        "mirror.mute",
        "links.suppress_arp",
    ]
    assert pair.sent["hand_over"][1]["end"] == {"inputs": 30, "outputs": 30, "chain": "c0ffee"}
    assert pair.source.frozen_at_ms > 0
    assert strategy.commit(pair.source) == b""
    assert pair.calls[-1] == "mirror.forward_late"
    strategy.process_runs(pair.source)
    assert pair.source.clone.handover_ms > 0
    assert (pair.source.clone.inputs, pair.source.clone.chain) == (30, "c0ffee")


def test_the_source_keeps_its_addresses_until_the_commit(pair: Pair) -> None:
    Ppm().switch_over(pair.source)
    assert "control.send switch" not in pair.calls
    assert [call for call in pair.calls if call.startswith(("outgoing.", "incoming.", "links.drop"))] == []
    blob, fields = pair.sent["images"]
    assert blob == b"tar" + b"fi" + b"read"  # no new connection: the source may still accept it
    assert fields["arrived_bytes"] == len(b"read")


def test_a_clone_is_watched_until_it_has_said_enough(pair: Pair) -> None:
    pair.states = [{**STATE, "in_step": False}, {**STATE, "answers_compared": 3}, STATE]
    Ppm().switch_over(pair.source)
    assert pair.calls.count("control.send compare") >= 3


@pytest.mark.parametrize(
    ("state", "here", "reason", "words"),
    [
        ({"divergence": PARTED}, "", "diverged", "offset 600, source 5f, clone 14"),
        ({"void": "a packet was lost"}, "", "void", "a packet was lost"),
        ({}, "a packet waited for 6 ms", "void", "waited for 6 ms"),
    ],
)
def test_a_clone_that_does_not_follow_is_given_up_and_the_process_goes_on(
    pair: Pair, state: dict[str, Any], here: str, reason: str, words: str
) -> None:
    pair.states = [{**STATE, **state}]
    pair.here.void = here
    with pytest.raises(CloneVoid, match=words) as void:
        Ppm().switch_over(pair.source)
    assert void.value.details["clone_void"] == reason
    assert void.value.details.get("divergence", {}) == state.get("divergence", {})
    assert pair.calls[-2:] == ["freezer.thaw", "mirror.release"]
    assert pair.source.mirror is None
    assert pair.source.frozen_at_ms == 0


def test_a_mirror_that_ended_costs_only_the_clone(pair: Pair) -> None:
    def ended() -> None:
        raise MirrorEnded("The source's packet mirror failed.")

    pair.mirror.answers["state"] = ended
    with pytest.raises(CloneVoid) as void:
        Ppm().switch_over(pair.source)
    assert void.value.details["clone_void"] == "mirror_lost"
    assert pair.calls[-3:] == ["mirror.let_pass", "freezer.thaw", "mirror.release"]


def test_a_mirror_that_ends_while_the_clone_is_restored_costs_only_the_clone(pair: Pair) -> None:
    """The process gets what was held at once, and not when the restore has ended."""

    def expect(kind: str, timeout_s: float, on_poll: Any = None, *wakers: Any) -> Message:
        if kind == "restored":
            assert wakers == (pair.mirror,)
            pair.mirror.answers["state"] = SimpleNamespace(void="the stream to the target was lost")
            on_poll()
        return pair._reply(kind, timeout_s)

    pair.control.answers["expect"] = expect
    with pytest.raises(CloneVoid, match="the stream to the target was lost"):
        Ppm().switch_over(pair.source)
    assert pair.calls[-2:] == ["freezer.thaw", "mirror.release"]
    assert "control.send run_clone" not in pair.calls


@pytest.mark.parametrize("where", ["clone_prepared", "clone_runs", "compared", "in_step"])
def test_what_fails_on_the_target_costs_only_the_clone(pair: Pair, where: str) -> None:
    pair.errors[where] = PeerFailed("CRIU failed.", criu_log=["x"])
    with pytest.raises(CloneVoid, match="CRIU failed") as void:
        Ppm().switch_over(pair.source)
    assert void.value.details == {"clone_void": "target_failed", "criu_log": ["x"]}


def test_a_handover_that_comes_too_early_is_tried_again(pair: Pair) -> None:
    pair.in_step = [False, True]
    Ppm().switch_over(pair.source)
    assert pair.between("control.expect in_step", "mirror.mute")[:4] == [
        "control.expect in_step",
        "freezer.thaw",
        "mirror.open_turnstile",
        "mirror.state",
    ]
    assert pair.calls.count("freezer.freeze") == 3


def test_a_process_that_is_never_at_rest_is_not_cloned(pair: Pair) -> None:
    pair.quiet = [False]
    with pytest.raises(CloneVoid, match="never at rest"):
        Ppm().switch_over(pair.source)
    assert "freezer.freeze" not in pair.calls
    assert pair.calls.count("mirror.hold") == pair.calls.count("mirror.open_turnstile")


def test_with_a_pause_both_run_until_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch, pause_before_switchover=True)
    compared = 0

    def sleep(_seconds: float) -> None:
        nonlocal compared
        compared += "progress.set_state pre-switchover" in pair.calls
        pair.source.progress.continued = compared > 5

    monkeypatch.setattr(handover, "time", SimpleNamespace(sleep=sleep))
    Ppm().switch_over(pair.source)
    assert pair.between("progress.set_state pre-switchover", "progress.set_state cloned").count("mirror.state") >= 5


def test_a_link_that_breaks_before_there_is_a_clone_is_no_matter_of_clones(pair: Pair) -> None:
    pair.errors["restored"] = PeerLost("link")
    with pytest.raises(PeerLost):
        Ppm().switch_over(pair.source)
    assert pair.calls[-1:] == ["mirror.release"]  # it was thawed before


def test_a_dump_that_fails_is_left_to_the_rollback(pair: Pair) -> None:
    def fail(*_given: Any, **_named: Any) -> None:
        raise MigrationError("CRIU failed.")

    pair.source.criu.answers["run_until"] = fail
    with pytest.raises(MigrationError, match="CRIU failed"):
        Ppm().switch_over(pair.source)
    assert pair.calls[-1] == "criu.run_until post-dump"
    assert pair.source.mirror is pair.mirror


def test_a_process_with_a_tun_device_is_not_cloned(pair: Pair) -> None:
    pair.source.tuns = [SimpleNamespace(name="ogstun")]
    with pytest.raises(MigrationError, match="ogstun"):
        Ppm().copy_live(pair.source)
    assert pair.calls == []
