# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source whose collaborators write down each call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host.steps import Steps
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces.ipc import Rest
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import Options
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import CloneFigures
from ansible_collections.organic.live_migration.plugins.module_utils.strategies import freeze_and_copy


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
        self.control = recorder("control", expect=self._answer)
        self.control.blob_bytes_sent = 0
        self.control.send = self._send
        incoming, syn_hold = recorder("incoming", copies=b"udp"), recorder("syn_hold", copies=b"syn")
        record = recorder("record")
        record.cpu_limit = {}
        self.source: Any = SimpleNamespace(
            plan=SimpleNamespace(timeout_s=10, options=Options(), memory_bytes=0),
            root=SimpleNamespace(pid=7),
            container=None,
            steps=self.steps,
            record=record,
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
            files=recorder("files", changes=(["log"], ["gone"]), pack=b"tar"),
            snapshot=None,
            tuns=[],
            sockets=recorder("sockets", refresh=[]),
            tasks=recorder("tasks", refresh=[]),
            waits=recorder("waits"),
            ipc=recorder("ipc", refresh=Rest()),
            mirror=None,
            link_numbers={},
            clone=CloneFigures(),
            images=3,
            bytes_moved=lambda: 0,
            current_step=lambda: self.steps.current,
            stop_deadline=lambda: setattr(self.source, "deadline_stopped", True),
        )
        stand_ins = {
            "SwitchoverDeadline": lambda *_given: recorder("deadline"),
            "watchdog": recorder("watchdog"),
            "cpu_time": recorder("cpu_time", limits={}),
            "unread_datagrams": recorder("unread_datagrams", unread=b"read"),
            "netlink": SimpleNamespace(NetlinkSockets=SimpleNamespace(of=lambda _tree: netlink)),
            "processes": SimpleNamespace(tree=lambda _pid: [7], pid_inside=lambda pid: pid),
            "tun": SimpleNamespace(attached=lambda _tree: {}, check_same=lambda _tuns, _found: None),
            "tun_packets": SimpleNamespace(take_unread=lambda _tuns, _found: [], pack=lambda _packets: b""),
            "interrupted_waits": SimpleNamespace(with_restarted_waits=lambda named, _left, _waits: named),
            "reservations": SimpleNamespace(holders=lambda _tree: set(), without_accounting=lambda named, _pids: named),
            "files": SimpleNamespace(mapped_shared=lambda _tree: set()),
            "file_snapshot": SimpleNamespace(open_for_writing=lambda _tree, _known: set()),
            "images": SimpleNamespace(
                read=lambda _descriptor: {"files.img": b"f", "inventory.img": b"i", "core-7.img": b""},
                with_relative_timers=lambda content: content,
                without_parent_death_signal=lambda content: content,
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
