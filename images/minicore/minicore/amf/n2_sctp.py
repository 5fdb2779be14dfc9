# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""N2 without a front: the AMF ends SCTP itself (MINICORE_N2=sctp). CRIU cannot move it where that is the kernel's."""

from __future__ import annotations

import itertools
import logging

from ..n2.link import N2Handler
from ..n2.sctp import Choice, SctpAssociation, SctpError, SctpListener, SctpStack, open_stack

log = logging.getLogger(__name__)


class N2SctpServer:
    """Offers what N2Server offers, and is the SctpHandler of its stack."""

    def __init__(self, handler: N2Handler, choice: Choice = "auto", stack: SctpStack | None = None) -> None:
        """`stack` for tests, else the one of `choice`."""
        self._handler = handler
        self._choice: Choice = choice
        self._stack = stack
        self._listener: SctpListener | None = None
        self._numbers = itertools.count(1)
        self._associations: dict[SctpAssociation, _Association] = {}

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port. SctpError where there is no SCTP."""
        if self._stack is None:
            self._stack = open_stack(self._choice)
        self._listener = self._stack.listen([host], port, self)
        log.info("N2 on %s, port %d, by %s", host, self._listener.port, self._stack.name)
        return self._listener.port

    async def stop(self) -> None:
        """End the associations, so that the gNBs know."""
        if self._stack is not None:
            await self._stack.stop()

    def association_up(self, association: SctpAssociation) -> None:
        own = self._associations[association] = _Association(association, next(self._numbers))
        self._handler.association_up(own)

    def association_down(self, association: SctpAssociation, reason: str) -> None:
        own = self._associations.pop(association, None)
        if own is not None:
            log.info("association with %s: %s", own.peer, reason)
            self._handler.association_down(own)

    def received(self, association: SctpAssociation, stream: int, data: bytes) -> None:
        own = self._associations.get(association)
        if own is not None:
            self._handler.received(own, stream, data)


class _Association:
    """A gNB as the N2Handler knows it."""

    __slots__ = ("_association", "id", "peer")

    def __init__(self, association: SctpAssociation, number: int) -> None:
        self._association = association
        self.id = number
        self.peer = f"{association.peers[0]}:{association.peer_port}"

    def send(self, pdu: bytes, stream: int) -> None:
        try:
            self._association.send(pdu, min(stream, self._association.streams - 1))
        except SctpError as error:
            log.warning("gNB %s takes nothing: %s", self.peer, error)

    def close(self, reason: str) -> None:
        self._association.abort(reason)
