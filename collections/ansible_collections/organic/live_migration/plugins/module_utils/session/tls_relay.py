# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS for a program that knows none: CRIU, or a pager, writes to a socket, and a process of its own encrypts that.

It outlives the agent, as the pager does. Kernel TLS (Documentation/networking/tls.rst) would do without the process and
a copy, and is built into few kernels.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable

_RECORD_BYTES = 16384
"""Most that TLS takes, or gives, at once (RFC 8446, 5.1)."""
_BUFFER_BYTES = 16 * _RECORD_BYTES
_LINGER_S = 3.0
"""So long the other host may take to hear the end; closed sooner, TCP would throw away what is on its way."""
_COUNT = struct.Struct("<Q")


class TlsRelay:
    """One connection, on one host.

    Args:
        tls: the connection, after its handshake; it belongs to the relay from now on.

    Attributes:
        plain: what the program is given.
    """

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self.plain, inner = socket.socketpair()
        self._sent = mmap.mmap(-1, _COUNT.size)
        child = os.fork()
        if child == 0:
            try:
                _close_all_but({0, 1, 2, tls.fileno(), inner.fileno()})
                _Relay(tls, inner, self._sent).run()
            finally:
                os._exit(0)
        inner.close()
        os.close(tls.detach())  # without a word to the other host

    @property
    def bytes_sent(self) -> int:
        """What the program has sent, before it was encrypted."""
        return int(_COUNT.unpack(self._sent)[0])


def _close_all_but(kept: set[int]) -> None:
    """A copy of what the agent has open would keep others from noticing its end."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


class _Relay:
    """The process itself."""

    def __init__(self, tls: ssl.SSLSocket, plain: socket.socket, sent: mmap.mmap) -> None:
        self._tls, self._plain, self._count = tls, plain, sent
        self._sent = 0
        tls.setblocking(False)
        plain.setblocking(False)

    def run(self) -> None:
        """Carry bytes both ways until one of the two ends; what it said before goes on to the other."""
        outward, inward = Direction(self._plain.recv_into, self._send), Direction(self._receive, self._plain.send)
        with contextlib.suppress(OSError):
            while not (outward.ended or inward.ended):
                if outward.move() | inward.move():
                    continue
                readers = [end for end, way in ((self._plain, outward), (self._tls, inward)) if way.is_empty]
                writers = [end for end, way in ((self._tls, outward), (self._plain, inward)) if not way.is_empty]
                select.select(readers, writers, [])
        if outward.ended:
            self._close_notify()

    def _send(self, data: memoryview) -> int:
        count = self._tls.send(data)
        self._sent += count
        self._count[:] = _COUNT.pack(self._sent)
        return count

    def _receive(self, buffer: memoryview) -> int:
        return self._tls.recv_into(buffer)

    def _close_notify(self) -> None:
        with contextlib.suppress(OSError):
            with contextlib.suppress(OSError):  # it does not wait for the answer
                self._tls.unwrap()
            bare = socket.socket(fileno=self._tls.detach())
            bare.shutdown(socket.SHUT_WR)
            bare.settimeout(_LINGER_S)
            deadline = time.monotonic() + _LINGER_S
            while bare.recv(_BUFFER_BYTES) and time.monotonic() < deadline:
                pass


class Direction:
    """One direction.

    Args:
        take: reads into a buffer without waiting, as socket.recv_into.
        give: writes some of one, as socket.send.

    Attributes:
        ended: there is nothing more to take, and all that was is given.
    """

    def __init__(self, take: Callable[[memoryview], int], give: Callable[[memoryview], int]) -> None:
        self._take, self._give = take, give
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._given = self._taken = 0
        self.ended = False

    @property
    def is_empty(self) -> bool:
        return self._given == self._taken

    def move(self) -> bool:
        """Take or give something; returns whether that was possible without waiting."""
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if self.is_empty:
                self._given, self._taken = 0, self._take(self._buffer)
                self.ended = self._taken == 0
                return not self.ended
            self._given += self._give(self._buffer[self._given : self._taken])
            return True
        return False
