# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.nf import NetworkFunction
from minicore.nrf.app import Nrf
from minicore.pfcp.endpoint import Address
from minicore.pfcp.ies import SEND_END_MARKERS, Teid
from minicore.sbi.message import Request, Response
from minicore.sbi.router import Router
from minicore.settings import Environment, Settings
from minicore.smf.app import Smf
from minicore.smf.n4 import N4Client
from minicore.smf.n4_rules import Report, SessionPlan
from minicore.upf.n4 import N4Responder
from minicore.upf.rules import RuleTable
from minicore.upf.user_plane import UserPlane

SETTINGS = Settings.from_environment({"MINICORE_ADDRESS": "127.0.0.1"})


class EchoingN6:
    """Stands for TUN and kernel: answers pings to the N6 address, on a socket pair (TUN needs root)."""

    def __init__(self) -> None:
        self._kernel, self._upf = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._upf.setblocking(False)
        self.fd = self._upf.fileno()
        self.seen: list[ip.Echo] = []

    def write(self, packet: bytes) -> bool:
        echo = ip.read_echo(packet)
        assert echo is not None
        self.seen.append(echo)
        reply = bytearray(ip.echo_request(echo.destination, echo.source, echo.identifier, echo.sequence, echo.payload))
        reply[20:24] = bytes(4)
        struct.pack_into("!H", reply, 22, ip.checksum(bytes(reply[20:])))
        self._kernel.send(reply)
        return True

    def read(self) -> bytes | None:
        try:
            return os.read(self.fd, 65535)
        except BlockingIOError:
            return None

    def close(self) -> None:
        self._kernel.close()
        self._upf.close()


class PlainN6(EchoingN6):
    """Stands for TUN or TAP: keeps what the UPF writes, and hands in what the test sends from N6."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, packet: bytes) -> bool:
        self.written.append(packet)
        return True

    def send(self, packet: bytes) -> None:
        self._kernel.send(packet)


class LoopbackUpf:
    """A UPF without TUN and registration."""

    def __init__(
        self,
        gnb_port: int = 2152,
        recovery_time_stamp: int = 1000,
        heartbeat_s: float = 60,
        tap: bool = False,
        n3_address: str = "127.0.0.1",
    ) -> None:
        self.rules = RuleTable(n3_address)
        self.n6 = EchoingN6()
        self.tap = PlainN6() if tap else None
        self.user_plane = UserPlane(self.rules, self.n6, gnb_port, self.tap)
        self.n4 = N4Responder(self.rules, self.user_plane, "127.0.0.1", recovery_time_stamp, heartbeat_s)
        self.n4_address: Address = ("", 0)
        self.n3_port = 0

    async def start(self, pfcp_port: int = 0, n3_port: int = 0) -> None:
        self.n4_address = ("127.0.0.1", await self.n4.endpoint.start("127.0.0.1", pfcp_port))
        self.n3_port = await self.user_plane.start(self.rules.n3_address, n3_port)

    def stop(self) -> None:
        self.n4.stop()
        self.user_plane.stop()


class UpfRig(asyncio.DatagramProtocol):
    """A UPF between an SMF's side of N4, a gNB's socket on N3, and N6."""

    def __init__(self, tap: bool = False) -> None:
        self.gnb_port = free_udp_port()
        self.upf = LoopbackUpf(self.gnb_port, tap=tap)
        self.upf.n6 = self.upf.user_plane._n6 = self.n6 = PlainN6()
        self.reports: list[tuple[int, Report]] = []
        self.received: asyncio.Queue[gtpu.GtpMessage] = asyncio.Queue()
        self.n4 = N4Client("127.0.0.1", 1, 60, self._find, self)
        self._transport: asyncio.DatagramTransport | None = None

    async def _find(self) -> list[Address]:
        return [self.upf.n4_address]

    def upf_lost(self, upf: Address) -> None:
        return

    def upf_associated(self, upf: Address) -> None:
        return

    def upf_absent(self, upf: Address) -> None:
        return

    def has_sessions(self, upf: Address) -> bool:
        return False

    def upf_releasing(self, upf: Address) -> None:
        return

    def reported(self, cp_seid: int, report: Report) -> int | None:
        self.reports.append((cp_seid, report))
        return cp_seid

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.put_nowait(gtpu.decode(data))

    async def session(self, plan: SessionPlan, cp_seid: int = 1, gnb: int | None = 0x70) -> tuple[int, Teid]:
        up_seid, uplink = await self.n4.establish(self.upf.n4_address, cp_seid, plan)
        if gnb is not None:
            await self.downlink(up_seid, gnb)
        return up_seid, uplink

    async def downlink(self, up_seid: int, gnb: int | None, notifies: bool = True) -> None:
        tunnel = None if gnb is None else Teid(gnb, "127.0.0.1")
        await self.n4.set_downlink(self.upf.n4_address, up_seid, tunnel, notifies, SEND_END_MARKERS)

    def send_raw(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data, ("127.0.0.1", self.upf.n3_port))

    def send(self, uplink: Teid, packet: bytes) -> None:
        self.send_raw(gtpu.g_pdu(uplink.teid, packet, uplink=True))

    async def next(self) -> gtpu.GtpMessage:
        return await asyncio.wait_for(self.received.get(), 30)

    async def barrier(self) -> None:
        """Wait until the UPF has handled everything sent on N3 before."""
        self.send_raw(gtpu.echo_request(1))
        while (await self.next()).type != gtpu.ECHO_RESPONSE:
            pass

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[UpfRig]:
        await self.upf.start()
        await self.n4.endpoint.start("127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", self.gnb_port))
        self.n4.start()
        try:
            await until(lambda: self.n4.associations)
            yield self
        finally:
            await self.n4.stop()
            self.upf.stop()
            self._transport.close()


@dataclass
class Core:
    nrf: Nrf
    smf: Smf
    upf: LoopbackUpf
    sbi_port: int


async def until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    """Await a condition. The limit is for what never comes: a busy machine takes its time."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.002)


async def silence(counts: Callable[[], object], length_s: float) -> tuple[float, float]:
    """Await that `counts` has not changed for a time.

    Returns:
        When it still counted, and from when on it has surely not done so; of the loop's clock.
    """
    loop = asyncio.get_running_loop()
    seen, earlier, since = counts(), loop.time(), loop.time()
    async with asyncio.timeout(30):
        while loop.time() - since < length_s:
            looked = loop.time()
            await asyncio.sleep(0.002)
            if counts() != seen:
                seen, earlier, since = counts(), looked, loop.time()
    return earlier, since


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def running_core(gnb_port: int = 2152, heartbeat_s: float = 60) -> AsyncIterator[Core]:
    nrf = Nrf(SETTINGS, port=0)
    nrf_port = await nrf.start()
    upf = LoopbackUpf(gnb_port, heartbeat_s=heartbeat_s)
    await upf.start()
    settings = replace(SETTINGS, nrf=f"http://127.0.0.1:{nrf_port}", pfcp_heartbeat_s=heartbeat_s)
    smf = Smf(settings, Environment({}), sbi_port=0, upf=upf.n4_address, pfcp_port=0)
    sbi_port = await smf.start()
    try:
        await until(lambda: smf.full_state()["nrf_registered"] and any(peer["up"] for peer in smf.state()["pfcp"]))
        yield Core(nrf, smf, upf, sbi_port)
    finally:
        await smf.stop()
        upf.stop()
        await nrf.stop()


class Consumer(NetworkFunction):
    """An NF that asks others and keeps the notifications that come to `root` + /called/NAME."""

    nf_type = "AMF"

    def __init__(self, settings: Settings, environment: Environment, sbi_port: int) -> None:
        super().__init__(settings, environment, sbi_port)
        self.called: list[tuple[str, Any]] = []
        self.answers = 204

    def add_routes(self, router: Router) -> None:
        router.add("POST", "/called/{name}", self._called)
        router.add("POST", "/called/{name}/{event}", self._called)

    async def _called(self, request: Request, *names: str) -> Response:
        self.called.append(("/".join(names), request.json()))
        return Response(self.answers)


@pytest.fixture
def consumer_type() -> type[Consumer]:
    return Consumer


def odd_bodies(names: list[str], count: int, seed: int = 15) -> Iterator[bytes]:
    """Bodies that no consumer should send: broken JSON, wrong types, giant and deep values under these names."""
    chance = random.Random(seed)
    odd: list[Any] = [None, True, -1, 10**40, 1e308, "", "x" * 5000, "\ud800", "a\n", [], {}, [[]], {"a": {}}, 1]
    whole = [b"", b"{", b"\xff", b"[" * 100000, b'{"a":' * 50000, b"9" * 5000, b"nan", b"[1]"]

    def value(levels: int) -> Any:
        if levels and chance.random() < 0.5:
            return {chance.choice(names): value(levels - 1) for _ in range(chance.randrange(6))}
        if levels and chance.random() < 0.2:
            return [value(levels - 1) for _ in range(2)]
        return chance.choice(odd)

    for _ in range(count):
        yield chance.choice(whole) if chance.random() < 0.1 else json.dumps(value(4)).encode()


@pytest.fixture(name="odd_bodies")
def odd_bodies_fixture() -> Callable[..., Iterator[bytes]]:
    return odd_bodies


@contextlib.asynccontextmanager
async def running_nfs(
    *kinds: type[NetworkFunction], variables: dict[str, str] | None = None
) -> AsyncIterator[list[NetworkFunction]]:
    """An NRF and NFs of these classes, each with an address of its own, that are registered."""
    nrf = Nrf(SETTINGS, port=0)
    nrf_port = await nrf.start()
    nfs: list[NetworkFunction] = []
    try:
        for number, kind in enumerate(kinds, 11):
            given = {**(variables or {}), "MINICORE_ADDRESS": f"127.0.0.{number}"}
            given["MINICORE_NRF"] = f"http://127.0.0.1:{nrf_port}"
            nf = kind(Settings.from_environment(given), Environment(given), sbi_port=0)
            nfs.append(nf)
            await nf.start()
        await until(lambda: all(nf.full_state()["nrf_registered"] for nf in nfs))
        yield nfs
    finally:
        for nf in nfs:
            await nf.stop()
        await nrf.stop()


@pytest.fixture
def nfs_on_loopback() -> Callable[..., AbstractAsyncContextManager[list[NetworkFunction]]]:
    return running_nfs


@pytest.fixture
def core_on_loopback() -> Callable[..., AbstractAsyncContextManager[Core]]:
    return running_core


@pytest.fixture
def upf_type() -> type[LoopbackUpf]:
    return LoopbackUpf


@pytest.fixture
def rig_type() -> type[UpfRig]:
    return UpfRig


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[None]]:
    return until


@pytest.fixture(name="silence")
def silence_fixture() -> Callable[..., Awaitable[tuple[float, float]]]:
    return silence


@pytest.fixture
def udp_port() -> int:
    return free_udp_port()
