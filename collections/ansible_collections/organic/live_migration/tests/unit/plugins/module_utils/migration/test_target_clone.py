# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone on the target with fakes: in which order it is prepared, runs and is heard. The record is real."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host.processes import ProcessId
from ansible_collections.organic.live_migration.plugins.module_utils.migration import target_clone
from ansible_collections.organic.live_migration.plugins.module_utils.migration.target_clone import TargetClone
from ansible_collections.organic.live_migration.plugins.module_utils.network.interfaces import Interface
from ansible_collections.organic.live_migration.plugins.module_utils.network.mirror_state import TargetState
from ansible_collections.organic.live_migration.plugins.module_utils.session import journal, messages, states
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.strategies.recorded_source import (
    Recorder,
)

ID = "0123456789abcdef"
ROOT = 4711
MIRROR = ProcessId(4712, 1)
STREAM = {
    "local_address": "192.0.2.1",
    "local_port": 7000,
    "peer_address": "192.0.2.9",
    "peer_port": 40000,
    "acknowledged": 970,
    "sent": 990,
    "received": 5000,
    "timestamp": 77,
}
STATE = TargetState(3, 3, 96, 0.0, 0.1, 0.2, 10.0, 20.0, "c0ffee", True, "", None)


class Site:
    """A target whose collaborators are recorders."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.members = [ROOT]
        self.sent: list[tuple[str, dict[str, Any]]] = []

        def recorder(name: str, **answers: Any) -> Any:
            return Recorder(name, self.calls, **answers)

        self.mirror = recorder("mirror", state=STATE, await_end=True)
        self.mirror.process_id = MIRROR
        freezer = recorder("freezer")
        freezer.has_killed_member = False
        self.links = recorder("links")
        self.links.interfaces = [Interface("eth0", "02:00:00:00:00:01", ["192.0.2.1/24"], "macvlan")]
        self.links.hidden = ["eth0"]
        self.prepared: Any = SimpleNamespace(
            sleeps=[],
            ipc={},
            limit_cpu=lambda: self.calls.append("limit_cpu"),
            hold=recorder("hold"),
            links=self.links,
            configuration=recorder("configuration"),
            pager=recorder("pager"),
            criu=recorder("criu", pid_of=ROOT),
        )
        self.record = journal.MigrationRecord(ID, states.TARGET, "smf", "c0ffee", "edge-a", init_pid=1)
        site = self

        class FakeFreezer:
            has_killed_member = False
            thaw = staticmethod(freezer.thaw)

            @property
            def members(self) -> list[int]:
                return site.members

        monkeypatch.setattr(target_clone, "Freezer", lambda _path: FakeFreezer())
        monkeypatch.setattr(target_clone, "TargetMirror", lambda *_given: self.mirror)
        monkeypatch.setattr(target_clone, "tcp_timestamps", recorder("tcp_timestamps"))
        monkeypatch.setattr(target_clone, "unread_datagrams", recorder("unread_datagrams"))
        save = journal.MigrationRecord.save

        def note_and_save(record: journal.MigrationRecord, state: str | None = None) -> None:
            save(record, state)
            self.calls.append(f"save {state or 'as it was'}")

        monkeypatch.setattr(journal.MigrationRecord, "save", note_and_save)
        self.control: Any = SimpleNamespace(send=lambda kind, **fields: self.sent.append((kind, fields)))

    def clone(self) -> TargetClone:
        stream: Any = contextlib.nullcontext()
        return TargetClone(self.record, self.prepared, stream)

    def follow(self, clone: TargetClone, kind: str, blob: bytes = b"", **fields: Any) -> bool:
        return clone.follow(Message(kind, fields, blob), self.control)


@pytest.fixture
def site(records: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def test_nothing_can_leave_before_the_links_are_up(site: Site) -> None:
    site.clone()
    assert site.calls == [
        "save as it was",
        "mirror.arm",
        "hold.remove",
        "links.activate_silently",
        "save as it was",
        "configuration.finish",
    ]
    written = journal.MigrationRecord.load(site.record.path)
    assert (written.interfaces, written.mirror) == (site.links.interfaces, MIRROR)


def test_the_clone_runs_once_its_input_is_ready_and_that_is_written_down(site: Site) -> None:
    clone = site.clone()
    site.calls.clear()
    assert site.follow(clone, messages.RUN_CLONE, streams=[STREAM], since_freeze_ms=90.0)
    assert site.calls == [
        "criu.pid_of",
        "tcp_timestamps.set_ahead",
        "pager.order finish",
        "pager.expect finish",
        "pager.close",
        "save cloned",
        "mirror.go",
        "criu.resume",
        "freezer.thaw",
    ]
    assert [kind for kind, _fields in site.sent] == [messages.CLONE_RUNS]


def test_it_reports_how_far_it_is_and_whether_it_said_the_same(site: Site) -> None:
    clone = site.clone()
    end = {"inputs": 3, "outputs": 3, "chain": "c0ffee"}
    assert site.follow(clone, messages.COMPARE)
    assert site.follow(clone, messages.HAND_OVER, end=end, limit_ms=60)
    (_kind, compared), (_other, in_step) = site.sent
    assert compared["state"]["answers_compared"] == 3
    assert (in_step["is_in_step"], in_step["state"]["chain"]) == (True, "c0ffee")


def test_it_is_heard_after_that_was_written_down(site: Site) -> None:
    clone = site.clone()
    site.follow(clone, messages.RUN_CLONE, streams=[], since_freeze_ms=90.0)
    site.calls.clear()
    assert site.follow(clone, messages.COMMIT, b"syn")
    assert site.calls == [
        "save completed",
        "links.show",
        "mirror.unmute",
        "links.take_over",
        "links.keep_announcing",
        "unread_datagrams.deliver",
    ]
    assert site.record.interfaces == []


@pytest.mark.parametrize("kind", [messages.RUN_CLONE, messages.COMMIT])
def test_one_that_was_killed_is_never_heard(site: Site, kind: str) -> None:
    clone = site.clone()
    if kind == messages.COMMIT:
        site.follow(clone, messages.RUN_CLONE, streams=[], since_freeze_ms=90.0)
    site.members = []
    site.calls.clear()
    with pytest.raises(MigrationError, match="killed"):
        site.follow(clone, kind, streams=[], since_freeze_ms=90.0)
    assert "mirror.unmute" not in site.calls
    assert "criu.resume" not in site.calls
    assert "save completed" not in site.calls


def test_other_messages_are_not_its_own(site: Site) -> None:
    clone = site.clone()
    site.calls.clear()
    assert not site.follow(clone, messages.ABORT)
    assert site.calls == []
