# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a PDU session as the SMF asks for them, and what the UPF reports of it (TS 29.244 clause 7.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..pfcp.codec import Ie, IeType, Message
from ..pfcp.ies import (
    RESTORATION,
    ApplyAction,
    Interface,
    PdnType,
    Teid,
    UeAddress,
    apply_action,
    f_teid,
    group,
    number,
    outer_header_creation,
    read_f_teid,
    read_number,
    ue_ip_address,
)
from ..pfcp.qos_ies import (
    BitRates,
    Method,
    ReportType,
    Trigger,
    Volume,
    gate_status,
    mbr,
    read_trigger,
    read_volume,
    trigger,
    volume,
)

UPLINK_PDR, DOWNLINK_PDR = 1, 2
UPLINK_FAR, DOWNLINK_FAR = 1, 2
SESSION_QER, SESSION_URR = 1, 1
PRECEDENCE = 255
# Outer Header Removal: GTP-U/UDP/IPv4 (clause 8.2.64).
_REMOVE_GTPU = 0


@dataclass(frozen=True, slots=True)
class UsagePlan:
    """A report each `threshold_bytes` and `period_s` (0: not by time); `quota_bytes` stop the session (0: none)."""

    threshold_bytes: int
    period_s: int = 0
    quota_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What a UPF is asked for. Without `rates` and `usage` packets pass unlimited and uncounted.

    `restored` is the uplink tunnel that the session had on this UPF before it restarted (TS 23.527 clause 4.3.2).
    Without the tunnel of the `gnb` the downlink is buffered, and reported where it `notifies`.
    """

    address: UeAddress
    ethernet: bool = False
    rates: BitRates | None = None
    qfi: int = 1
    usage: UsagePlan | None = None
    restored: Teid | None = None
    gnb: Teid | None = None
    notifies: bool = False

    @property
    def pdn_type(self) -> PdnType:
        if self.ethernet:
            return PdnType.ETHERNET
        if self.address.prefix:
            return PdnType.IPV4V6 if self.address.ipv4 else PdnType.IPV6
        return PdnType.IPV4


def establishment(plan: SessionPlan) -> list[Ie]:
    """The rules of a Session Establishment Request."""
    rules = [
        group(
            IeType.CREATE_PDR,
            number(IeType.PDR_ID, UPLINK_PDR),
            number(IeType.PRECEDENCE, PRECEDENCE),
            group(
                IeType.PDI,
                number(IeType.SOURCE_INTERFACE, Interface.ACCESS),
                f_teid(plan.restored),
                *_match(plan, destination=False),
            ),
            number(IeType.OUTER_HEADER_REMOVAL, _REMOVE_GTPU),
            number(IeType.FAR_ID, UPLINK_FAR),
            *_applied(plan),
        ),
        group(
            IeType.CREATE_PDR,
            number(IeType.PDR_ID, DOWNLINK_PDR),
            number(IeType.PRECEDENCE, PRECEDENCE),
            group(IeType.PDI, number(IeType.SOURCE_INTERFACE, Interface.CORE), *_match(plan, destination=True)),
            number(IeType.FAR_ID, DOWNLINK_FAR),
            *_applied(plan),
        ),
        group(
            IeType.CREATE_FAR,
            number(IeType.FAR_ID, UPLINK_FAR),
            apply_action(ApplyAction.FORWARD),
            group(IeType.FORWARDING_PARAMETERS, number(IeType.DESTINATION_INTERFACE, Interface.CORE)),
        ),
        group(
            IeType.CREATE_FAR,
            number(IeType.FAR_ID, DOWNLINK_FAR),
            *_downlink(plan.gnb, plan.notifies, is_update=False),
        ),
    ]
    if plan.usage is not None:
        rules.append(_create_urr(plan.usage))
    if plan.rates is not None:
        rules.append(
            group(
                IeType.CREATE_QER,
                number(IeType.QER_ID, SESSION_QER),
                gate_status(uplink_open=True, downlink_open=True),
                mbr(plan.rates),
                number(IeType.QFI, plan.qfi),
            )
        )
    if plan.pdn_type is not PdnType.IPV4:
        rules.append(number(IeType.PDN_TYPE, plan.pdn_type))
    if plan.restored is not None:
        rules.append(number(IeType.PFCPSEREQ_FLAGS, RESTORATION))
    return rules


def downlink_update(gnb: Teid | None, notifies: bool, flags: int) -> list[Ie]:
    """Rules of a Session Modification Request: forward to the gNB's tunnel, or buffer (and report: `notifies`)."""
    rules = [group(IeType.UPDATE_FAR, number(IeType.FAR_ID, DOWNLINK_FAR), *_downlink(gnb, notifies, is_update=True))]
    return [*rules, number(IeType.PFCPSMREQ_FLAGS, flags)] if flags else rules


def rates_update(rates: BitRates) -> list[Ie]:
    return [group(IeType.UPDATE_QER, number(IeType.QER_ID, SESSION_QER), mbr(rates))]


def quota_update(quota_bytes: int) -> list[Ie]:
    quota = volume(IeType.VOLUME_QUOTA, Volume(total=quota_bytes))
    return [group(IeType.UPDATE_URR, number(IeType.URR_ID, SESSION_URR), quota)]


@dataclass(frozen=True, slots=True)
class Usage:
    """One usage report, in octets."""

    uplink: int
    downlink: int
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class Report:
    """A Session Report Request; `error_indication` is the gNB's tunnel that is gone."""

    downlink_data: bool = False
    usage: list[Usage] = field(default_factory=list)
    error_indication: Teid | None = None


def read_usage(message: Message, kind: IeType) -> list[Usage]:
    """The usage reports in a message; one without volume counts as zero."""
    return list(_usage(message.all(kind)))


def read_report(message: Message) -> Report:
    kind = ReportType(read_number(message.need(IeType.REPORT_TYPE)) & 7)
    remote = None
    if ReportType.ERROR_INDICATION in kind:
        remote = read_f_teid(message.need(IeType.ERROR_INDICATION_REPORT).need(IeType.F_TEID))
    return Report(ReportType.DOWNLINK_DATA in kind, read_usage(message, IeType.USAGE_REPORT_REPORT), remote)


def _usage(reports: list[Ie]) -> Iterator[Usage]:
    for ie in reports:
        measured = ie.find(IeType.VOLUME_MEASUREMENT)
        octets = Volume() if measured is None else read_volume(measured)
        yield Usage(octets.uplink or 0, octets.downlink or 0, read_trigger(ie.need(IeType.USAGE_REPORT_TRIGGER)))


def _match(plan: SessionPlan, destination: bool) -> list[Ie]:
    if plan.ethernet:
        return [number(IeType.ETHERNET_PDU_SESSION_INFORMATION, 1)]
    return [ue_ip_address(plan.address, destination)]


def _applied(plan: SessionPlan) -> list[Ie]:
    urr = [number(IeType.URR_ID, SESSION_URR)] if plan.usage is not None else []
    return [*urr, number(IeType.QER_ID, SESSION_QER)] if plan.rates is not None else urr


def _downlink(gnb: Teid | None, notifies: bool, is_update: bool) -> list[Ie]:
    if gnb is None:
        return [apply_action(ApplyAction.BUFFER | ApplyAction.NOTIFY_CP if notifies else ApplyAction.BUFFER)]
    return [
        apply_action(ApplyAction.FORWARD),
        group(
            IeType.UPDATE_FORWARDING_PARAMETERS if is_update else IeType.FORWARDING_PARAMETERS,
            number(IeType.DESTINATION_INTERFACE, Interface.ACCESS),
            outer_header_creation(gnb),
        ),
    ]


def _create_urr(plan: UsagePlan) -> Ie:
    triggers = Trigger.VOLUME_THRESHOLD
    limits = [volume(IeType.VOLUME_THRESHOLD, Volume(total=plan.threshold_bytes))]
    if plan.period_s:
        triggers |= Trigger.PERIODIC
        limits.append(number(IeType.MEASUREMENT_PERIOD, plan.period_s))
    if plan.quota_bytes:
        triggers |= Trigger.VOLUME_QUOTA
        limits.append(volume(IeType.VOLUME_QUOTA, Volume(total=plan.quota_bytes)))
    return group(
        IeType.CREATE_URR,
        number(IeType.URR_ID, SESSION_URR),
        number(IeType.MEASUREMENT_METHOD, Method.DURATION | Method.VOLUME),
        trigger(IeType.REPORTING_TRIGGERS, triggers),
        *limits,
    )
