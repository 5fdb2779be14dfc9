# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMF's side of N4: keeps associations with the UPFs, and makes, changes and deletes their sessions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..pfcp.association import Association, Heartbeats
from ..pfcp.codec import CodecError, Ie, IeType, Message, MessageType
from ..pfcp.endpoint import N1, T1_S, Address, PfcpEndpoint, PfcpTimeout
from ..pfcp.ies import (
    Cause,
    Seid,
    Teid,
    f_seid,
    node_id,
    number,
    read_f_seid,
    read_f_teid,
    read_node_id,
    read_number,
)
from ..pfcp.qos_ies import BitRates
from ..pfcp.refusal import refusal
from .n4_rules import (
    Report,
    SessionPlan,
    Usage,
    downlink_update,
    establishment,
    quota_update,
    rates_update,
    read_report,
    read_usage,
)

log = logging.getLogger(__name__)

RETRY_S = 1.0
DISCOVERY_S = 10.0
RELEASE_S = 0.5


class N4Error(Exception):
    """The UPF refused; `cause` is the PFCP cause."""

    def __init__(self, text: str, cause: int) -> None:
        super().__init__(f"{text}: cause {cause}")
        self.cause = cause


class NoUpf(Exception):
    """No association is up."""


N4_FAILURES = (PfcpTimeout, NoUpf, N4Error, CodecError)
"""What a request to a UPF raises."""


class SessionEvents(Protocol):
    """What the UPFs say by themselves."""

    def upf_lost(self, upf: Address) -> None:
        """The association is down; its sessions may be gone."""

    def upf_associated(self, upf: Address) -> None:
        """An association was set up: the UPF has no session of this SMF now (clause 6.2.6.2.2)."""

    def upf_absent(self, upf: Address) -> None:
        """An association that was lost cannot be set up again at once."""

    def has_sessions(self, upf: Address) -> bool:
        """Whether sessions are there, or wait to be restored."""

    def upf_releasing(self, upf: Address) -> None:
        """The UPF wants to be released: it waits for its sessions to go (clause 6.2.7.3)."""

    def reported(self, cp_seid: int, report: Report) -> int | None:
        """A report on a session; its UPF's SEID, or None if it is unknown."""


class N4Client:
    """`find_upfs` gives the addresses of the UPFs."""

    def __init__(
        self,
        address: str,
        recovery_time_stamp: int,
        heartbeat_s: float,
        find_upfs: Callable[[], Awaitable[list[Address]]],
        events: SessionEvents,
        t1_s: float = T1_S,
        n1: int = N1,
    ) -> None:
        self._address = address
        self.recovery_time_stamp = recovery_time_stamp
        self._find_upfs = find_upfs
        self._events = events
        self.endpoint = PfcpEndpoint(self._handle, t1_s, n1)
        self._heartbeats = Heartbeats(self.endpoint, recovery_time_stamp, heartbeat_s, self._lost)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.associations: dict[Address, Association] = {}

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_associated())

    async def stop(self) -> None:
        """Release the associations, without insisting."""
        if self._task is not None:
            self._task.cancel()
        self._heartbeats.stop()
        up = [association.peer for association in self.associations.values() if association.up]
        try:
            async with asyncio.timeout(RELEASE_S):
                for peer in up:
                    await self.endpoint.request(peer, MessageType.ASSOCIATION_RELEASE_REQUEST, [node_id(self._address)])
        except (TimeoutError, PfcpTimeout):
            log.warning("association not released: no answer within %s s", RELEASE_S)
        self.endpoint.stop()

    def look(self) -> None:
        """UPFs have come, gone or changed: look at once which there are."""
        self._changed.set()

    def choose_upf(self) -> Address:
        """The UPF with an association that is up and stays, or NoUpf."""
        for association in self.associations.values():
            if association.up and not association.is_releasing:
                return association.peer
        raise NoUpf

    def is_usable(self, upf: Address) -> bool:
        """Whether new sessions may be made there."""
        association = self.associations.get(upf)
        return association is not None and association.up and not association.is_releasing

    async def release(self, upf: Address) -> None:
        """End the association with a UPF that has asked for it, once it has no session any more."""
        association = self.associations[upf]
        response = await self.endpoint.request(upf, MessageType.ASSOCIATION_RELEASE_REQUEST, [node_id(self._address)])
        cause = read_number(response.need(IeType.CAUSE))
        if cause not in (Cause.ACCEPTED, Cause.NO_ESTABLISHED_ASSOCIATION):
            raise N4Error("association release", cause)
        self._heartbeats.forget(association)
        association.up = False
        if self.associations.get(upf) is association:
            del self.associations[upf]
        log.info("association with %s released", upf[0])

    async def establish(self, upf: Address, cp_seid: int, plan: SessionPlan) -> tuple[int, Teid]:
        """Make a session, its downlink buffered until the gNB is known; return the UPF's SEID and uplink tunnel."""
        head = [node_id(self._address), f_seid(Seid(cp_seid, self._address))]
        response = await self._session_request(
            upf, MessageType.SESSION_ESTABLISHMENT_REQUEST, 0, [*head, *establishment(plan)]
        )
        tunnel = read_f_teid(response.need(IeType.CREATED_PDR).need(IeType.F_TEID))
        if tunnel is None:
            raise CodecError("Created PDR without a TEID")
        return read_f_seid(response.need(IeType.F_SEID)).seid, tunnel

    async def set_downlink(
        self, upf: Address, up_seid: int, gnb: Teid | None, notifies: bool = False, flags: int = 0
    ) -> None:
        """Forward the downlink to the gNB's tunnel, or buffer it; `flags` as PFCPSMReq-Flags has them."""
        await self._modify(upf, up_seid, downlink_update(gnb, notifies, flags))

    async def set_rates(self, upf: Address, up_seid: int, rates: BitRates) -> None:
        """Change the session's maximum bit rates."""
        await self._modify(upf, up_seid, rates_update(rates))

    async def grant(self, upf: Address, up_seid: int, quota_bytes: int) -> None:
        """Let a session whose quota is used up send again."""
        await self._modify(upf, up_seid, quota_update(quota_bytes))

    async def delete(self, upf: Address, up_seid: int) -> list[Usage]:
        """Delete a session; return what it had used since its last report."""
        response = await self._session_request(upf, MessageType.SESSION_DELETION_REQUEST, up_seid, [])
        return read_usage(response, IeType.USAGE_REPORT_DELETION)

    async def _modify(self, upf: Address, up_seid: int, rules: list[Ie]) -> None:
        await self._session_request(upf, MessageType.SESSION_MODIFICATION_REQUEST, up_seid, rules)

    async def _session_request(self, upf: Address, kind: MessageType, seid: int, ies: list[Ie]) -> Message:
        association = self.associations.get(upf)
        if association is None or not association.up:
            raise NoUpf
        try:
            response = await self.endpoint.request(upf, kind, ies, seid)
        except PfcpTimeout as error:
            # As long without an answer as by the heartbeats: the other sessions need not find it out one by one.
            self._heartbeats.lose(association, str(error))
            raise
        cause = read_number(response.need(IeType.CAUSE))
        if cause == Cause.NO_ESTABLISHED_ASSOCIATION:
            # The UPF has lost this SMF: no heartbeat would show it.
            self._heartbeats.lose(association, "the UPF knows no association")
        if cause != Cause.ACCEPTED:
            raise N4Error(kind.name, cause)
        return response

    def _handle(self, peer: Address, message: Message) -> Message | None:
        if message.type == MessageType.HEARTBEAT_REQUEST:
            return self._heartbeats.on_request(self.associations.get(peer), message)
        if message.type == MessageType.SESSION_REPORT_REQUEST:
            return self._on_report(message)
        if message.type == MessageType.ASSOCIATION_UPDATE_REQUEST:
            return self._on_update(peer, message)
        return None

    def _on_update(self, peer: Address, message: Message) -> Message:
        """The UPF asks for its release, or takes that back (clauses 6.2.7.3 and 8.2.77: SARR)."""
        read_node_id(message.need(IeType.NODE_ID))
        association = self.associations.get(peer)
        if association is None or not association.up:
            return refusal(message, self._address, Cause.NO_ESTABLISHED_ASSOCIATION)
        asked = message.find(IeType.ASSOCIATION_RELEASE)
        if asked is not None:
            association.is_releasing = bool(read_number(asked) & 1)
            log.info("%s %s to be released", peer[0], "asks" if association.is_releasing else "asks no longer")
            if association.is_releasing:
                self._events.upf_releasing(peer)
            else:
                # Sessions of a UPF that is lost may go there now.
                self.look()
        ies = [node_id(self._address), number(IeType.CAUSE, Cause.ACCEPTED)]
        return Message(MessageType.ASSOCIATION_UPDATE_RESPONSE, message.sequence, None, ies)

    def _on_report(self, message: Message) -> Message:
        up_seid = self._events.reported(message.seid or 0, read_report(message))
        if up_seid is None:
            return refusal(message, self._address, Cause.SESSION_CONTEXT_NOT_FOUND)
        accepted = [number(IeType.CAUSE, Cause.ACCEPTED)]
        return Message(MessageType.SESSION_REPORT_RESPONSE, message.sequence, up_seid, accepted)

    def _lost(self, association: Association, reason: str) -> None:
        self._events.upf_lost(association.peer)
        self.look()

    async def _keep_associated(self) -> None:
        """Associate with every UPF that is found, and again with those that were lost."""
        while True:
            # Before it looks: a change meanwhile has it look again.
            self._changed.clear()
            found = await self._find_upfs()
            for peer in found:
                known = self.associations.get(peer)
                if known is None or not known.up:
                    await self._associate(peer)
            for peer in [peer for peer, association in self.associations.items() if not association.up]:
                if peer in found or self._events.has_sessions(peer):
                    self._events.upf_absent(peer)
                else:
                    # It was removed: neither the NRF nor a session knows it any more.
                    del self.associations[peer]
                    log.info("association with %s forgotten", peer[0])
            some_up = any(association.up for association in self.associations.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DISCOVERY_S if some_up else RETRY_S):
                    await self._changed.wait()

    async def _associate(self, peer: Address) -> None:
        try:
            response = await self.endpoint.request(
                peer,
                MessageType.ASSOCIATION_SETUP_REQUEST,
                [node_id(self._address), number(IeType.RECOVERY_TIME_STAMP, self.recovery_time_stamp)],
            )
            cause = read_number(response.need(IeType.CAUSE))
            if cause != Cause.ACCEPTED:
                raise N4Error("association set-up", cause)
            association = Association(peer, read_number(response.need(IeType.RECOVERY_TIME_STAMP)))
        except (PfcpTimeout, CodecError, N4Error) as error:
            log.warning("no association with %s: %s", peer[0], error)
            return
        self.associations[peer] = association
        self._heartbeats.watch(association)
        log.info("association with %s set up", peer[0])
        self._events.upf_associated(peer)
