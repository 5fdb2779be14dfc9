# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import random

import pytest
from minicore.n2.framing import MAXIMUM_PAYLOAD, Decoder, Frame, FrameType, FramingError, hello, read_hello
from minicore.n2.gnb_link import GnbLink, N2LinkError, connect
from minicore.n2.link import Association, N2Server


class Amf:
    """Echoes every PDU, on the stream where it came; each event goes into `events`."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[tuple[str, Association, bytes]] = asyncio.Queue()

    def association_up(self, association: Association) -> None:
        self.events.put_nowait(("up", association, b""))

    def association_down(self, association: Association) -> None:
        self.events.put_nowait(("down", association, b""))

    def received(self, association: Association, stream: int, pdu: bytes) -> None:
        self.events.put_nowait((f"pdu {stream}", association, pdu))
        association.send(pdu, stream)


class Gnb:
    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self.lost: asyncio.Queue[str] = asyncio.Queue()

    async def connect(self, port: int) -> GnbLink:
        return await connect(
            "tcp",
            ["127.0.0.1"],
            port=port,
            on_received=lambda stream, pdu: self.received.put_nowait((stream, pdu)),
            on_lost=self.lost.put_nowait,
            timeout_s=5,
        )


def test_frames_survive_any_cut() -> None:
    frames = [Frame(FrameType.UP, 1, 0, b"10.0.0.1:38412"), Frame(FrameType.NGAP, 2**32 - 1, 65535, b"x" * 70000)]
    data = b"".join(frame.encode() for frame in frames)
    decoder, rng, found = Decoder(), random.Random(1), []
    while data:
        cut = rng.choice((1, 3, 5000))
        found += decoder.feed(data[:cut])
        data = data[cut:]
    assert found == frames


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(FramingError):
        Decoder().feed((MAXIMUM_PAYLOAD + 1).to_bytes(4, "big") + bytes(8))
    with pytest.raises(FramingError):
        Decoder().feed(bytes(4) + b"\xff" + bytes(7))
    with pytest.raises(FramingError):
        read_hello(Frame(FrameType.HELLO, payload=b"\x02front"))
    assert read_hello(Decoder().feed(hello("front"))[0]) == "front"


def test_a_gnb_reaches_the_amf_and_is_reached() -> None:
    async def run() -> None:
        amf, gnb = Amf(), Gnb()
        server = N2Server(amf)
        port = await server.start("127.0.0.1", 0)
        link = await gnb.connect(port)
        event, association, _ = await amf.events.get()
        assert event == "up" and association.peer.startswith("127.0.0.1:")
        link.send(b"pdu", 3)
        assert await amf.events.get() == ("pdu 3", association, b"pdu")
        assert await gnb.received.get() == (3, b"pdu")
        await link.close()
        assert (await amf.events.get())[:2] == ("down", association)
        association.send(b"late", 0)
        assert gnb.lost.empty()
        await server.stop()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_both_sides_see_an_end() -> None:
    async def run() -> None:
        amf, gnb = Amf(), Gnb()
        server = N2Server(amf)
        port = await server.start("127.0.0.1", 0)
        await gnb.connect(port)
        (_, association, _) = await amf.events.get()
        association.close("wrong PLMN")
        assert await gnb.lost.get() == "wrong PLMN"
        assert (await amf.events.get())[:2] == ("down", association)
        await gnb.connect(port)
        await server.stop()
        assert "closed" in await gnb.lost.get()
        assert [(await amf.events.get())[0] for _ in range(2)] == ["up", "down"]

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_peer_without_the_framing_is_disconnected() -> None:
    async def run() -> None:
        amf = Amf()
        server = N2Server(amf)
        port = await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert read_hello(Decoder().feed(await reader.read())[0]) == "amf"
        writer.close()
        await server.stop()
        assert amf.events.empty()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_an_amf_that_is_not_there_is_named() -> None:
    with pytest.raises(N2LinkError, match=r"127\.0\.0\.1:1\b"):
        asyncio.run(Gnb().connect(1))
