# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

import pytest
from minicore import ip
from minicore.nrf.app import Nrf
from minicore.pfcp.endpoint import Address
from minicore.settings import Environment, Settings
from minicore.smf.app import Smf
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


class LoopbackUpf:
    """A UPF without TUN and registration."""

    def __init__(self, gnb_port: int = 2152, recovery_time_stamp: int = 1000, heartbeat_s: float = 60) -> None:
        self.rules = RuleTable("127.0.0.1")
        self.n4 = N4Responder(self.rules, "127.0.0.1", recovery_time_stamp, heartbeat_s)
        self.n6 = EchoingN6()
        self.user_plane = UserPlane(self.rules, self.n6, gnb_port)
        self.n4_address: Address = ("", 0)
        self.n3_port = 0

    async def start(self, pfcp_port: int = 0) -> None:
        self.n4_address = ("127.0.0.1", await self.n4.endpoint.start("127.0.0.1", pfcp_port))
        self.n3_port = await self.user_plane.start("127.0.0.1", 0)

    def stop(self) -> None:
        self.n4.stop()
        self.user_plane.stop()


@dataclass
class Core:
    nrf: Nrf
    smf: Smf
    upf: LoopbackUpf
    sbi_port: int


async def until(condition: Callable[[], object], timeout_s: float = 5) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.002)


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


@pytest.fixture
def core_on_loopback() -> Callable[..., AbstractAsyncContextManager[Core]]:
    return running_core


@pytest.fixture
def upf_type() -> type[LoopbackUpf]:
    return LoopbackUpf


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[None]]:
    return until


@pytest.fixture
def udp_port() -> int:
    return free_udp_port()
