# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AMF's own SCTP endpoint, on a fake stack: real SCTP needs namespaces, and test_sctp.py has those."""

from __future__ import annotations

import asyncio

from minicore.amf.n2_sctp import N2SctpServer
from minicore.n2.link import Association
from minicore.n2.sctp import SctpAssociation, SctpError, SctpHandler, SctpListener


class FakeAssociation:
    peers = ("10.0.0.9", "10.1.0.9")
    peer_port = 40000
    streams = 2

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, int]] = []
        self.aborted = ""
        self.is_full = False

    def send(self, data: bytes, stream: int) -> None:
        if self.is_full:
            raise SctpError("4096 messages wait")
        self.sent.append((data, stream))

    def close(self) -> None:
        raise AssertionError("the AMF aborts")

    def abort(self, reason: str) -> None:
        self.aborted = reason


class FakeListener:
    port = 38412

    def close(self) -> None:
        raise AssertionError("the stack closes it")


class FakeStack:
    name = "fake"

    def __init__(self) -> None:
        self.is_stopped = False
        self.addresses: list[str] = []

    def listen(self, addresses: list[str], port: int, handler: SctpHandler) -> SctpListener:
        self.addresses = addresses
        return FakeListener()

    async def connect(
        self, local: list[str], peers: list[str], port: int, handler: SctpHandler, timeout_s: float
    ) -> SctpAssociation:
        raise AssertionError("an AMF only listens")

    async def stop(self) -> None:
        self.is_stopped = True


class Recorder:
    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.last: Association | None = None

    def association_up(self, association: Association) -> None:
        self.last = association
        self.events.append(("up", association.id, association.peer))

    def association_down(self, association: Association) -> None:
        self.events.append(("down", association.id))

    def received(self, association: Association, stream: int, pdu: bytes) -> None:
        self.events.append(("pdu", association.id, stream, pdu))


def test_gnbs_come_and_go_by_sctp() -> None:
    async def main() -> None:
        recorder, stack = Recorder(), FakeStack()
        server = N2SctpServer(recorder, stack=stack)
        assert await server.start("127.0.0.1", 38412) == 38412
        first, second = FakeAssociation(), FakeAssociation()
        for association in (first, second):
            server.association_up(association)
        server.received(second, 1, b"pdu")
        assert recorder.last is not None
        recorder.last.send(b"answer", 1)
        recorder.last.send(b"answer", 5)
        recorder.last.close("bye")
        server.association_down(second, "aborted")
        server.association_down(second, "aborted")
        server.received(second, 1, b"late")
        assert recorder.events == [
            ("up", 1, "10.0.0.9:40000"),
            ("up", 2, "10.0.0.9:40000"),
            ("pdu", 2, 1, b"pdu"),
            ("down", 2),
        ]
        assert second.sent == [(b"answer", 1), (b"answer", 1)] and second.aborted == "bye"
        await server.stop()
        assert stack.is_stopped and stack.addresses == ["127.0.0.1"]

    asyncio.run(main())


def test_a_gnb_that_takes_nothing_costs_its_association_only() -> None:
    recorder = Recorder()
    server = N2SctpServer(recorder, stack=FakeStack())
    association = FakeAssociation()
    server.association_up(association)
    association.is_full = True
    assert recorder.last is not None
    recorder.last.send(b"x", 0)
    assert association.sent == []
