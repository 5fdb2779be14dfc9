# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UPF's side of N4: answers associations, heartbeats and session requests (TS 29.244 clauses 6.2 and 6.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from ..pfcp.association import Association, Heartbeats
from ..pfcp.codec import CodecError, Ie, IeType, Message, MessageType
from ..pfcp.endpoint import Address, PfcpEndpoint, PfcpTimeout
from ..pfcp.ies import (
    DROP_BUFFERED,
    FEATURE_EMPU,
    FEATURE_FTUP,
    SEND_END_MARKERS,
    Cause,
    Seid,
    Teid,
    f_seid,
    f_teid,
    group,
    node_id,
    number,
    read_f_seid,
    read_node_id,
    read_number,
    up_function_features,
)
from ..pfcp.qos_ies import Trigger
from ..pfcp.refusal import refusal, refusal_of
from .reports import Reports
from .rule_reader import UnknownRule, create_rules, update_rules
from .rules import N4Session, Pdr, Rules, RuleTable

log = logging.getLogger(__name__)


class PacketSide(Protocol):
    """What a change of rules asks of the user plane."""

    reports: Reports | None
    has_ethernet: bool

    def flush(self, session: N4Session) -> None: ...

    def end_marker(self, tunnel: Teid) -> None: ...

    def take_received(self) -> None: ...


class N4Responder:
    def __init__(
        self, rules: RuleTable, packets: PacketSide, address: str, recovery_time_stamp: int, heartbeat_s: float
    ) -> None:
        self._rules = rules
        self._packets = packets
        self._address = address
        self.recovery_time_stamp = recovery_time_stamp
        self.endpoint = PfcpEndpoint(self.handle)
        self.reports = packets.reports = Reports(self.endpoint, self._on_unknown)
        self._heartbeats = Heartbeats(self.endpoint, recovery_time_stamp, heartbeat_s, self._on_lost)
        self.associations: dict[Address, Association] = {}
        self.is_draining = False
        self._asking: set[asyncio.Task[None]] = set()
        self._handlers: dict[int, Callable[[Address, Message], Message]] = {
            MessageType.HEARTBEAT_REQUEST: self._heartbeat,
            MessageType.ASSOCIATION_SETUP_REQUEST: self._set_up,
            MessageType.ASSOCIATION_RELEASE_REQUEST: self._release,
            MessageType.SESSION_ESTABLISHMENT_REQUEST: self._establish,
            MessageType.SESSION_MODIFICATION_REQUEST: self._modify,
            MessageType.SESSION_DELETION_REQUEST: self._delete,
        }

    @property
    def is_drained(self) -> bool:
        """Whether it was asked to drain, and no SMF and no session is left."""
        return self.is_draining and not self._rules.sessions and not self.associations

    def drain(self, is_draining: bool) -> None:
        """Ask the SMFs to move their sessions away and to release the associations, or take that back."""
        self.is_draining = is_draining
        for association in self.associations.values():
            task = asyncio.get_running_loop().create_task(self._ask(association))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, association: Association) -> None:
        """Association Update Request with SARR (TS 29.244 clauses 6.2.7.3 and 8.2.77)."""
        ies = [node_id(self._address), number(IeType.ASSOCIATION_RELEASE, int(self.is_draining))]
        try:
            await self.endpoint.request(association.peer, MessageType.ASSOCIATION_UPDATE_REQUEST, ies)
            association.is_releasing = self.is_draining
        except PfcpTimeout as error:
            self._heartbeats.lose(association, str(error))

    def stop(self) -> None:
        for task in self._asking:
            task.cancel()
        self._heartbeats.stop()
        self.reports.stop()
        self.endpoint.stop()

    def handle(self, peer: Address, message: Message) -> Message | None:
        """The response to a request; also to one that is wrong."""
        handler = self._handlers.get(message.type)
        if handler is None:
            return None
        try:
            return handler(peer, message)
        except UnknownRule as error:
            return self._refuse(message, Cause.RULE_FAILURE, failed_rule(error.kind, error.rule_id))
        except CodecError as error:
            log.warning("from %s: %s", peer[0], error)
            return refusal_of(message, self._address, error, self._peer_seid(message))

    def _refuse(self, message: Message, cause: Cause, *details: Ie) -> Message:
        return refusal(message, self._address, cause, *details, seid=self._peer_seid(message))

    def _peer_seid(self, message: Message) -> int:
        session = self._rules.sessions.get(message.seid or 0)
        return 0 if session is None else session.cp_seid.seid

    def _forget(self, sessions: Iterable[N4Session]) -> None:
        for session in sessions:
            self.reports.forget(session)

    def _on_unknown(self, session: N4Session) -> None:
        """Its SMF has lost it, or could not delete it: nobody would ever delete it."""
        if self._rules.sessions.get(session.up_seid) is session:
            self._rules.remove(session)
            self._forget([session])

    def _on_lost(self, association: Association, reason: str) -> None:
        self._heartbeats.forget(association)
        # An SMF that comes back sets a new one up, perhaps from another address.
        self.associations.pop(association.peer, None)
        gone = self._rules.remove_all_of(association.peer)
        self._forget(gone)
        log.warning("%d sessions of %s dropped", len(gone), association.peer[0])

    def _heartbeat(self, peer: Address, message: Message) -> Message:
        return self._heartbeats.on_request(self.associations.get(peer), message)

    def _set_up(self, peer: Address, message: Message) -> Message:
        read_node_id(message.need(IeType.NODE_ID))
        if self.is_draining:
            return self._refuse(message, Cause.NO_RESOURCES)
        association = Association(peer, read_number(message.need(IeType.RECOVERY_TIME_STAMP)))
        # Clause 6.2.6.2.2: a second set-up ends the first association and its sessions.
        gone = self._rules.remove_all_of(peer)
        self._forget(gone)
        self.associations[peer] = association
        self._heartbeats.watch(association)
        log.info("association with %s set up, %d older sessions dropped", peer[0], len(gone))
        return Message(
            MessageType.ASSOCIATION_SETUP_RESPONSE,
            message.sequence,
            None,
            [
                node_id(self._address),
                number(IeType.CAUSE, Cause.ACCEPTED),
                number(IeType.RECOVERY_TIME_STAMP, self.recovery_time_stamp),
                up_function_features(FEATURE_FTUP, FEATURE_EMPU),
            ],
        )

    def _release(self, peer: Address, message: Message) -> Message:
        association = self.associations.pop(peer, None)
        if association is None:
            return self._refuse(message, Cause.NO_ESTABLISHED_ASSOCIATION)
        association.up = False
        self._heartbeats.forget(association)
        gone = self._rules.remove_all_of(peer)
        self._forget(gone)
        log.info("association with %s released, %d sessions dropped", peer[0], len(gone))
        return self._accept(message, node_id(self._address))

    def _establish(self, peer: Address, message: Message) -> Message:
        association = self.associations.get(peer)
        if association is None or not association.up:
            return self._refuse(message, Cause.NO_ESTABLISHED_ASSOCIATION)
        read_node_id(message.need(IeType.NODE_ID))
        cp_seid = read_f_seid(message.need(IeType.F_SEID))
        rules = Rules()
        created = create_rules(message, rules, self._choose_teid)
        refused = self._problem(message, rules)
        if refused is not None:
            return refused
        session = N4Session(self._rules.allocate_seid(), cp_seid, peer, rules)
        self._rules.add(session)
        self.reports.watch(session)
        return self._accept(
            message,
            node_id(self._address),
            f_seid(Seid(session.up_seid, self._address)),
            *_created(created),
            seid=session.cp_seid.seid,
        )

    def _choose_teid(self, wanted: Teid | None) -> Teid:
        """Of a restored session (TS 23.527 clause 4.3.2) the one that the gNB knows, unless it was given away since."""
        if wanted is not None and wanted.address == self._rules.n3_address and wanted.teid not in self._rules.uplink:
            return wanted
        return self._rules.allocate_teid()

    def _problem(self, message: Message, rules: Rules) -> Message | None:
        missing = rules.missing()
        if missing is not None:
            return self._refuse(message, Cause.RULE_FAILURE, failed_rule(*missing))
        if not rules.pdrs:
            return self._refuse(message, Cause.RULE_FAILURE)
        if not self._packets.has_ethernet and any(pdr.ethernet for pdr in rules.pdrs.values()):
            return self._refuse(message, Cause.SERVICE_NOT_SUPPORTED)
        return None

    def _modify(self, peer: Address, message: Message) -> Message:
        session = self._rules.sessions.get(message.seid or 0)
        if session is None:
            return self._refuse(message, Cause.SESSION_CONTEXT_NOT_FOUND)
        rules = session.rules.copy()
        update_rules(message, rules)
        created = create_rules(message, rules, self._choose_teid)
        refused = self._problem(message, rules)
        if refused is not None:
            return refused
        queried = [read_number(ie.need(IeType.URR_ID)) for ie in message.all(IeType.QUERY_URR)]
        flags = message.find(IeType.PFCPSMREQ_FLAGS)
        self._change(session, rules, 0 if flags is None else read_number(flags))
        if message.all(IeType.CREATE_URR) or message.all(IeType.UPDATE_URR) or message.all(IeType.REMOVE_URR):
            self.reports.watch(session)
        usage = [
            self.reports.measured(rules.urrs[urr_id], IeType.USAGE_REPORT_MODIFICATION, Trigger.IMMEDIATE)
            for urr_id in queried
            if urr_id in rules.urrs
        ]
        return self._accept(message, *_created(created), *usage, seid=session.cp_seid.seid)

    def _change(self, session: N4Session, rules: Rules, flags: int) -> None:
        """Put new rules in force; then deliver or drop what waits for them, and end the former tunnels."""
        former = session.fars
        self._rules.replace(session, rules)
        if flags & SEND_END_MARKERS:
            for far_id, far in former.items():
                if (
                    far.forwards
                    and far.outer is not None
                    and far_id in rules.fars
                    and rules.fars[far_id].outer != far.outer
                ):
                    self._packets.end_marker(far.outer)
        downlink = [pdr.far for pdr in rules.pdrs.values() if pdr.teid is None]
        if flags & DROP_BUFFERED or not any(far.buffers or far.forwards for far in downlink):
            self._rules.take_buffered(session)
        elif any(far.forwards for far in downlink):
            self._packets.flush(session)
        elif former != rules.fars:
            session.notified = False

    def _delete(self, peer: Address, message: Message) -> Message:
        session = self._rules.sessions.get(message.seid or 0)
        if session is None:
            return self._refuse(message, Cause.SESSION_CONTEXT_NOT_FOUND)
        # N4 may be read before N3: packets that came first would meet no rule, and the gNB an Error Indication.
        self._packets.take_received()
        self._rules.remove(session)
        self.reports.forget(session)
        usage = [
            self.reports.measured(urr, IeType.USAGE_REPORT_DELETION, Trigger.TERMINATION)
            for urr in session.rules.urrs.values()
        ]
        return self._accept(message, *usage, seid=session.cp_seid.seid)

    def _accept(self, message: Message, *ies: Ie, seid: int | None = None) -> Message:
        """Positive response; a Node ID comes before the cause."""
        at = 1 if ies and ies[0].type == IeType.NODE_ID else 0
        return Message(
            message.type + 1, message.sequence, seid, [*ies[:at], number(IeType.CAUSE, Cause.ACCEPTED), *ies[at:]]
        )


def failed_rule(kind: int, rule_id: int) -> Ie:
    """Failed Rule ID (clause 8.2.80); a PDR's id has two octets."""
    return Ie(IeType.FAILED_RULE_ID, bytes((kind,)) + rule_id.to_bytes(4 if kind else 2, "big"))


def _created(pdrs: list[Pdr]) -> list[Ie]:
    return [
        group(IeType.CREATED_PDR, number(IeType.PDR_ID, pdr.pdr_id), f_teid(pdr.teid))
        for pdr in pdrs
        if pdr.teid is not None
    ]
