# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""N1 and N2 parts of the SMF: 5GSM messages (TS 24.501 clause 8.3) and NGAP transfers (TS 38.413 clause 9.3.4)."""

from __future__ import annotations

from ..nas import MmCause, NasDecodeError, decode
from ..nas.gsm import (
    PduSessionEstablishmentAccept,
    PduSessionEstablishmentReject,
    PduSessionReleaseCommand,
    SmStatus,
)
from ..nas.message import SmMessage
from ..nas.qos import PduAddress, PduSessionType, QosFlow, QosRule, SessionAmbr
from ..nas.slice import SNssai
from ..ngap.errors import NORMAL_RELEASE
from ..ngap.transfers import (
    ModifyRequestTransfer,
    PathSwitchAcknowledgeTransfer,
    PathSwitchRequestTransfer,
    ReleaseCommandTransfer,
    SetupRequestTransfer,
    SetupResponseTransfer,
)
from ..ngap.values import BitRate, Tunnel
from ..ngap.values import QosFlow as NgapFlow
from ..pfcp.ies import Teid
from .contexts import N1N2State, SmContext

QFI = 1
"""The default QoS flow, the only one of a session."""


def establishment_accept(context: SmContext, state: N1N2State) -> bytes:
    ipv4 = context.ue_address or None
    address = PduAddress(ipv4, state.interface_id or None) if ipv4 or state.interface_id else None
    qos = state.qos
    return PduSessionEstablishmentAccept(
        pdu_session_id=context.pdu_session_id,
        pti=state.pti,
        ssc_mode=state.ssc_mode,
        session_type=PduSessionType[context.pdu_type],
        qos_rules=(QosRule(1, QFI),),
        ambr=SessionAmbr(qos.downlink_bits_per_s, qos.uplink_bits_per_s),
        cause=state.type_cause,
        address=address,
        slice=SNssai.from_json(context.slice_json()),
        qos_flows=(QosFlow(QFI, qos.five_qi),),
        dnn=context.dnn,
    ).encode()


def establishment_reject(session_id: int, pti: int, cause: int) -> bytes:
    return PduSessionEstablishmentReject(pdu_session_id=session_id, pti=pti, cause=cause).encode()


def release_command(session_id: int, pti: int, cause: int) -> bytes:
    return PduSessionReleaseCommand(pdu_session_id=session_id, pti=pti, cause=cause).encode()


def status(session_id: int, pti: int, cause: int) -> bytes:
    """5GSM STATUS: what the UE sent is not served (clause 6.5.3)."""
    return SmStatus(pdu_session_id=session_id, pti=pti, cause=cause).encode()


def read_n1(data: bytes) -> SmMessage:
    """A 5GSM message; NasDecodeError for anything else."""
    message = decode(data)
    if not isinstance(message, SmMessage):
        raise NasDecodeError(MmCause.MESSAGE_TYPE_NOT_COMPATIBLE, "not a 5GSM message")
    return message


def pti_of(data: bytes) -> int:
    """The procedure transaction identity of a message that does not decode, as far as its header can be read."""
    return data[2] if len(data) > 2 else 0


def setup_request(context: SmContext, state: N1N2State) -> bytes:
    qos = state.qos
    return SetupRequestTransfer(
        Tunnel(context.uplink.address, context.uplink.teid),
        (NgapFlow(QFI, qos.five_qi, qos.arp_priority, qos.may_preempt, qos.is_preemptable),),
        context.pdu_type.lower(),
        BitRate(qos.downlink_bits_per_s, qos.uplink_bits_per_s),
    ).encode()


def modify_request(context: SmContext, gnb: Teid) -> bytes:
    return ModifyRequestTransfer(
        Tunnel(context.uplink.address, context.uplink.teid), Tunnel(gnb.address, gnb.teid)
    ).encode()


def read_setup_response(data: bytes) -> Teid:
    tunnel = SetupResponseTransfer.decode(data).downlink
    return Teid(tunnel.teid, tunnel.address)


def read_path_switch(data: bytes) -> Teid:
    tunnel = PathSwitchRequestTransfer.decode(data).downlink
    return Teid(tunnel.teid, tunnel.address)


def path_switch_acknowledge(context: SmContext) -> bytes:
    return PathSwitchAcknowledgeTransfer(Tunnel(context.uplink.address, context.uplink.teid)).encode()


def release_transfer() -> bytes:
    return ReleaseCommandTransfer(NORMAL_RELEASE).encode()
