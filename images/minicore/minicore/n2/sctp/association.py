# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an association that does not depend on who does the protocol: queue, reassembly, state, notifications."""

from __future__ import annotations

import abc
import asyncio
import enum
import logging
import struct
from collections import deque

from .interface import QUEUE_MESSAGES, SctpError, SctpHandler

log = logging.getLogger(__name__)

_ASSOC_CHANGE = struct.Struct("=HHIHHHHI")
_ABORT_CHUNK = 6
_USER_INITIATED_ABORT = 12


class Change(enum.Enum):
    """States of an SCTP_ASSOC_CHANGE notification (RFC 6458 clause 6.1.1); their numbers differ by implementation."""

    UP = enum.auto()
    LOST = enum.auto()
    RESTART = enum.auto()
    SHUTDOWN_COMPLETE = enum.auto()
    CANNOT_START = enum.auto()


_REASONS = {
    Change.LOST: "the peer is lost",
    Change.RESTART: "the peer began again",
    Change.SHUTDOWN_COMPLETE: "shut down",
    Change.CANNOT_START: "the peer does not answer",
}


def abort_reason(info: bytes) -> str:
    """The text of a user-initiated ABORT chunk (RFC 9260 clauses 3.3.7 and 3.3.10.12), or nothing."""
    if len(info) < 8 or info[0] != _ABORT_CHUNK:
        return ""
    cause, length = struct.unpack_from("!HH", info, 4)
    if cause != _USER_INITIATED_ABORT:
        return f"aborted by the peer, cause {cause}"
    return f"aborted by the peer: {info[8 : 4 + length].decode(errors='replace')}"


class BaseAssociation(abc.ABC):
    """Subclasses move the octets; this class knows when the association is up, and tells the handler."""

    def __init__(self, handler: SctpHandler) -> None:
        self._handler = handler
        self._queue: deque[tuple[bytes, int]] = deque()
        self._parts: list[bytes] = []
        self._reason = ""
        self.is_up = False
        self.has_ended = False
        self.peers: tuple[str, ...] = ()
        self.peer_port = 0
        self.streams = 1
        self.is_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the association is up; SctpError when it ended before."""

    @abc.abstractmethod
    def _send_now(self, data: bytes, stream: int) -> bool:
        """Give a message to the protocol; false when it has no room now."""

    @abc.abstractmethod
    def _shutdown(self) -> None: ...

    @abc.abstractmethod
    def _abort_now(self, reason: str) -> None: ...

    @abc.abstractmethod
    def _release(self) -> None:
        """Give the socket back; nothing is called after that."""

    @abc.abstractmethod
    def _learn_peer(self) -> None:
        """Fill `peers` and `peer_port`."""

    @abc.abstractmethod
    def _wait_for_room(self, is_waiting: bool) -> None:
        """Have `drain` called when there is room again."""

    def send(self, data: bytes, stream: int) -> None:
        if self.has_ended or self._reason:
            return
        if not self._queue and self._send_now(data, stream):
            return
        if len(self._queue) >= QUEUE_MESSAGES:
            reason = f"{len(self._queue)} messages wait for {self.name}"
            self.abort(reason)
            raise SctpError(reason)
        self._queue.append((data, stream))
        self._wait_for_room(True)

    def close(self) -> None:
        if not self.has_ended:
            self._reason = "closed here"
            if not self._queue:
                self._shutdown()

    def abort(self, reason: str) -> None:
        if not self.has_ended:
            self._abort_now(reason)
            self.end(reason)

    @property
    def name(self) -> str:
        return f"{self.peers[0] if self.peers else '?'}:{self.peer_port}"

    def drain(self) -> None:
        """Send what waits, as far as there is room."""
        while self._queue and not self.has_ended:
            data, stream = self._queue[0]
            if not self._send_now(data, stream):
                return
            self._queue.popleft()
        if not self.has_ended:
            self._wait_for_room(False)
            if self._reason:
                self._shutdown()

    def take(self, part: bytes, stream: int, *, is_complete: bool) -> None:
        """A message or a part of one, in order."""
        if not is_complete or self._parts:
            self._parts.append(part)
            if not is_complete:
                return
            part = b"".join(self._parts)
            self._parts.clear()
        self._handler.received(self, stream, part)

    def on_notification(self, data: bytes, changes: dict[int, Change]) -> None:
        """An SCTP_ASSOC_CHANGE; `changes` gives the meaning of the implementation's numbers."""
        if len(data) < _ASSOC_CHANGE.size:
            return
        _, _, _, state, error, outbound, _, _ = _ASSOC_CHANGE.unpack_from(data)
        change = changes.get(state)
        if change is Change.UP:
            self.come_up(outbound)
        elif change is Change.RESTART:
            # The peer has lost its state (RFC 9260 clause 5.2): to the user a new association on the same socket.
            self._parts.clear()
            self._queue.clear()
            if self.is_up:
                self._handler.association_down(self, _REASONS[change])
            self.is_up = False
            self.come_up(outbound)
        elif change is not None:
            reason = self._reason or abort_reason(data[_ASSOC_CHANGE.size :]) or _REASONS[change]
            log.debug("%s: %s (%d)", self.name, reason, error)
            self.end(reason)

    def come_up(self, streams: int) -> None:
        if self.is_up or self.has_ended:
            return
        self._learn_peer()
        self.is_up = True
        self.streams = streams
        if not self.is_ready.done():
            self.is_ready.set_result(None)
        self._handler.association_up(self)

    def end(self, reason: str) -> None:
        """Report the end once, and release the socket."""
        if self.has_ended:
            return
        self.has_ended = True
        self._queue.clear()
        self._release()
        if not self.is_ready.done():
            self.is_ready.set_exception(SctpError(reason))
            # After a timeout nobody takes it.
            self.is_ready.exception()
        if self.is_up:
            self._handler.association_down(self, reason)
