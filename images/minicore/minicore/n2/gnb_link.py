# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gNB's end of N2: SCTP to a front, or straight to an AMF by the front's framing on TCP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Literal, Protocol

from . import N2_PORT
from .framing import Decoder, Frame, FrameType, FramingError, hello, read_hello
from .sctp import SctpAssociation, SctpError, SctpStack, open_stack

_SHUTDOWN_S = 2.0

Received = Callable[[int, bytes], None]
"""Takes stream and PDU."""
Lost = Callable[[str], None]
"""Takes the reason; called once, not after close()."""


class N2LinkError(Exception):
    """The AMF or front cannot be reached; the text names it."""


class GnbLink(Protocol):
    def send(self, pdu: bytes, stream: int = 0) -> None:
        """Send a PDU; nothing where the link is lost. Stream 0 is for signalling without UE (TS 38.412 clause 7)."""

    async def close(self) -> None: ...


async def connect(
    transport: Literal["sctp", "tcp"],
    peers: list[str],
    *,
    on_received: Received,
    on_lost: Lost,
    local: list[str] | None = None,
    port: int = N2_PORT,
    timeout_s: float = 10.0,
) -> GnbLink:
    """Connect to the AMF or front at `peers` from the addresses `local`; N2LinkError where that is not possible.

    With "sctp" all `local` addresses and all `peers` belong to one association; "tcp" uses the first of each.
    """
    if transport == "sctp":
        sctp = _SctpLink(on_received, on_lost)
        try:
            await _sctp_stack().connect(local or [], peers, port, sctp, timeout_s)
        except SctpError as error:
            raise N2LinkError(str(error)) from error
        return sctp
    link = _TcpLink(on_received, on_lost)
    source = (local[0], 0) if local else None
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.get_running_loop().create_connection(lambda: link, peers[0], port, local_addr=source)
            await link.greeted
    except (OSError, TimeoutError, FramingError) as error:
        await link.close()
        raise N2LinkError(f"no AMF at {peers[0]}:{port}: {error or 'no answer'}") from error
    return link


class _TcpLink(asyncio.Protocol):
    """A front with one association."""

    def __init__(self, on_received: Received, on_lost: Lost) -> None:
        self._on_received = on_received
        self._on_lost: Lost | None = on_lost
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        address, port = transport.get_extra_info("sockname")[:2]
        up = Frame(FrameType.UP, 1, payload=f"{address}:{port}".encode())
        transport.write(hello("gnb") + up.encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._ended.done():
            self._ended.set_result(None)
        self._lose(str(exc or "the AMF closed the connection"))

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._on_frame(frame)
        except FramingError as error:
            self._lose(str(error))
            self._abort()

    def send(self, pdu: bytes, stream: int = 0) -> None:
        if self._transport is not None:
            self._transport.write(Frame(FrameType.NGAP, 1, stream, pdu).encode())

    async def close(self) -> None:
        self._on_lost = None
        if self._transport is not None:
            self._transport.close()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ended

    def _on_frame(self, frame: Frame) -> None:
        if not self.greeted.done():
            read_hello(frame)
            self.greeted.set_result(None)
        elif frame.type is FrameType.NGAP:
            self._on_received(frame.stream, frame.payload)
        elif frame.type is FrameType.DOWN:
            self._lose(frame.payload.decode(errors="replace"))
            self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _lose(self, reason: str) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError(reason))
        elif self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            on_lost(reason)


_stacks: list[SctpStack] = []


def _sctp_stack() -> SctpStack:
    """The one of this process, for all its gNBs. Others on the host may speak SCTP too: it ignores strangers."""
    if not _stacks:
        _stacks.append(open_stack(answers_strangers=False))
    return _stacks[0]


class _SctpLink:
    def __init__(self, on_received: Received, on_lost: Lost) -> None:
        self._on_received = on_received
        self._on_lost: Lost | None = on_lost
        self._association: SctpAssociation | None = None
        self._ended = asyncio.Event()

    def association_up(self, association: SctpAssociation) -> None:
        self._association = association

    def association_down(self, association: SctpAssociation, reason: str) -> None:
        self._association = None
        self._ended.set()
        if self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            on_lost(reason)

    def received(self, association: SctpAssociation, stream: int, data: bytes) -> None:
        self._on_received(stream, data)

    def send(self, pdu: bytes, stream: int = 0) -> None:
        if self._association is not None:
            # A full queue ends the association, and on_lost says so.
            with contextlib.suppress(SctpError):
                self._association.send(pdu, stream)

    async def close(self) -> None:
        self._on_lost = None
        if self._association is not None:
            self._association.close()
            try:
                async with asyncio.timeout(_SHUTDOWN_S):
                    await self._ended.wait()
            except TimeoutError:
                self._association.abort("closed")
