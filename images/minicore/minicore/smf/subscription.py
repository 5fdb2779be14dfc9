# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the subscription says about a PDU session, and what the UE gets of it (TS 29.503 clause 6.1.6.2.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..nas.causes import SmCause
from ..nas.qos import PduSessionType
from ..pfcp.qos_ies import BitRates
from ..sbi.message import SbiError

_UNITS = {"bps": 1, "Kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "Tbps": 10**12}
_MAX_KBITS = (1 << 40) - 1
_ANY_DNN = "*"
_IP = frozenset({PduSessionType.IPV4, PduSessionType.IPV6, PduSessionType.IPV4V6})
_CARRIED = _IP | {PduSessionType.ETHERNET}
"""Types that this SMF and its UPFs carry: not unstructured ones."""


class SmRejected(Exception):
    """A session that the UE does not get, with the 5GSM cause; `problem` is the cause of the SBI."""

    def __init__(self, cause: SmCause, detail: str, status: int = 403, problem: str = "SUBSCRIPTION_DENIED") -> None:
        super().__init__(f"{detail} (5GSM cause #{cause.value})")
        self.cause = cause
        self.detail = detail
        self.status = status
        self.problem = problem


def bits_per_s(text: object) -> int:
    """A BitRate of TS 29.571 clause 5.2.2, such as `1.5 Gbps`; ValueError for anything else."""
    number, _, unit = str(text).partition(" ")
    if unit not in _UNITS:
        raise ValueError(f"{text!r} is no bit rate")
    return round(float(number) * _UNITS[unit])


@dataclass(frozen=True, slots=True)
class Qos:
    """Of the default QoS flow and of the whole session; rates in bit/s."""

    five_qi: int
    arp_priority: int
    may_preempt: bool
    is_preemptable: bool
    uplink_bits_per_s: int
    downlink_bits_per_s: int

    @property
    def rates(self) -> BitRates:
        """As PFCP has them, rounded up to kilobits."""
        up, down = -(-self.uplink_bits_per_s // 1000), -(-self.downlink_bits_per_s // 1000)
        return BitRates(min(up, _MAX_KBITS), min(down, _MAX_KBITS))

    def changed(self, ambr: object, default_qos: object) -> Qos:
        """With an Ambr and a 5QI with ARP (TS 29.571) in the place of these, as far as they are there."""
        qos = self
        if isinstance(ambr, dict):
            qos = replace(
                qos,
                uplink_bits_per_s=bits_per_s(ambr["uplink"]),
                downlink_bits_per_s=bits_per_s(ambr["downlink"]),
            )
        if isinstance(default_qos, dict):
            arp = default_qos.get("arp", {})
            qos = replace(
                qos,
                five_qi=int(default_qos.get("5qi", qos.five_qi)),
                arp_priority=int(arp.get("priorityLevel", qos.arp_priority)),
                may_preempt=arp.get("preemptCap", "NOT_PREEMPT") == "MAY_PREEMPT",
                is_preemptable=arp.get("preemptVuln", "NOT_PREEMPTABLE") == "PREEMPTABLE",
            )
        return qos


DEFAULT_QOS = Qos(9, 8, False, False, 10**9, 10**9)


@dataclass(frozen=True, slots=True)
class Subscription:
    """DnnConfiguration (clause 6.1.6.2.9)."""

    default_type: PduSessionType
    allowed_types: frozenset[PduSessionType]
    ssc_modes: tuple[int, ...]
    """The default mode first."""
    qos: Qos

    @classmethod
    def read(cls, document: object, dnn: str) -> Subscription:
        """From sm-data of one slice. SmRejected: it has no such DNN; SbiError: it is malformed."""
        entries: list[Any] = document if isinstance(document, list) else [document]
        try:
            configurations = {
                name: value for entry in entries for name, value in entry.get("dnnConfigurations", {}).items()
            }
            found = configurations.get(dnn, configurations.get(_ANY_DNN))
            if found is None:
                raise SmRejected(SmCause.MISSING_OR_UNKNOWN_DNN, f"no DNN {dnn}", problem="DNN_DENIED")
            return cls._read(found)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SbiError(f"sm-data for {dnn} is malformed: {error!r}") from error

    @classmethod
    def _read(cls, data: dict[str, Any]) -> Subscription:
        types = data["pduSessionTypes"]
        default = PduSessionType[types["defaultSessionType"]]
        allowed = frozenset(PduSessionType[name] for name in types.get("allowedSessionTypes", ())) | {default}
        modes = data.get("sscModes", {"defaultSscMode": "SSC_MODE_1"})
        names = [modes["defaultSscMode"], *modes.get("allowedSscModes", ())]
        ssc_modes = tuple(int(name.removeprefix("SSC_MODE_")) for name in names)
        return cls(default, allowed, ssc_modes, DEFAULT_QOS.changed(data.get("sessionAmbr"), data.get("5gQosProfile")))

    def choose_type(self, requested: int | None) -> tuple[PduSessionType, SmCause | None]:
        """The type that the UE gets, and why it is another one than it wanted (TS 24.501 clause 6.4.1.3)."""
        allowed = self.allowed_types & _CARRIED
        if requested is None:
            if self.default_type not in allowed:
                raise SmRejected(SmCause.UNKNOWN_SESSION_TYPE, f"{self.default_type.name} is not carried")
            return self.default_type, None
        if requested in allowed:
            return PduSessionType(requested), None
        ip = allowed & _IP
        if requested == PduSessionType.IPV4V6 and ip:
            # Both single ones are allowed: one of them now, the UE may ask for the other in a second session.
            if PduSessionType.IPV4 in ip:
                return PduSessionType.IPV4, SmCause.ONLY_IPV4_ALLOWED if len(ip) == 1 else None
            return PduSessionType.IPV6, SmCause.ONLY_IPV6_ALLOWED
        if requested in (PduSessionType.IPV4, PduSessionType.IPV6) and PduSessionType.IPV4V6 in ip:
            return PduSessionType(requested), None
        raise SmRejected(SmCause.UNKNOWN_SESSION_TYPE, f"PDU session type {requested} is not allowed")

    def choose_ssc_mode(self, requested: int | None) -> int:
        """The SSC mode, of which only the first is served: the address stays."""
        if requested in (None, 0):
            return self.ssc_modes[0]
        if requested not in self.ssc_modes:
            raise SmRejected(SmCause.SSC_MODE_NOT_SUPPORTED, f"SSC mode {requested}")
        return int(requested or 1)
