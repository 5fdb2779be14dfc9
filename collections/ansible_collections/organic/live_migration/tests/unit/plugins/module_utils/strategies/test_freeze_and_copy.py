# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of what happens in the downtime, with fakes that write down each call.

That a real process lives through it is tested in the lab; this finds a call that slips into the freeze or out of it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import PeerLost, Stalled
from ansible_collections.organic.live_migration.plugins.module_utils.host.steps import Steps
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import freeze_and_copy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.freeze_and_copy import FreezeAndCopy
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

COPYING = [strategy for strategy in STRATEGIES.values() if issubclass(strategy, FreezeAndCopy)]


class Recorder:
    """Stands for a collaborator: each call is written down by its name and a first argument that is text.

    Args:
        truth: as what it counts in a condition.
        answers: of its methods, or functions that make them; a method without one answers None.
    """

    def __init__(self, name: str, calls: list[str], truth: bool = True, **answers: Any) -> None:
        self.name = name
        self.calls = calls
        self.truth = truth
        self.answers = answers

    def __bool__(self) -> bool:
        return self.truth

    def __getattr__(self, method: str) -> Any:
        def call(*given: Any, **_named: Any) -> Any:
            first = f" {given[0]}" if given and isinstance(given[0], str) else ""
            self.calls.append(f"{self.name}.{method}{first}")
            answer = self.answers.get(method)
            return answer(*given) if callable(answer) else answer

        return call


class Site:
    """A source whose collaborators are recorders.

    Args:
        sockets: the process has netlink sockets.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sockets: bool = False) -> None:
        self.calls: list[str] = []
        self.sent: dict[str, Any] = {}
        self.steps = Steps()

        def recorder(name: str, truth: bool = True, **answers: Any) -> Any:
            return Recorder(name, self.calls, truth, **answers)

        netlink = recorder("netlink", truth=sockets)
        mac_change = recorder("mac_change")
        snapshot = recorder("snapshot", diff=(["log"], ["gone"]))
        self.control = recorder("control", expect=self._answer)
        self.control.blob_bytes_sent = 0
        self.control.send = self._send
        incoming, syn_hold = recorder("incoming"), recorder("syn_hold")
        incoming.packets, syn_hold.packets = b"udp", b"syn"
        self.source: Any = SimpleNamespace(
            plan=SimpleNamespace(timeout_s=10, options=Options(), memory_bytes=0),
            root=SimpleNamespace(pid=7),
            steps=self.steps,
            record=recorder("record"),
            progress=recorder("progress"),
            memory=recorder("memory"),
            control=self.control,
            stream=SimpleNamespace(plain=None, bytes_sent=0),
            pager=recorder("pager", expect={}),
            freezer=recorder("freezer"),
            syn_hold=syn_hold,
            outgoing=recorder("outgoing"),
            incoming=incoming,
            links=recorder("links", drop_mac=lambda: mac_change),
            criu=recorder("criu"),
            files=recorder("files", snapshot=lambda: snapshot, pack=b"tar"),
            snapshot=None,
            tuns=[],
            images=3,
            bytes_moved=lambda: 0,
            current_step=lambda: self.steps.current,
        )
        stand_ins = {
            "SwitchoverDeadline": lambda *_given: recorder("deadline"),
            "watchdog": recorder("watchdog"),
            "unread_datagrams": recorder("unread_datagrams", unread=b"read"),
            "netlink": SimpleNamespace(NetlinkSockets=SimpleNamespace(of=lambda _tree: netlink)),
            "processes": SimpleNamespace(tree=lambda _pid: [7], pid_inside=lambda pid: pid),
            "tun": SimpleNamespace(attached=lambda _tree: {}, check_same=lambda _tuns, _found: None),
            "tun_packets": SimpleNamespace(take_unread=lambda _tuns, _found: [], pack=lambda _packets: b""),
            "files": SimpleNamespace(mapped_shared=lambda _tree: set()),
            "images": SimpleNamespace(
                read=lambda _descriptor: {"files.img": b"f", "inventory.img": b"i"},
                with_relative_timers=lambda content: content,
                with_named_files=lambda named, _paths: named,
            ),
        }
        for name, stand_in in stand_ins.items():
            monkeypatch.setattr(freeze_and_copy, name, stand_in)

    def _send(self, kind: str, blob: bytes = b"", **fields: Any) -> None:
        self.calls.append(f"control.send {kind}")
        self.sent[kind] = (blob, fields)

    @staticmethod
    def _answer(kind: str, _timeout_s: float, on_poll: Any = None) -> Message:
        if on_poll:
            on_poll()
        return Message(kind, {"steps": []}, b"")


@pytest.mark.parametrize("strategy", COPYING, ids=lambda strategy: strategy.name)
def test_the_calls_of_the_downtime_keep_their_order(strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    assert strategy().switch_over(site.source).kind == "restored"
    assert site.calls == [
        "record.save switchover",
        "progress.set_state switchover",
        "pager.order snapshot_vmas",
        "pager.expect snapshot_vmas",
        "watchdog.raise_priority",
        "syn_hold.start",
        "unread_datagrams.drain_accept_queue",
        "netlink.await_read",
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
        "criu.answer",
        "outgoing.start_reader",
        "incoming.start_reader",
        "files.snapshot",
        "snapshot.diff",
        "files.pack",
        "criu.run_until",
        "pager.expect lists",
        "control.send images",
        "control.expect restored",
        "pager.look",
        "pager.expect final",
    ]
    assert [step["name"] for step in site.steps.list] == [
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
