# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCTP by libusrsctp: in this process, over raw IP sockets (protocol 132)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable

from .. import NGAP_PPID
from .association import BaseAssociation, Change
from .interface import SctpError, SctpHandler
from .library import MSG_EOR, MSG_NOTIFICATION, SND_ABORT, UPCALL, Library

log = logging.getLogger(__name__)

BACKLOG = 64
_CHANGES = {
    1: Change.UP,
    2: Change.LOST,
    3: Change.RESTART,
    4: Change.SHUTDOWN_COMPLETE,
    5: Change.CANNOT_START,
}
_FINISH_S = 1.0


class UsrsctpStack:
    """The library can be started once in a process.

    Its raw sockets get every SCTP packet of the network namespace. `answers_strangers` has it ABORT what belongs to
    none of its associations (RFC 9260 clause 8.4): so a peer sees at once that this end was restarted. Where a second
    process in the namespace speaks SCTP, it must be off: each would abort the other's associations.
    """

    name = "usrsctp"

    def __init__(self, *, answers_strangers: bool) -> None:
        self.library = Library()
        self.library.start(answers_strangers=answers_strangers)
        self._loop = asyncio.get_running_loop()
        self._keys = itertools.count(1)
        self._wanted: dict[int, Callable[[], None]] = {}
        self._woken: set[int] = set()
        self._upcall = UPCALL(self._on_upcall)
        self._listeners: list[_Listener] = []
        self._associations: set[_Association] = set()

    def listen(self, addresses: list[str], port: int, handler: SctpHandler) -> _Listener:
        try:
            listener = _Listener(self, addresses, port, handler)
        except OSError as error:
            raise SctpError(f"cannot listen on {', '.join(addresses)}: {error.strerror}") from error
        self._listeners.append(listener)
        return listener

    async def connect(
        self, local: list[str], peers: list[str], port: int, handler: SctpHandler, timeout_s: float
    ) -> _Association:
        handle = self.library.socket()
        association = _Association(self, handle, handler)
        try:
            if local:
                self.library.bind(handle, local, 0)
            self.library.connect(handle, peers, port)
            async with asyncio.timeout(timeout_s):
                await association.is_ready
        except (OSError, SctpError) as error:
            association.end("no association")
            raise SctpError(
                f"no SCTP association with {', '.join(peers)}, port {port}: {error or 'no answer'}"
            ) from error
        except asyncio.CancelledError:
            association.end("cancelled")
            raise
        return association

    async def stop(self) -> None:
        for listener in self._listeners:
            listener.close()
        for association in list(self._associations):
            association.abort("stopped")
        deadline = self._loop.time() + _FINISH_S
        # The library has no event for it.
        while not self.library.finish() and self._loop.time() < deadline:
            await asyncio.sleep(0.01)

    def watch(self, handle: int, on_event: Callable[[], None]) -> int:
        """Have `on_event` called when something happens to a socket, and once now: it may have happened before."""
        key = next(self._keys)
        self._wanted[key] = on_event
        self.library.set_upcall(handle, self._upcall, key)
        self._loop.call_soon(self._dispatch, key)
        return key

    def forget(self, key: int) -> None:
        self._wanted.pop(key, None)

    def add(self, association: _Association) -> None:
        self._associations.add(association)

    def discard(self, association: _Association) -> None:
        self._associations.discard(association)

    def _on_upcall(self, handle: int, key: int, flags: int) -> None:
        """In a thread of the library, which may hold its locks: nothing of the library is called here."""
        if key in self._woken:
            return
        self._woken.add(key)
        # The loop may be closed while the process ends.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._dispatch, key)

    def _dispatch(self, key: int) -> None:
        self._woken.discard(key)
        on_event = self._wanted.get(key)
        if on_event is not None:
            on_event()


class _Listener:
    def __init__(self, stack: UsrsctpStack, addresses: list[str], port: int, handler: SctpHandler) -> None:
        self._stack = stack
        self._handler = handler
        self._handle = stack.library.socket()
        try:
            stack.library.bind(self._handle, addresses, port)
            stack.library.listen(self._handle, BACKLOG)
            self.port = stack.library.local_port(self._handle)
        except OSError:
            stack.library.close(self._handle)
            raise
        self._key = stack.watch(self._handle, self._accept)
        self._is_closed = False

    def _accept(self) -> None:
        while not self._is_closed:
            handle = self._stack.library.accept(self._handle)
            if handle is None:
                return
            self._stack.library.prepare(handle)
            association = _Association(self._stack, handle, self._handler)
            # Its own notification of this came before the socket was ours.
            association.come_up(0)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._stack.forget(self._key)
            self._stack.library.close(self._handle)


class _Association(BaseAssociation):
    def __init__(self, stack: UsrsctpStack, handle: int, handler: SctpHandler) -> None:
        super().__init__(handler)
        self._stack = stack
        self._library = stack.library
        self._handle = handle
        self._key = stack.watch(handle, self._on_event)
        stack.add(self)

    def come_up(self, streams: int) -> None:
        super().come_up(streams or self._library.streams(self._handle))

    def _on_event(self) -> None:
        try:
            while not self.has_ended:
                got = self._library.receive(self._handle)
                if got is None:
                    break
                data, stream, flags = got
                if flags & MSG_NOTIFICATION:
                    self.on_notification(data, _CHANGES)
                elif not data:
                    self.end(self._reason or "shut down by the peer")
                else:
                    self.take(data, stream, is_complete=bool(flags & MSG_EOR))
        except OSError as error:
            self.end(str(error.strerror))
        if self._queue:
            self.drain()

    def _send_now(self, data: bytes, stream: int) -> bool:
        try:
            return self._library.send(self._handle, data, min(stream, self.streams - 1), NGAP_PPID)
        except OSError as error:
            self.end(str(error.strerror))
            return True

    def _wait_for_room(self, is_waiting: bool) -> None:
        """Nothing to do: the upcall comes for room as well."""

    def _shutdown(self) -> None:
        self._library.shutdown(self._handle)

    def _abort_now(self, reason: str) -> None:
        with contextlib.suppress(OSError):
            self._library.send(self._handle, reason.encode(), 0, 0, SND_ABORT)

    def _release(self) -> None:
        self._stack.forget(self._key)
        self._stack.discard(self)
        self._library.close(self._handle)

    def _learn_peer(self) -> None:
        peers = self._library.peers(self._handle)
        self.peers = tuple([address for address, _ in peers])
        self.peer_port = peers[0][1] if peers else 0
