# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UPF's side of N4: answers associations, heartbeats and session requests (TS 29.244 clauses 6.2 and 6.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..pfcp.association import Association, Heartbeats
from ..pfcp.codec import CodecError, Ie, IeType, Message, MessageType, MissingIe
from ..pfcp.endpoint import Address, PfcpEndpoint
from ..pfcp.ies import (
    FEATURE_FTUP,
    ApplyAction,
    Cause,
    Interface,
    Seid,
    f_seid,
    f_teid,
    group,
    node_id,
    number,
    read_apply_action,
    read_f_seid,
    read_f_teid,
    read_node_id,
    read_number,
    read_outer_header_creation,
    read_ue_ip_address,
    up_function_features,
)
from .rules import Far, N4Session, Pdr, RuleTable

log = logging.getLogger(__name__)


class N4Responder:
    def __init__(self, rules: RuleTable, address: str, recovery_time_stamp: int, heartbeat_s: float) -> None:
        self._rules = rules
        self._address = address
        self._heartbeat_s = heartbeat_s
        self.recovery_time_stamp = recovery_time_stamp
        self.endpoint = PfcpEndpoint(self.handle)
        self._heartbeats = Heartbeats(self.endpoint, recovery_time_stamp, heartbeat_s, self._on_lost)
        self.associations: dict[Address, Association] = {}
        self._handlers: dict[int, Callable[[Address, Message], Message]] = {
            MessageType.HEARTBEAT_REQUEST: self._heartbeat,
            MessageType.ASSOCIATION_SETUP_REQUEST: self._set_up,
            MessageType.ASSOCIATION_RELEASE_REQUEST: self._release,
            MessageType.SESSION_ESTABLISHMENT_REQUEST: self._establish,
            MessageType.SESSION_MODIFICATION_REQUEST: self._modify,
            MessageType.SESSION_DELETION_REQUEST: self._delete,
        }

    def stop(self) -> None:
        self._heartbeats.stop()
        self.endpoint.stop()

    def handle(self, peer: Address, message: Message) -> Message | None:
        """The response to a request; also to one that is wrong."""
        handler = self._handlers.get(message.type)
        if handler is None:
            return None
        try:
            return handler(peer, message)
        except MissingIe as error:
            return self._refuse(message, Cause.MANDATORY_IE_MISSING, number(IeType.OFFENDING_IE, error.kind))
        except CodecError as error:
            log.warning("from %s: %s", peer[0], error)
            return self._refuse(message, Cause.MANDATORY_IE_INCORRECT)

    def _refuse(self, message: Message, cause: Cause, *details: Ie) -> Message:
        seid = None if message.seid is None else 0
        ies = [node_id(self._address), number(IeType.CAUSE, cause), *details]
        return Message(message.type + 1, message.sequence, seid, ies)

    def _on_lost(self, association: Association, reason: str) -> None:
        gone = self._rules.remove_all_of(association.peer)
        log.warning("%d sessions of %s dropped", gone, association.peer[0])

    def _heartbeat(self, peer: Address, message: Message) -> Message:
        return self._heartbeats.on_request(self.associations.get(peer), message)

    def _set_up(self, peer: Address, message: Message) -> Message:
        read_node_id(message.need(IeType.NODE_ID))
        association = Association(peer, read_number(message.need(IeType.RECOVERY_TIME_STAMP)))
        # Clause 6.2.6.2.2: a second set-up ends the first association and its sessions.
        gone = self._rules.remove_all_of(peer)
        self.associations[peer] = association
        self._heartbeats.watch(association)
        log.info("association with %s set up, %d older sessions dropped", peer[0], gone)
        return Message(
            MessageType.ASSOCIATION_SETUP_RESPONSE,
            message.sequence,
            None,
            [
                node_id(self._address),
                number(IeType.CAUSE, Cause.ACCEPTED),
                number(IeType.RECOVERY_TIME_STAMP, self.recovery_time_stamp),
                up_function_features(FEATURE_FTUP),
            ],
        )

    def _release(self, peer: Address, message: Message) -> Message:
        association = self.associations.pop(peer, None)
        if association is None:
            return self._refuse(message, Cause.NO_ESTABLISHED_ASSOCIATION)
        association.up = False
        self._heartbeats.forget(association)
        gone = self._rules.remove_all_of(peer)
        log.info("association with %s released, %d sessions dropped", peer[0], gone)
        return self._accept(message, node_id(self._address))

    def _accept(self, message: Message, *ies: Ie, seid: int | None = None) -> Message:
        first, rest = ies[:1], ies[1:]
        return Message(message.type + 1, message.sequence, seid, [*first, number(IeType.CAUSE, Cause.ACCEPTED), *rest])

    def _establish(self, peer: Address, message: Message) -> Message:
        association = self.associations.get(peer)
        if association is None or not association.up:
            return self._refuse(message, Cause.NO_ESTABLISHED_ASSOCIATION)
        read_node_id(message.need(IeType.NODE_ID))
        session = N4Session(self._rules.allocate_seid(), read_f_seid(message.need(IeType.F_SEID)), peer)
        for ie in message.all(IeType.CREATE_FAR):
            far = _read_far(ie)
            session.fars[far.far_id] = far
        created = []
        for ie in message.all(IeType.CREATE_PDR):
            pdr = self._read_pdr(ie)
            session.pdrs[pdr.pdr_id] = pdr
            if pdr.teid is not None:
                created.append(group(IeType.CREATED_PDR, number(IeType.PDR_ID, pdr.pdr_id), f_teid(pdr.teid)))
        if not session.pdrs or any(pdr.far_id not in session.fars for pdr in session.pdrs.values()):
            return self._refuse(message, Cause.RULE_FAILURE)
        self._rules.add(session)
        return self._accept(
            message,
            node_id(self._address),
            f_seid(Seid(session.up_seid, self._address)),
            *created,
            seid=session.cp_seid.seid,
        )

    def _read_pdr(self, ie: Ie) -> Pdr:
        pdi = ie.need(IeType.PDI)
        source = Interface(read_number(pdi.need(IeType.SOURCE_INTERFACE)))
        teid = None
        if source is Interface.ACCESS:
            teid = read_f_teid(pdi.need(IeType.F_TEID)) or self._rules.allocate_teid()
        return Pdr(
            read_number(ie.need(IeType.PDR_ID)),
            read_number(ie.need(IeType.FAR_ID)),
            source,
            teid,
            read_ue_ip_address(pdi.need(IeType.UE_IP_ADDRESS)),
        )

    def _modify(self, peer: Address, message: Message) -> Message:
        session = self._rules.sessions.get(message.seid or 0)
        if session is None:
            return self._refuse(message, Cause.SESSION_CONTEXT_NOT_FOUND)
        updates = [(read_number(ie.need(IeType.FAR_ID)), ie) for ie in message.all(IeType.UPDATE_FAR)]
        if any(far_id not in session.fars for far_id, _ in updates):
            return self._refuse(message, Cause.RULE_FAILURE)
        for far_id, ie in updates:
            _update_far(session.fars[far_id], ie)
        return self._accept(message, seid=session.cp_seid.seid)

    def _delete(self, peer: Address, message: Message) -> Message:
        session = self._rules.sessions.get(message.seid or 0)
        if session is None:
            return self._refuse(message, Cause.SESSION_CONTEXT_NOT_FOUND)
        self._rules.remove(session)
        return self._accept(message, seid=session.cp_seid.seid)


def _read_far(ie: Ie) -> Far:
    far = Far(read_number(ie.need(IeType.FAR_ID)), read_apply_action(ie.need(IeType.APPLY_ACTION)), Interface.CORE)
    _set_forwarding(far, ie.find(IeType.FORWARDING_PARAMETERS))
    if ApplyAction.FORWARD in far.action and ie.find(IeType.FORWARDING_PARAMETERS) is None:
        raise MissingIe(IeType.FORWARDING_PARAMETERS)
    return far


def _update_far(far: Far, ie: Ie) -> None:
    action = ie.find(IeType.APPLY_ACTION)
    if action is not None:
        far.action = read_apply_action(action)
    _set_forwarding(far, ie.find(IeType.UPDATE_FORWARDING_PARAMETERS))


def _set_forwarding(far: Far, parameters: Ie | None) -> None:
    if parameters is None:
        return
    destination = parameters.find(IeType.DESTINATION_INTERFACE)
    if destination is not None:
        far.destination = Interface(read_number(destination))
    outer = parameters.find(IeType.OUTER_HEADER_CREATION)
    if outer is not None:
        far.outer = read_outer_header_creation(outer)
