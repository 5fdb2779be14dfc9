# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCTP between two processes, each in a network namespace of its own: needs root."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from minicore.n2.sctp import SctpError, kernel, open_stack
from minicore.n2.sctp.association import abort_reason

PORT = 38412
FRONT, GNB = ("10.99.1.1", "10.99.2.1"), ("10.99.1.2", "10.99.2.2")
_numbers = itertools.count()


def has_usrsctp() -> bool:
    with contextlib.suppress(OSError):
        ctypes.CDLL("libusrsctp.so.2")
        return True
    return False


def may_make_namespaces() -> bool:
    return os.geteuid() == 0 and shutil.which("ip") is not None


pytestmark = pytest.mark.skipif(not may_make_namespaces(), reason="needs root and iproute2")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """Two namespaces with two links between them."""
    tag = f"n2t{os.getpid()}x{next(_numbers)}"
    front, gnb = f"{tag}f", f"{tag}g"
    made: list[str] = []
    try:
        for name in (front, gnb):
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        for number in (0, 1):
            one, other = f"v{number}f", f"v{number}g"
            ip("-n", front, "link", "add", one, "type", "veth", "peer", "name", other, "netns", gnb)
            for name, link, address in ((front, one, FRONT[number]), (gnb, other, GNB[number])):
                ip("-n", name, "address", "add", f"{address}/24", "dev", link)
                ip("-n", name, "link", "set", link, "up")
        yield front, gnb
    finally:
        for name in made:
            ip("netns", "delete", name)


class Process:
    """A peer process; `expect` waits for its next event of a kind."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, what: str, **fields: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **fields}).encode() + b"\n")
        await self._process.stdin.drain()

    async def next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 20)
        found: dict[str, Any] = json.loads(line) if line else {"event": "end of process"}
        return found

    async def expect(self, event: str) -> dict[str, Any]:
        found = await self.next()
        assert found["event"] == event, found
        return found

    async def terminate(self) -> int:
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), 10)

    def kill(self) -> None:
        self._process.kill()

    async def stop(self) -> int:
        assert self._process.stdin is not None
        if self._process.returncode is None:
            self._process.stdin.close()
        return await asyncio.wait_for(self._process.wait(), 10)


@contextlib.asynccontextmanager
async def started(namespace: str, *command: str, **variables: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *("ip", "netns", "exec", namespace, sys.executable, *command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **variables},
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def peer(namespace: str, stack: str, *, answers_strangers: bool = True) -> AsyncIterator[Process]:
    script = str(Path(__file__).with_name("sctp_peer.py"))
    async with started(namespace, script, stack, "yes" if answers_strangers else "no") as found:
        assert (await found.expect("ready"))["stack"] == stack
        yield found


STACKS = [
    pytest.param("usrsctp", marks=pytest.mark.skipif(not has_usrsctp(), reason="libusrsctp2 is not installed")),
    pytest.param("kernel", marks=pytest.mark.skipif(not kernel.is_there(), reason="this kernel has no SCTP")),
]
Scenario = Callable[[Process, Process], Awaitable[None]]


def run(namespaces: tuple[str, str], stack: str, scenario: Scenario) -> None:
    async def whole() -> None:
        async with peer(namespaces[0], stack) as front, peer(namespaces[1], stack) as gnb:
            await front.do("listen", addresses=FRONT, port=PORT)
            assert (await front.expect("listening"))["port"] == PORT
            await scenario(front, gnb)

    asyncio.run(asyncio.wait_for(whole(), 60))


async def associate(front: Process, gnb: Process) -> tuple[str, str]:
    """The association's name at the front and at the gNB."""
    await gnb.do("connect", local=GNB, peers=FRONT, port=PORT)
    at_gnb = await gnb.expect("up")
    at_front = await front.expect("up")
    assert sorted(at_front["peers"]) == sorted(GNB)
    assert sorted(at_gnb["peers"]) == sorted(FRONT)
    assert at_front["streams"] == at_gnb["streams"] == 16
    return at_front["name"], at_gnb["name"]


@pytest.mark.parametrize("stack", STACKS)
def test_messages_go_both_ways_on_their_streams(namespaces: tuple[str, str], stack: str) -> None:
    async def scenario(front: Process, gnb: Process) -> None:
        at_front, at_gnb = await associate(front, gnb)
        await gnb.do("send", name=at_gnb, text="hello", stream=3)
        received = await front.expect("received")
        assert (received["stream"], received["text"]) == (3, "hello")
        await front.do("send", name=at_front, text="0123456789", repeat=20000, stream=1)
        received = await gnb.expect("received")
        assert (received["stream"], received["size"]) == (1, 200000)
        await gnb.do("send", name=at_gnb, text="echo " + "x" * 900, stream=2, times=2000)
        for _ in range(2000):
            received = await gnb.expect("received")
            assert (received["stream"], received["size"]) == (2, 900)

    run(namespaces, stack, scenario)


@pytest.mark.parametrize("stack", STACKS)
def test_both_ends_see_how_an_association_ends(namespaces: tuple[str, str], stack: str) -> None:
    async def scenario(front: Process, gnb: Process) -> None:
        at_front, at_gnb = await associate(front, gnb)
        await gnb.do("send", name=at_gnb, text="last", stream=0)
        await gnb.do("close", name=at_gnb)
        assert (await front.expect("received"))["text"] == "last"
        await front.expect("down")
        await gnb.expect("down")
        at_front, _ = await associate(front, gnb)
        await front.do("abort", name=at_front, reason="AMF is away")
        # A one-to-one style socket of the kernel cannot send the reason along.
        assert ("AMF is away" if stack == "usrsctp" else "") in (await gnb.expect("down"))["reason"]
        assert (await front.expect("down"))["reason"] == "AMF is away"

    run(namespaces, stack, scenario)


@pytest.mark.parametrize("stack", STACKS)
def test_an_association_lives_on_its_second_path(namespaces: tuple[str, str], stack: str) -> None:
    async def scenario(front: Process, gnb: Process) -> None:
        _, at_gnb = await associate(front, gnb)
        ip("-n", namespaces[0], "link", "set", "v0f", "down")
        for number in range(3):
            await gnb.do("send", name=at_gnb, text=f"echo {number}", stream=1)
            assert (await gnb.expect("received"))["text"] == str(number)

    run(namespaces, stack, scenario)


@pytest.mark.parametrize("stack", STACKS)
def test_a_restarted_front_is_seen_at_once(namespaces: tuple[str, str], stack: str) -> None:
    async def scenario(front: Process, gnb: Process) -> None:
        await associate(front, gnb)
        front.kill()
        async with peer(namespaces[0], stack) as successor:
            await successor.do("listen", addresses=FRONT, port=PORT)
            await successor.expect("listening")
            # Heartbeats run: no message of the gNB is needed.
            await gnb.expect("down")
            await associate(successor, gnb)
            assert await successor.stop() == 0
            await gnb.expect("down")
            assert await gnb.stop() == 0

    run(namespaces, stack, scenario)


@pytest.mark.parametrize("stack", STACKS)
def test_nobody_there_is_an_error(namespaces: tuple[str, str], stack: str) -> None:
    async def scenario(front: Process, gnb: Process) -> None:
        await gnb.do("connect", local=[], peers=FRONT[:1], port=PORT + 1)
        assert f"{FRONT[0]}, port {PORT + 1}" in (await gnb.expect("error"))["text"]

    run(namespaces, stack, scenario)


@pytest.mark.skipif(not has_usrsctp(), reason="libusrsctp2 is not installed")
def test_two_quiet_processes_share_a_namespace(namespaces: tuple[str, str]) -> None:
    async def scenario(front: Process, gnb: Process) -> None:
        async with (
            peer(namespaces[1], "usrsctp", answers_strangers=False) as one,
            peer(namespaces[1], "usrsctp", answers_strangers=False) as other,
        ):
            await gnb.stop()
            names = [await associate(front, process) for process in (one, other)]
            for process, (_, name) in zip((one, other), names, strict=True):
                await process.do("send", name=name, text="echo still", stream=0)
                assert (await process.expect("received"))["text"] == "still"

    run(namespaces, "usrsctp", scenario)


@pytest.mark.parametrize("stack", STACKS)
def test_a_front_relays_and_is_restarted(namespaces: tuple[str, str], stack: str) -> None:
    """The front as it is deployed, with an AMF behind it and a gNB before it."""
    script = str(Path(__file__).with_name("n2_peer.py"))
    variables = {
        "MINICORE_ADDRESS": FRONT[0],
        "MINICORE_N2_ADDRESSES": FRONT[1],
        "MINICORE_AMF": FRONT[0],
        "MINICORE_SCTP": stack,
    }

    async def whole() -> None:
        front, gnb = namespaces
        async with started(front, script, "amf", FRONT[0]) as amf, started(gnb, script, "gnb", *FRONT) as driver:
            await amf.expect("ready")
            for is_killed in (True, False):
                async with started(front, "-m", "minicore", "front", **variables) as process:
                    assert (await answered(driver))["streams"] == [1, 2, 3, 4]
                    await amf.expect("up")
                    if is_killed:
                        process.kill()
                    else:
                        assert await process.terminate() == 0
                    await amf.expect("down")
                if not is_killed:
                    reason = (await driver.expect("lost"))["reason"]
                    assert ("stopped" if stack == "usrsctp" else "") in reason

    async def answered(driver: Process) -> dict[str, Any]:
        """Passes over what the gNB saw of the front before and while there was none."""
        while True:
            event = await driver.next()
            if event["event"] not in ("error", "lost"):
                assert event["event"] == "answered"
                return event

    asyncio.run(asyncio.wait_for(whole(), 60))


@pytest.mark.skipif(kernel.is_there(), reason="this kernel has SCTP")
def test_the_kernels_sctp_is_refused_where_there_is_none() -> None:
    with pytest.raises(SctpError, match="module sctp"):
        open_stack("kernel")


def test_reasons_of_aborts() -> None:
    assert abort_reason(bytes((6, 0, 0, 12, 0, 12, 0, 8)) + b"text") == "aborted by the peer: text"
    assert abort_reason(bytes((6, 0, 0, 8, 0, 13, 0, 4))) == "aborted by the peer, cause 13"
    assert abort_reason(b"") == ""
