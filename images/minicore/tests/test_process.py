# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NFs as processes: settings, signal, deregistration."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from minicore import ballast
from minicore.sbi.client import Connection, SbiError
from minicore.sbi.message import Request, Response
from minicore.sbi.server import SbiServer
from minicore.settings import Settings, SettingsError

PACKAGE = Path(__file__).parents[1]
# Addresses of their own on loopback: ports of the SBI and of PFCP are fixed.
NRF, SMF, SCP = "127.58.0.33", "127.58.0.34", "127.58.0.42"


@pytest.mark.parametrize(
    ("name", "value"),
    [("ADDRESS", ""), ("ADDRESS", "host"), ("N6", "10.45.0.1/99"), ("MEMORY_MB", "x"), ("INSTANCE_ID", "1")],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"MINICORE_{name}"):
        Settings.from_environment({"MINICORE_ADDRESS": "127.0.0.1", f"MINICORE_{name}": value})


def test_ballast_is_random() -> None:
    memory = ballast.allocate(2)
    pages = {bytes(memory[offset : offset + 4096]) for offset in range(0, len(memory), 4096)}
    assert (len(memory), len(pages)) == (2 << 20, 512)


def start(kind: str, address: str, **variables: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "MINICORE_ADDRESS": address, **variables}
    environment["MINICORE_NRF"] = f"http://{NRF}:8000"
    return subprocess.Popen([sys.executable, "-m", "minicore", kind], env=environment, stderr=subprocess.DEVNULL)


async def state_of(address: str, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """State of an NF as soon as it fulfils the condition."""
    async with asyncio.timeout(30):
        while True:
            # Refused until the NF listens.
            with contextlib.suppress(SbiError):
                connection = await Connection.open(address, 8000)
                state: dict[str, Any] = (await connection.call("GET", "/minicore/v1/state")).json()
                connection.close()
                if condition(state):
                    return state
            await asyncio.sleep(0.02)


def test_sigterm_deregisters_and_ends_with_zero() -> None:
    nrf, smf = start("nrf", NRF), start("smf", SMF)
    try:
        asyncio.run(state_of(NRF, lambda state: len(state["registrations"]) == 1))
        assert asyncio.run(state_of(SMF, lambda state: state["nrf_registered"]))["nf_type"] == "SMF"
        smf.send_signal(signal.SIGTERM)
        assert smf.wait(30) == 0
        assert asyncio.run(state_of(NRF, lambda state: True))["registrations"] == []
        nrf.send_signal(signal.SIGINT)
        assert nrf.wait(30) == 0
    finally:
        for process in (nrf, smf):
            process.kill()
            process.wait()


@contextlib.contextmanager
def notifications(name: str) -> Iterator[socket.socket]:
    """A socket as sd_notify(3) wants it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0", 1))
        receiver.settimeout(30)
        yield receiver


@pytest.mark.parametrize("abstract", [True, False])
def test_says_that_it_is_ready_when_it_is_registered_and_once(tmp_path: Path, abstract: bool) -> None:
    name = f"@minicore-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with notifications(name) as receiver:
        smf = start("smf", SMF, NOTIFY_SOCKET=name)
        nrfs = []
        try:
            asyncio.run(state_of(SMF, lambda state: not state["nrf_registered"]))
            receiver.setblocking(False)
            with pytest.raises(BlockingIOError):
                receiver.recv(100)
            receiver.settimeout(30)
            nrfs.append(start("nrf", NRF))
            assert receiver.recv(100) == b"READY=1"
            assert asyncio.run(state_of(SMF, lambda state: True))["nrf_registered"]
            nrfs[0].kill()
            nrfs[0].wait()
            # It is registered again at another NRF, and has been ready all the time.
            nrfs.append(start("nrf", NRF))
            asyncio.run(state_of(SMF, lambda state: state["nrf_registrations"] == 2))
            receiver.setblocking(False)
            with pytest.raises(BlockingIOError):
                receiver.recv(100)
        finally:
            for process in (smf, *nrfs):
                process.kill()
                process.wait()


def test_an_nrf_is_ready_when_it_listens(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with notifications(name) as receiver:
        nrf = start("nrf", NRF, NOTIFY_SOCKET=name)
        try:
            assert receiver.recv(100) == b"READY=1"
            assert asyncio.run(state_of(NRF, lambda state: True))["nf_type"] == "NRF"
        finally:
            nrf.kill()
            nrf.wait()


def test_goes_on_where_nobody_is_notified(tmp_path: Path) -> None:
    nrf, smf = start("nrf", NRF), start("smf", SMF, NOTIFY_SOCKET=str(tmp_path / "nobody"))
    try:
        asyncio.run(state_of(SMF, lambda state: state["nrf_registered"]))
        smf.send_signal(signal.SIGTERM)
        assert smf.wait(30) == 0
    finally:
        for process in (nrf, smf):
            process.kill()
            process.wait()


def test_sigterm_answers_what_is_under_way() -> None:
    """Through an SCP as a process, to a producer that answers only after the signal."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        begun.set()
        await go.wait()
        return Response(200, {}, request.body)

    async def scenario(scp: subprocess.Popen[bytes]) -> None:
        await state_of(SCP, lambda state: state["nrf_registered"])
        server = SbiServer(slow)
        headers = {"3gpp-sbi-target-apiroot": f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"}
        connection = await Connection.open(SCP, 8000)
        answer = connection.call("POST", "/x", b"body", headers)
        await begun.wait()
        scp.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            while not connection.draining:
                await asyncio.sleep(0.01)
        assert not answer.done()
        go.set()
        assert (await answer).body == b"body"
        server.stop()

    nrf, scp = start("nrf", NRF), start("scp", SCP)
    try:
        asyncio.run(scenario(scp))
        assert scp.wait(30) == 0
    finally:
        for process in (nrf, scp):
            process.kill()
            process.wait()


@pytest.mark.parametrize("arguments", [[], ["abc"], ["smf"]])
def test_wrong_use_is_64(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "minicore", *arguments]
    done = subprocess.run(command, env={"PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "minicore" in done.stderr.lower()
