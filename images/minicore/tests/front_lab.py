# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An N2 front with gNBs and AMFs. SCTP is a fake here, since the real one needs root (test_sctp.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from minicore.n2.front.app import Front
from minicore.n2.link import Association, N2Server
from minicore.n2.sctp import SctpAssociation, SctpHandler
from minicore.ngap import Cause, NgapError, decode, encode
from minicore.ngap import messages as m
from minicore.ngap.values import (
    FiveGSTmsi,
    GlobalGnbId,
    Guami,
    NrCgi,
    PlmnSupport,
    ServedGuami,
    Snssai,
    SupportedTa,
    Tai,
    UserLocation,
)
from minicore.settings import Environment, Settings

LOCATION = UserLocation(NrCgi("00101", 0x10), Tai("00101", 1))
SLICES = (Snssai(1),)
SETUP = m.NgSetupRequest(GlobalGnbId("00101", 1), (SupportedTa(1, (PlmnSupport("00101", SLICES),)),), "gnb-1")


class FakeSctp:
    """Associations without a network: `gnb()` is one."""

    name = "fake"

    def __init__(self) -> None:
        self.handler: SctpHandler | None = None
        self.port = 38412
        self.gnbs: list[Gnb] = []

    def listen(self, addresses: list[str], port: int, handler: SctpHandler) -> FakeSctp:
        self.handler = handler
        return self

    async def connect(self, *arguments: Any) -> SctpAssociation:
        raise NotImplementedError

    def gnb(self) -> Gnb:
        assert self.handler is not None
        gnb = Gnb(self.handler, len(self.gnbs))
        self.gnbs.append(gnb)
        return gnb

    def close(self) -> None:
        self.handler = None

    async def stop(self) -> None:
        for gnb in self.gnbs:
            gnb.abort("stopped")


class Gnb:
    peers = ("192.0.2.1",)
    streams = 16

    def __init__(self, handler: SctpHandler, number: int) -> None:
        self.peer_port = 30000 + number
        self.handler = handler
        self.got: asyncio.Queue[m.Message] = asyncio.Queue()
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        handler.association_up(self)

    def says(self, message: m.Message) -> None:
        self.handler.received(self, 1, encode(message))

    async def set_up(self) -> m.NgSetupResponse:
        self.says(SETUP)
        answer = await self.got.get()
        assert isinstance(answer, m.NgSetupResponse)
        return answer

    # As an SctpAssociation

    def send(self, data: bytes, stream: int) -> None:
        self.got.put_nowait(decode(data))

    def close(self) -> None:
        self.abort("closed")

    def abort(self, reason: str) -> None:
        if not self.end.done():
            self.end.set_result(reason)
            self.handler.association_down(self, reason)


class Amf:
    """Accepts every gNB; `got` has the other messages with their associations."""

    def __init__(self, pointer: int = 1, refusal: Cause | None = None, capacity: int = 100) -> None:
        self.guami = Guami("00101", 1, 1, pointer)
        self.refusal = refusal
        self.capacity = capacity
        self.setups = 0
        self.associations: list[Association] = []
        self.got: asyncio.Queue[tuple[Association, m.Message]] = asyncio.Queue()
        self.malformed: asyncio.Queue[bytes] = asyncio.Queue()
        self.server = N2Server(self, f"amf-{pointer}")
        self.port = 0

    async def start(self) -> None:
        self.port = await self.server.start("127.0.0.1", self.port)

    def association_up(self, association: Association) -> None:
        self.associations.append(association)

    def association_down(self, association: Association) -> None:
        self.associations.remove(association)

    def received(self, association: Association, stream: int, pdu: bytes) -> None:
        try:
            message = decode(pdu)
        except NgapError:
            self.malformed.put_nowait(pdu)
            return
        if not isinstance(message, m.NgSetupRequest):
            self.got.put_nowait((association, message))
            return
        self.setups += 1
        answer: m.Message = m.NgSetupResponse(
            self.server.name, (ServedGuami(self.guami),), (PlmnSupport("00101", SLICES),), self.capacity
        )
        if self.refusal is not None:
            answer = m.NgSetupFailure(self.refusal)
        association.send(encode(answer), stream)

    def says(self, association: Association, message: m.Message) -> None:
        association.send(encode(message), 0)


Scenario = Callable[[Front, FakeSctp, list[Amf]], Awaitable[None]]


def run(scenario: Scenario, *amfs: Amf, are_up: bool = True, wait_s: float = 20) -> None:
    async def whole() -> None:
        found = list(amfs) or [Amf()]
        for amf in found:
            await amf.start()
            if not are_up:
                await amf.server.stop()
        sctp = FakeSctp()
        variables = {
            "MINICORE_ADDRESS": "127.0.0.1",
            "MINICORE_AMF": ",".join(f"127.0.0.1:{amf.port}" for amf in found),
            "MINICORE_N2_WAIT_S": str(wait_s),
        }
        front = Front(Settings.from_environment(variables), Environment(variables), 0, sctp)
        await front.start()
        try:
            if are_up:
                await until(lambda: all(amf["up"] for amf in front.state()["amfs"]))
            await scenario(front, sctp, found)
        finally:
            await front.stop()
            for amf in found:
                await amf.server.stop()

    asyncio.run(asyncio.wait_for(whole(), 30))


async def until(condition: Callable[[], bool]) -> None:
    """The front reports state, not events: look until it is there."""
    while not condition():
        await asyncio.sleep(0.005)


def initial(ran_id: int, pointer: int | None = None) -> m.InitialUeMessage:
    tmsi = None if pointer is None else FiveGSTmsi(1, pointer, 7)
    return m.InitialUeMessage(ran_id, b"registration", LOCATION, tmsi=tmsi)
