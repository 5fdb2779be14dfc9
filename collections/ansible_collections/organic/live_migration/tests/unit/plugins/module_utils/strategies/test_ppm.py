# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which a clone is made, with fakes that write down each call."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError, PeerLost
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.ppm import Ppm
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.strategies.recorded_source import Site


def test_the_process_is_stopped_for_the_dump_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    with pytest.raises(MigrationError):
        Ppm().switch_over(site.source)
    frozen, thawed = site.calls.index("freezer.freeze"), site.calls.index("freezer.thaw")
    assert site.calls[frozen:thawed] == [
        "freezer.freeze",
        "pager.order final_send",
        "unread_datagrams.unread",
        "pager.expect hints",
        "criu.answer",
        "files.snapshot",
        "snapshot.diff",
        "files.pack",
        "sockets.refresh",
        "tasks.refresh",
        "criu.run_until",
        "pager.expect lists",
        "pager.expect final",
    ]
    assert site.calls[thawed:] == [
        "freezer.thaw",
        "record.save cloned",
        "progress.set_state cloned",
        "control.send images",
        "control.expect restored",
    ]


def test_the_source_keeps_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    with pytest.raises(MigrationError):
        Ppm().switch_over(site.source)
    assert [call for call in site.calls if call.startswith(("links.", "outgoing.", "incoming."))] == []
    assert "control.send switch" not in site.calls


def test_the_clone_gets_no_new_connection_that_the_source_will_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    with pytest.raises(MigrationError):
        Ppm().switch_over(site.source)
    blob, fields = site.sent["images"]
    assert blob == b"tar" + b"fi" + b"read"
    assert fields["arrived_bytes"] == len(b"read")
    assert fields["finished_by"] == "ppm"


def test_after_the_pause_no_deadline_of_a_downtime_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)

    def fail(kind: str, _timeout_s: float, _on_poll: object = None) -> Message:
        if kind == "restored":
            assert site.source.deadline_stopped
            assert site.source.frozen_at_ms == 0
            assert site.source.clone_pause_ms > 0
            raise PeerLost("link")
        return Message(kind, {"steps": []}, b"")

    site.control.answers["expect"] = fail
    with pytest.raises(PeerLost):
        Ppm().switch_over(site.source)


def test_a_process_with_a_tun_device_is_not_cloned(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    site.source.tuns = [SimpleNamespace(name="ogstun")]
    with pytest.raises(MigrationError, match="ogstun"):
        Ppm().copy_live(site.source)
    assert site.calls == []
