# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's end with fakes: what is written down, released or rolled back after each failure.

The record and the progress are real, in a directory of the test. Everything that touches a process is a fake.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import RestartPolicy
from ansible_collections.organic.live_migration.plugins.module_utils.errors import (
    Cancelled,
    Failure,
    MigrationError,
    PeerFailed,
    PeerLost,
)
from ansible_collections.organic.live_migration.plugins.module_utils.host.steps import now_ms
from ansible_collections.organic.live_migration.plugins.module_utils.migration import source as source_module
from ansible_collections.organic.live_migration.plugins.module_utils.migration.source import Source
from ansible_collections.organic.live_migration.plugins.module_utils.session import journal, states
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Credentials, Message
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options, Plan
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Verdict
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import CloneFigures
from ansible_collections.organic.live_migration.plugins.module_utils.session.slots import SWITCHING, Slot
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import registry
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.base import Strategy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.cost_model import prediction

ID = "0123456789abcdef"
FIELDS = {"steps": [], "held_packets": 3, "lost_packets": 2, "links": {"eth0": 9}}


class Site:
    """What stands around a Source.

    Attributes:
        errors: by the place where each is raised, for example ``switch_over`` or ``running`` (a message awaited).
        did: what was done to the host, in order: ``roll_back``, ``release``, ``link_down``.
        sent: kinds of the messages to the target.
        saved: states of the record, each once.
        is_root_alive: the process that is moved lives.
    """

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.did: list[str] = []
        self.sent: list[str] = []
        self.saved: list[str] = []
        self.aborted: dict[str, object] = {}
        self.is_root_alive = True
        self.control: Any = SimpleNamespace(
            send=lambda kind, _blob=b"", **_fields: self.sent.append(kind),
            expect=self._expect,
            close=lambda: None,
            blob_bytes_sent=10,
        )

    def meet(self, place: str) -> None:
        if place in self.errors:
            raise self.errors[place]

    def _expect(self, kind: str, _timeout_s: float) -> Message:
        self.meet(kind)
        return Message(kind, self.aborted if kind == "aborted" else dict(FIELDS), b"")


class Memory:
    """Stands for MemoryTransfer."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.control: Any = None
        self.pager: Any = SimpleNamespace(close=lambda: None)
        self.sent = SimpleNamespace(bytes=32)

    def connect(self) -> tuple[Any, Any, list[Any]]:
        self.site.meet("connect")
        self.control = self.site.control
        return self.control, None, []

    def report_done(self, _final: Any) -> None: ...

    def reconnect(self) -> None:
        self.site.meet("reconnect")

    def disconnect(self) -> None: ...


@pytest.fixture
def site(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A host with one container, all of whose parts are fakes, and a strategy ``toy``."""
    site = Site()
    init = SimpleNamespace(pid=1, start_time=1)

    class Root:
        pid, start_time = 2, 1

        @property
        def alive(self) -> bool:
            return site.is_root_alive

    container = SimpleNamespace(init=init, root_process=lambda: 2, freezer_group=lambda: tmp_path)
    freezer = SimpleNamespace(parent=tmp_path, directory=tmp_path / "frozen")

    class Setup:
        def __init__(self, *_given: Any) -> None: ...

        def send_files(self) -> None:
            site.meet("files")

        def prepare(self, _stream: Any, _connections: Any, progress: Any, steps: Any) -> Any:
            site.meet("prepare")
            return SimpleNamespace(
                control=site.control,
                stream=SimpleNamespace(bytes_sent=100),
                pager=SimpleNamespace(order=lambda _command: None, expect=lambda _done, _timeout_s: {"changed": False}),
                criu=SimpleNamespace(statistics=dict, close=lambda: None),
                files=SimpleNamespace(close=lambda: None),
                holds=[],
                final={},
                frozen_at_ms=now_ms(),
                resumed_at_ms=now_ms() + 5,
                stop_deadline=lambda: None,
                clone=CloneFigures(),
                mirror=None,
                own_links={"eth0": 7},
            )

    class Toy(Strategy):
        name = "toy"

        @classmethod
        def predict(cls, load: Any, limits: Any, costs: Any) -> Any:
            return prediction(cls.name, costs, 1.0, load.memory_bytes)

        def copy_live(self, source: Any) -> Strategy:
            site.meet("copy_live")
            return self

        def switch_over(self, source: Any) -> Message:
            site.meet("switch_over")
            return Message("restored", dict(FIELDS), b"")

        def after_commit(self, memory: Any, is_running: bool = True) -> None:
            site.meet("after_commit" if is_running else "after_commit_in_doubt")

    cleanup = SimpleNamespace(
        roll_back=lambda *_given: site.did.append("roll_back"),
        link_down=lambda *_given: site.did.append("link_down"),
        on_worker_death=lambda *_given: site.did.append("on_worker_death") or Verdict.ROLLED_BACK,
    )
    monkeypatch.setitem(registry.STRATEGIES, "toy", Toy)
    monkeypatch.setattr(source_module, "Container", lambda _pid: container)
    monkeypatch.setattr(source_module, "Freezer", lambda _group: freezer)
    monkeypatch.setattr(source_module, "processes", SimpleNamespace(ProcessId=SimpleNamespace(of=lambda _pid: Root())))
    monkeypatch.setattr(source_module, "MemoryTransfer", lambda *_given: Memory(site))
    monkeypatch.setattr(source_module, "SourceSetup", Setup)
    monkeypatch.setattr(source_module, "source_cleanup", cleanup)
    monkeypatch.setattr(Source, "release", lambda *_given: site.did.append("release"))
    monkeypatch.setattr(source_module.watchdog, "restore_priority", lambda: None)
    monkeypatch.setattr(source_module.watchdog, "reap_or_kill_children", lambda: None)

    save = journal.MigrationRecord.save

    def note_and_save(record: journal.MigrationRecord, state: str | None = None) -> None:
        save(record, state)
        if record.state not in site.saved:
            site.saved.append(record.state)

    monkeypatch.setattr(journal.MigrationRecord, "save", note_and_save)
    return site


def make() -> Source:
    engine: Any = SimpleNamespace(
        inspect=lambda name: SimpleNamespace(
            pid=1,
            id="c0ffee",
            name=name,
            restart_policy=RestartPolicy(),
            await_key=name,
            service="",
            kept_interfaces=(),
        ),
        suspend_restarts=lambda _id: None,
    )
    credentials = Credentials(certificate="", key="", peer_certificate="")
    plan = Plan(ID, "smf", "edge-b", 10, credentials, 4096, Options(strategy="toy"))
    return Source(plan, ["192.0.2.2"], 4000, engine)


def needs_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.STRATEGIES["toy"], "needs_source_after_commit", True)


def test_the_commit_is_written_down_before_the_target_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    send = site.control.send
    at_commit: list[str] = []

    def note(kind: str, blob: bytes = b"", **fields: Any) -> None:
        at_commit.append(journal.MigrationRecord.load(journal.all_records()[0].path).state)
        send(kind, blob, **fields)

    site.control.send = note
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.COMPLETED
    assert (outcome.bytes_sent, outcome.held_packets, outcome.lost_packets) == (142, 3, 2)
    assert site.sent == ["commit"]
    assert at_commit == [states.COMMITTED]
    assert site.did == ["link_down", "release"]


@pytest.mark.parametrize("place", ["connect", "files", "prepare", "armed", "copy_live", "switch_over"])
def test_a_failure_before_the_commit_is_rolled_back_once(site: Site, place: str) -> None:
    site.errors[place] = MigrationError("It did not work.", step=place)
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.ROLLED_BACK
    assert (outcome.message, outcome.details) == ("It did not work.", {"step": place})
    assert site.did == ["roll_back"]
    assert states.COMMITTED not in site.saved
    assert site.sent == ([] if place == "connect" else ["abort"])


def test_the_targets_own_cause_is_reported(site: Site) -> None:
    site.errors["switch_over"] = MigrationError("The pager ended.")
    site.aborted = {"fault": "The disk is full.", "details": {"code": 28}}
    outcome = make()._migrate()
    assert (outcome.message, outcome.details) == ("The disk is full.", {"code": 28})


@pytest.mark.parametrize("error", [PeerLost("The link broke."), PeerFailed("CRIU failed.")])
def test_a_target_that_is_gone_or_has_reported_is_not_asked(site: Site, error: Exception) -> None:
    site.errors["switch_over"] = error
    outcome = make()._migrate()
    assert (outcome.verdict, outcome.message) == (Verdict.ROLLED_BACK, str(error))
    assert site.sent == []


def test_a_cancelled_migration_says_so(site: Site) -> None:
    site.errors["copy_live"] = Cancelled()
    site.aborted = {"fault": "The container was removed."}
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.CANCELLED
    assert "cancelled" in outcome.message
    assert site.did == ["roll_back"]


def test_a_process_that_exited_does_not_run_as_before(site: Site) -> None:
    site.errors["switch_over"] = MigrationError("CRIU found nothing.")
    site.is_root_alive = False
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.PROCESS_EXITED
    assert "CRIU found nothing." in outcome.message


def test_without_an_answer_to_the_commit_the_copy_stays_frozen(site: Site) -> None:
    site.errors["running"] = PeerLost("The link broke.")
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.IN_DOUBT
    assert site.did == ["link_down"]
    assert journal.all_records()[0].state == states.COMMITTED


def test_what_cannot_be_sent_after_the_commit_leaves_it_in_doubt(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_source(monkeypatch)
    site.errors["after_commit"] = PeerLost("The link broke.")
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.IN_DOUBT
    assert "release" not in site.did
    record = journal.all_records()[0]
    assert (record.state, record.needs_source, record.finished_by) == (states.POSTCOPY_ACTIVE, True, "toy")


def test_a_process_that_the_target_stopped_is_lost_and_its_copy_released(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_source(monkeypatch)
    site.errors["after_commit"] = PeerFailed("The host ran out of memory.")
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.STATE_LOST
    assert outcome.message.startswith("The host ran out of memory.")
    assert site.did == ["link_down", "release"]


@pytest.mark.parametrize("state", [states.ACTIVE, states.SWITCHOVER, states.COMMITTED])
def test_the_watchdog_cleans_up_by_the_record(site: Site, state: str) -> None:
    source = make()
    source._record.save(state)
    source._on_worker_death(Failure("It was killed."))
    assert site.did == ["on_worker_death"]


def test_the_watchdog_goes_on_sending_what_the_target_needs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_source(monkeypatch)
    source = make()
    source._record.needs_source, source._record.finished_by = True, "toy"
    source._record.save(states.POSTCOPY_ACTIVE)
    assert source._on_worker_death(Failure("It was killed.")).verdict == Verdict.COMPLETED
    assert site.did == ["link_down", "release"]


def test_a_record_that_is_gone_was_recovered_by_somebody_else(site: Site) -> None:
    outcome = make()._on_worker_death(Failure("It was killed."))
    assert outcome.verdict == Verdict.IN_DOUBT
    assert site.did == []


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda tmp_path: (tmp_path / "frozen").mkdir(), "container_migration_recover"),
        (lambda _tmp_path: None, ""),
    ],
)
def test_a_container_that_is_left_frozen_is_not_touched(
    site: Site, tmp_path: Path, prepare: Callable[[Path], None], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module.watchdog, "run_with_watchdog", lambda work, _on_death: work())
    prepare(tmp_path)
    source = make()
    with pytest.raises(MigrationError, match=message) if message else contextlib.nullcontext():
        source.run()
    assert (site.sent == []) == bool(message)


def test_a_switchover_waits_for_that_of_another_process_and_sends_what_was_written_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Slot.take(SWITCHING, 1)
    assert other is not None
    did: list[str] = []
    monkeypatch.setattr(source_module, "_TURN_POLL_S", 0)
    monkeypatch.setattr(source_module.time, "sleep", lambda _s: (did.append("waits"), other.release()))
    monkeypatch.setattr(registry.STRATEGIES["toy"], "copy_after_pause", lambda *_given: did.append("copies"))
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.COMPLETED
    assert did == ["waits", "copies"]
    assert "turn" in [step["name"] for step in outcome.steps]


@pytest.mark.parametrize("place", ["nothing", "switch_over", "running"])
def test_however_a_switchover_ends_the_next_one_may_begin(site: Site, place: str) -> None:
    site.errors[place] = MigrationError("It did not work.")
    outcome = make()._migrate()
    assert "turn" not in [step["name"] for step in outcome.steps]
    assert Slot.take(SWITCHING, 1) is not None


def test_a_switchover_that_others_hold_up_for_too_long_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Slot.take(SWITCHING, 1) is not None
    clock = iter(range(0, 10**9, 6000))
    monkeypatch.setattr(source_module, "now_ms", lambda: float(next(clock)))
    outcome = make()._migrate()
    assert outcome.verdict == Verdict.ROLLED_BACK
    assert "in their switchover for 10 s (timeout_s)" in outcome.message
