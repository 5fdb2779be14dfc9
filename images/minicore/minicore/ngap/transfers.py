# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""N2 SM information: the transfers of TS 38.413 clause 9.3.4, which SMF and gNB exchange through the AMF."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, ClassVar, Self

from . import kinds, schema
from .bits import AperError
from .errors import ABSTRACT_SYNTAX_ERROR_REJECT, TRANSFER_SYNTAX_ERROR, UNSPECIFIED, Cause, NgapError
from .fields import read_fields, write_fields
from .messages import REJECT
from .values import BitRate, QosFlow, Tunnel


def _write_tunnel(tunnel: Tunnel) -> Any:
    address = ip_address(tunnel.address)
    content = {
        "transportLayerAddress": (int(address), address.max_prefixlen),
        "gTP-TEID": tunnel.teid.to_bytes(4, "big"),
    }
    return ("gTPTunnel", content)


def _read_tunnel(value: Any) -> Tunnel:
    """An address of both families (160 bits, TS 38.414 clause 5.1: IPv4 first) counts by its IPv4 part."""
    alternative, content = value
    if alternative != "gTPTunnel":
        raise ValueError(f"{alternative} is not served")
    number, length = content["transportLayerAddress"]
    if length == 160:
        number, length = number >> 128, 32
    if length not in (32, 128):
        raise ValueError(f"transport layer address of {length} bits")
    return Tunnel(str(ip_address(number.to_bytes(length // 8, "big"))), int.from_bytes(content["gTP-TEID"], "big"))


_MAY_PREEMPT = ("shall-not-trigger-pre-emption", "may-trigger-pre-emption")
_PREEMPTABLE = ("not-pre-emptable", "pre-emptable")


def _write_qos_flow(flow: QosFlow) -> dict[str, Any]:
    return {
        "qosFlowIdentifier": flow.qfi,
        "qosFlowLevelQosParameters": {
            "qosCharacteristics": ("nonDynamic5QI", {"fiveQI": flow.five_qi}),
            "allocationAndRetentionPriority": {
                "priorityLevelARP": flow.arp_priority,
                "pre-emptionCapability": _MAY_PREEMPT[flow.may_preempt],
                "pre-emptionVulnerability": _PREEMPTABLE[flow.is_preemptable],
            },
        },
    }


def _read_qos_flow(value: dict[str, Any]) -> QosFlow:
    parameters = value["qosFlowLevelQosParameters"]
    alternative, characteristics = parameters["qosCharacteristics"]
    if alternative != "nonDynamic5QI":
        raise ValueError(f"{alternative} is not served")
    priority = parameters["allocationAndRetentionPriority"]
    return QosFlow(
        value["qosFlowIdentifier"],
        characteristics["fiveQI"],
        priority["priorityLevelARP"],
        priority["pre-emptionCapability"] == _MAY_PREEMPT[True],
        priority["pre-emptionVulnerability"] == _PREEMPTABLE[True],
    )


_AMBR = kinds.bit_rate("PDUSessionAggregateMaximumBitRate", "pDUSessionAggregateMaximumBitRate")
_FLOWS = kinds.list_of("QosFlowSetupRequestList", kinds.Kind("", _write_qos_flow, _read_qos_flow))
_FLOW_IDS = kinds.list_of(
    "", kinds.Kind("", lambda qfi: {"qosFlowIdentifier": qfi}, lambda value: value["qosFlowIdentifier"])
)
_UL_TUNNEL = 139
_UL_TUNNEL_LIST = 140
_SESSION_TYPE = 134
_QOS_FLOWS = 136
_SESSION_AMBR = 130
_IES = {
    _SESSION_AMBR: _AMBR.name,
    _UL_TUNNEL: "UPTransportLayerInformation",
    _SESSION_TYPE: "PDUSessionType",
    _QOS_FLOWS: _FLOWS.name,
}
"""IEs of the setup request transfer that are served."""


class Transfer:
    """Base: what `n2SmInfo` carries as `application/vnd.3gpp.ngap`."""

    __slots__ = ()
    NAME: ClassVar[str]

    def encode(self) -> bytes:
        """ValueError for a field that NGAP cannot carry."""
        try:
            return self._encode()
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"{self.NAME}: {error}") from error

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """NgapError with the cause of TS 38.413 clause 10 for what is malformed or not served."""
        try:
            return cls._decode(data)
        except NgapError:
            raise
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{cls.NAME}: {error}") from error

    def _encode(self) -> bytes:
        return schema.write(self.NAME, self._write())

    @classmethod
    def _decode(cls, data: bytes) -> Self:
        return cls._read(schema.read(cls.NAME, data))

    def _write(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class SetupRequestTransfer(Transfer):
    """PDU Session Resource Setup Request Transfer, clause 9.3.4.1 (SMF to gNB)."""

    NAME = "PDUSessionResourceSetupRequestTransfer"
    uplink: Tunnel
    """The UPF's end of N3."""
    flows: tuple[QosFlow, ...]
    session_type: str = "ipv4"
    """ipv4, ipv6, ipv4v6, ethernet or unstructured."""
    ambr: BitRate | None = None
    """Must be there where a flow is not GBR."""

    def _encode(self) -> bytes:
        values = [
            (_UL_TUNNEL, _write_tunnel(self.uplink)),
            (_SESSION_TYPE, self.session_type),
            (_QOS_FLOWS, _FLOWS.write(self.flows)),
        ]
        if self.ambr is not None:
            values.insert(0, (_SESSION_AMBR, _AMBR.write(self.ambr)))
        return write_fields([(number, REJECT, schema.write(_IES[number], value)) for number, value in values])

    @classmethod
    def _decode(cls, data: bytes) -> Self:
        try:
            fields = read_fields(data)
        except AperError as error:
            raise NgapError(TRANSFER_SYNTAX_ERROR, f"{cls.NAME}: {error}") from error
        ies: dict[int, Any] = {}
        for number, criticality, content in fields:
            if number in _IES:
                ies[number] = schema.read(_IES[number], content)
            elif criticality == REJECT:
                raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{cls.NAME}: IE {number} is not served")
        ambr = ies.get(_SESSION_AMBR)
        return cls(
            _read_tunnel(ies[_UL_TUNNEL]),
            _FLOWS.read(ies[_QOS_FLOWS]),
            ies[_SESSION_TYPE],
            None if ambr is None else _AMBR.read(ambr),
        )


@dataclass(frozen=True, slots=True)
class SetupResponseTransfer(Transfer):
    """PDU Session Resource Setup Response Transfer, clause 9.3.4.2 (gNB to SMF)."""

    NAME = "PDUSessionResourceSetupResponseTransfer"
    downlink: Tunnel
    """The gNB's end of N3."""
    flows: tuple[int, ...]
    """QFIs that were set up."""

    def _write(self) -> dict[str, Any]:
        tunnel = {
            "uPTransportLayerInformation": _write_tunnel(self.downlink),
            "associatedQosFlowList": _FLOW_IDS.write(self.flows),
        }
        return {"dLQosFlowPerTNLInformation": tunnel}

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        tunnel = value["dLQosFlowPerTNLInformation"]
        flows = _FLOW_IDS.read(tunnel["associatedQosFlowList"])
        return cls(_read_tunnel(tunnel["uPTransportLayerInformation"]), flows)


@dataclass(frozen=True, slots=True)
class ModifyRequestTransfer(Transfer):
    """PDU Session Resource Modify Request Transfer, clause 9.3.4.3 (SMF to gNB), as far as the UPF's end changes."""

    NAME = "PDUSessionResourceModifyRequestTransfer"
    uplink: Tunnel
    """The UPF's new end of N3."""
    downlink: Tunnel
    """The gNB's end, which names the tunnel that changes."""

    def _encode(self) -> bytes:
        item = {
            "uL-NGU-UP-TNLInformation": _write_tunnel(self.uplink),
            "dL-NGU-UP-TNLInformation": _write_tunnel(self.downlink),
        }
        return write_fields([(_UL_TUNNEL_LIST, REJECT, schema.write("UL-NGU-UP-TNLModifyList", [item]))])

    @classmethod
    def _decode(cls, data: bytes) -> Self:
        try:
            fields = read_fields(data)
        except AperError as error:
            raise NgapError(TRANSFER_SYNTAX_ERROR, f"{cls.NAME}: {error}") from error
        items: list[Any] = []
        for number, criticality, content in fields:
            if number == _UL_TUNNEL_LIST:
                items = schema.read("UL-NGU-UP-TNLModifyList", content)
            elif criticality == REJECT:
                raise NgapError(ABSTRACT_SYNTAX_ERROR_REJECT, f"{cls.NAME}: IE {number} is not served")
        return cls(
            _read_tunnel(items[0]["uL-NGU-UP-TNLInformation"]), _read_tunnel(items[0]["dL-NGU-UP-TNLInformation"])
        )


@dataclass(frozen=True, slots=True)
class ModifyResponseTransfer(Transfer):
    """PDU Session Resource Modify Response Transfer, clause 9.3.4.4 (gNB to SMF)."""

    NAME = "PDUSessionResourceModifyResponseTransfer"
    downlink: Tunnel | None = None
    uplink: Tunnel | None = None

    def _write(self) -> dict[str, Any]:
        tunnels = {"dL-NGU-UP-TNLInformation": self.downlink, "uL-NGU-UP-TNLInformation": self.uplink}
        return {name: _write_tunnel(tunnel) for name, tunnel in tunnels.items() if tunnel is not None}

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        downlink, uplink = value.get("dL-NGU-UP-TNLInformation"), value.get("uL-NGU-UP-TNLInformation")
        return cls(
            None if downlink is None else _read_tunnel(downlink), None if uplink is None else _read_tunnel(uplink)
        )


@dataclass(frozen=True, slots=True)
class PathSwitchRequestTransfer(Transfer):
    """Clause 9.3.4.8 (target gNB to SMF)."""

    NAME = "PathSwitchRequestTransfer"
    downlink: Tunnel
    flows: tuple[int, ...]

    def _write(self) -> dict[str, Any]:
        return {
            "dL-NGU-UP-TNLInformation": _write_tunnel(self.downlink),
            "qosFlowAcceptedList": _FLOW_IDS.write(self.flows),
        }

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        flows = _FLOW_IDS.read(value["qosFlowAcceptedList"])
        return cls(_read_tunnel(value["dL-NGU-UP-TNLInformation"]), flows)


@dataclass(frozen=True, slots=True)
class PathSwitchAcknowledgeTransfer(Transfer):
    """Path Switch Request Acknowledge Transfer, clause 9.3.4.9 (SMF to target gNB)."""

    NAME = "PathSwitchRequestAcknowledgeTransfer"
    uplink: Tunnel | None = None
    """Where the UPF's end changes."""

    def _write(self) -> dict[str, Any]:
        return {} if self.uplink is None else {"uL-NGU-UP-TNLInformation": _write_tunnel(self.uplink)}

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        uplink = value.get("uL-NGU-UP-TNLInformation")
        return cls(None if uplink is None else _read_tunnel(uplink))


@dataclass(frozen=True, slots=True)
class ReleaseResponseTransfer(Transfer):
    """PDU Session Resource Release Response Transfer, clause 9.3.4.21: empty."""

    NAME = "PDUSessionResourceReleaseResponseTransfer"

    def _write(self) -> dict[str, Any]:
        return {}

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        return cls()


@dataclass(frozen=True, slots=True)
class CauseTransfer(Transfer):
    """Base of the transfers that hold a cause."""

    cause: Cause = UNSPECIFIED

    def _write(self) -> dict[str, Any]:
        return {"cause": kinds.CAUSE.write(self.cause)}

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        return cls(kinds.CAUSE.read(value["cause"]))


class SetupUnsuccessfulTransfer(CauseTransfer):
    """PDU Session Resource Setup Unsuccessful Transfer, clause 9.3.4.16 (gNB to SMF)."""

    __slots__ = ()
    NAME = "PDUSessionResourceSetupUnsuccessfulTransfer"


class ModifyUnsuccessfulTransfer(CauseTransfer):
    """PDU Session Resource Modify Unsuccessful Transfer, clause 9.3.4.22 (gNB to SMF)."""

    __slots__ = ()
    NAME = "PDUSessionResourceModifyUnsuccessfulTransfer"


class ReleaseCommandTransfer(CauseTransfer):
    """PDU Session Resource Release Command Transfer, clause 9.3.4.12 (SMF to gNB)."""

    __slots__ = ()
    NAME = "PDUSessionResourceReleaseCommandTransfer"


class SwitchSetupFailedTransfer(CauseTransfer):
    """Path Switch Request Setup Failed Transfer, clause 9.3.4.15 (gNB to SMF)."""

    __slots__ = ()
    NAME = "PathSwitchRequestSetupFailedTransfer"


class SwitchUnsuccessfulTransfer(CauseTransfer):
    """Path Switch Request Unsuccessful Transfer, clause 9.3.4.20 (SMF to gNB)."""

    __slots__ = ()
    NAME = "PathSwitchRequestUnsuccessfulTransfer"
