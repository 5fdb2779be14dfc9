# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From information elements to the rules of a session (TS 29.244 clauses 7.5.2 and 7.5.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..pfcp.codec import Ie, IeType, Message, MissingIe
from ..pfcp.ies import (
    Interface,
    Teid,
    UeAddress,
    read_apply_action,
    read_f_teid,
    read_interface,
    read_number,
    read_outer_header_creation,
    read_ue_ip_address,
)
from ..pfcp.qos_ies import Method, read_gate_status, read_mbr, read_trigger, read_volume
from .qos import Qer
from .rules import Far, Pdr, Rules
from .usage import Urr

T = TypeVar("T")

ChooseTeid = Callable[[Teid | None], Teid]


class UnknownRule(Exception):
    """A rule is updated or removed that is not there: type of Failed Rule ID (clause 8.2.80) and id."""

    def __init__(self, kind: int, rule_id: int) -> None:
        super().__init__(f"rule {kind}/{rule_id}")
        self.kind = kind
        self.rule_id = rule_id


def create_rules(message: Message, rules: Rules, choose_teid: ChooseTeid) -> list[Pdr]:
    """Read the Create elements of a request into `rules`; return the new PDRs. `choose_teid` takes the wanted one."""
    for ie in message.all(IeType.CREATE_FAR):
        far = _read_far(ie)
        rules.fars[far.far_id] = far
    for ie in message.all(IeType.CREATE_QER):
        qer = Qer(read_number(ie.need(IeType.QER_ID)), *read_gate_status(ie.need(IeType.GATE_STATUS)))
        _set_qer(qer, ie)
        rules.qers[qer.qer_id] = qer
    for ie in message.all(IeType.CREATE_URR):
        urr = Urr(
            read_number(ie.need(IeType.URR_ID)),
            Method(read_number(ie.need(IeType.MEASUREMENT_METHOD)) & 3),
            read_trigger(ie.need(IeType.REPORTING_TRIGGERS)),
        )
        _set_urr(urr, ie)
        rules.urrs[urr.urr_id] = urr
    created = [_read_pdr(ie, choose_teid) for ie in message.all(IeType.CREATE_PDR)]
    for pdr in created:
        rules.pdrs[pdr.pdr_id] = pdr
    return created


def update_rules(message: Message, rules: Rules) -> None:
    """Apply the Remove and Update elements of a request to `rules`, of which each changed rule is a copy."""
    _remove(message, IeType.REMOVE_PDR, IeType.PDR_ID, rules.pdrs, 0)
    _remove(message, IeType.REMOVE_FAR, IeType.FAR_ID, rules.fars, 1)
    _remove(message, IeType.REMOVE_QER, IeType.QER_ID, rules.qers, 2)
    _remove(message, IeType.REMOVE_URR, IeType.URR_ID, rules.urrs, 3)
    for ie in message.all(IeType.UPDATE_FAR):
        far = _known(rules.fars, read_number(ie.need(IeType.FAR_ID)), 1).copy()
        action = ie.find(IeType.APPLY_ACTION)
        if action is not None:
            far.apply(read_apply_action(action))
        _set_forwarding(far, ie.find(IeType.UPDATE_FORWARDING_PARAMETERS))
        rules.fars[far.far_id] = far
    for ie in message.all(IeType.UPDATE_QER):
        qer = replace(_known(rules.qers, read_number(ie.need(IeType.QER_ID)), 2))
        _set_qer(qer, ie)
        rules.qers[qer.qer_id] = qer
    for ie in message.all(IeType.UPDATE_URR):
        urr = replace(_known(rules.urrs, read_number(ie.need(IeType.URR_ID)), 3))
        _set_urr(urr, ie)
        rules.urrs[urr.urr_id] = urr
    for ie in message.all(IeType.UPDATE_PDR):
        pdr = replace(_known(rules.pdrs, read_number(ie.need(IeType.PDR_ID)), 0))
        _set_pdr(pdr, ie)
        rules.pdrs[pdr.pdr_id] = pdr


def _known(rules: dict[int, T], rule_id: int, kind: int) -> T:
    rule = rules.get(rule_id)
    if rule is None:
        raise UnknownRule(kind, rule_id)
    return rule


def _remove(message: Message, removal: IeType, id_type: IeType, rules: dict[int, T], kind: int) -> None:
    for ie in message.all(removal):
        rule_id = read_number(ie.need(id_type))
        _known(rules, rule_id, kind)
        del rules[rule_id]


def _read_pdr(ie: Ie, choose_teid: ChooseTeid) -> Pdr:
    pdi = ie.need(IeType.PDI)
    source = read_interface(pdi.need(IeType.SOURCE_INTERFACE))
    pdr_id, far_id = read_number(ie.need(IeType.PDR_ID)), read_number(ie.need(IeType.FAR_ID))
    information = pdi.find(IeType.ETHERNET_PDU_SESSION_INFORMATION)
    ethernet = information is not None and bool(read_number(information) & 1)
    address = UeAddress() if ethernet else read_ue_ip_address(pdi.need(IeType.UE_IP_ADDRESS))
    teid = None
    if source is Interface.ACCESS:
        teid = choose_teid(read_f_teid(pdi.need(IeType.F_TEID)))
    pdr = Pdr(pdr_id, far_id, source, teid, address.ipv4, address.prefix, ethernet)
    _set_pdr(pdr, ie)
    return pdr


def _set_pdr(pdr: Pdr, ie: Ie) -> None:
    far_id = ie.find(IeType.FAR_ID)
    if far_id is not None:
        pdr.far_id = read_number(far_id)
    qers, urrs = ie.all(IeType.QER_ID), ie.all(IeType.URR_ID)
    if qers:
        pdr.qer_ids = tuple(map(read_number, qers))
    if urrs:
        pdr.urr_ids = tuple(map(read_number, urrs))


def _read_far(ie: Ie) -> Far:
    far = Far(read_number(ie.need(IeType.FAR_ID)), read_apply_action(ie.need(IeType.APPLY_ACTION)), Interface.CORE)
    parameters = ie.find(IeType.FORWARDING_PARAMETERS)
    if far.forwards and parameters is None:
        raise MissingIe(IeType.FORWARDING_PARAMETERS)
    _set_forwarding(far, parameters)
    return far


def _set_forwarding(far: Far, parameters: Ie | None) -> None:
    if parameters is None:
        return
    destination = parameters.find(IeType.DESTINATION_INTERFACE)
    if destination is not None:
        far.destination = read_interface(destination)
    outer = parameters.find(IeType.OUTER_HEADER_CREATION)
    if outer is not None:
        far.outer = read_outer_header_creation(outer)


def _set_qer(qer: Qer, ie: Ie) -> None:
    gates, rates, qfi = ie.find(IeType.GATE_STATUS), ie.find(IeType.MBR), ie.find(IeType.QFI)
    if gates is not None:
        qer.uplink_open, qer.downlink_open = read_gate_status(gates)
    if rates is not None:
        qer.limit(read_mbr(rates))
    if qfi is not None:
        qer.qfi = read_number(qfi) & 0x3F


def _set_urr(urr: Urr, ie: Ie) -> None:
    triggers, threshold, quota = (
        ie.find(kind) for kind in (IeType.REPORTING_TRIGGERS, IeType.VOLUME_THRESHOLD, IeType.VOLUME_QUOTA)
    )
    if triggers is not None:
        urr.triggers = read_trigger(triggers)
    if threshold is not None:
        urr.threshold = read_volume(threshold)
    if quota is not None:
        urr.grant(read_volume(quota))
    time_threshold, time_quota, period = (
        ie.find(kind) for kind in (IeType.TIME_THRESHOLD, IeType.TIME_QUOTA, IeType.MEASUREMENT_PERIOD)
    )
    if time_threshold is not None:
        urr.time_threshold_s = read_number(time_threshold)
    if time_quota is not None:
        urr.time_quota_s = read_number(time_quota)
        urr.exhausted = False
    if period is not None:
        urr.period_s = read_number(period)
