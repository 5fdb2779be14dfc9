# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both implementations of SCTP offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class SctpError(Exception):
    """SCTP cannot be used, or a peer cannot be reached; the text says what to do where there is something to do."""


class SctpHandler(Protocol):
    """Called in the event loop's thread."""

    def association_up(self, association: SctpAssociation) -> None: ...

    def association_down(self, association: SctpAssociation, reason: str) -> None:
        """Once, after `association_up`; also after close() and abort()."""

    def received(self, association: SctpAssociation, stream: int, data: bytes) -> None: ...


class SctpAssociation(Protocol):
    @property
    def peers(self) -> tuple[str, ...]:
        """The peer's addresses when the association came up, the one it used first."""

    @property
    def peer_port(self) -> int: ...

    @property
    def streams(self) -> int:
        """Streams in which may be sent."""

    def send(self, data: bytes, stream: int) -> None:
        """Send a message in order; SctpError when more than QUEUE_MESSAGES wait for the peer (the association ends)."""

    def close(self) -> None:
        """SHUTDOWN (RFC 9260 clause 9.2): what was sent is delivered first."""

    def abort(self, reason: str) -> None:
        """ABORT with the reason as user-initiated cause (RFC 9260 clause 3.3.10.12)."""


class SctpListener(Protocol):
    @property
    def port(self) -> int: ...

    def close(self) -> None:
        """Accept no more; associations stay."""


class SctpStack(Protocol):
    name: str
    """`kernel` or `usrsctp`."""

    def listen(self, addresses: list[str], port: int, handler: SctpHandler) -> SctpListener:
        """One endpoint that has all `addresses`."""

    async def connect(
        self, local: list[str], peers: list[str], port: int, handler: SctpHandler, timeout_s: float
    ) -> SctpAssociation:
        """An association from the `local` addresses (all where the list is empty) to a peer that has all `peers`."""

    async def stop(self) -> None:
        """End what is left of associations and listeners."""


@dataclass(frozen=True, slots=True)
class Timing:
    """RFC 9260 clause 16 with the shorter values that N2 uses: a lost path is seen within seconds, not minutes."""

    rto_initial_ms: int = 500
    rto_minimum_ms: int = 100
    rto_maximum_ms: int = 2000
    heartbeat_ms: int = 5000
    path_retransmissions: int = 4
    association_retransmissions: int = 8


TIMING = Timing()
STREAMS = 16
"""Streams that are asked for in each direction."""
QUEUE_MESSAGES = 4096
"""Messages of one association that wait until the peer's window opens."""
