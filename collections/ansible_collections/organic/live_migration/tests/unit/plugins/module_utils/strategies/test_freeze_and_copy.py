# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of what happens in the downtime, with fakes that write down each call.

That a real process lives through it is tested in the lab; this finds a call that slips into the freeze or out of it.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import PeerLost, Stalled
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.freeze_and_copy import FreezeAndCopy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.strategies.recorded_source import Site

COPYING = [strategy for strategy in STRATEGIES.values() if issubclass(strategy, FreezeAndCopy)]


@pytest.mark.parametrize("strategy", COPYING, ids=lambda strategy: strategy.name)
def test_the_calls_of_the_downtime_keep_their_order(strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    assert strategy().switch_over(site.source).kind == "restored"
    assert site.calls == [
        "cpu_time.limits",
        "record.save switchover",
        "progress.set_state switchover",
        "sockets.read",
        "tasks.read",
        "pager.order snapshot_vmas",
        "pager.expect snapshot_vmas",
        "watchdog.raise_priority",
        "syn_hold.start",
        "unread_datagrams.drain_accept_queue",
        "netlink.await_read",
        "waits.read",
        "cpu_time.lift",
        "deadline.start",
        "freezer.freeze",
        f"pager.order {strategy.final_command}",
        "outgoing.bind",
        "links.suppress_arp",
        "control.send switch",
        "netlink.check",
        "control.expect switched",
        "links.drop_mac",
        "incoming.bind",
        "unread_datagrams.unread",
        "pager.expect hints",
        "criu.begin_dump",
        "outgoing.start_reader",
        "incoming.start_reader",
        "files.changes",
        "files.pack",
        "sockets.refresh",
        "tasks.refresh",
        "ipc.refresh",
        "criu.run_until post-dump",
        "pager.expect lists",
        "incoming.copies",
        "syn_hold.copies",
        "control.send images",
        "criu.run_until",
        "control.expect restored",
        "pager.look",
        "pager.expect final",
    ]
    assert [step["name"] for step in site.steps.list] == [
        "read_sockets",
        "scan_mappings",
        "drain_accept_queue",
        "freeze",
        "switch_network",
        "dump",
        "restore",
        "final_memory",
    ]
    assert site.source.frozen_at_ms > 0


def test_a_process_that_listens_to_netlink_does_not_hear_of_the_loss_of_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, sockets=True)
    COPYING[0]().switch_over(site.source)
    at = site.calls.index("incoming.bind")
    assert site.calls[at + 1 : at + 3] == ["mac_change.join", "netlink.drain"]


@pytest.mark.parametrize("strategy", COPYING, ids=lambda strategy: strategy.name)
def test_the_images_name_who_finishes_and_carry_all_parts(strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    strategy().switch_over(site.source)
    blob, fields = site.sent["images"]
    assert blob == b"tar" + b"fi" + b"read" + b"udp" + b"syn"
    assert (fields["archive_bytes"], fields["tun_bytes"], fields["arrived_bytes"]) == (3, 0, len(b"readudpsyn"))
    assert fields["finished_by"] == strategy.name
    assert fields["gone"] == ["gone"]


@pytest.mark.parametrize(("where", "error"), [("switched", PeerLost("link")), ("restored", Stalled("hung"))])
def test_a_failure_in_the_downtime_leaves_at_once(
    where: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(monkeypatch)

    def fail(kind: str, _timeout_s: float, _on_poll: Any = None) -> Message:
        if kind == where:
            raise error
        return Message(kind, {"steps": []}, b"")

    site.control.answers["expect"] = fail
    with pytest.raises(type(error)):
        COPYING[0]().switch_over(site.source)
    assert site.calls[-1] == f"control.expect {where}"
