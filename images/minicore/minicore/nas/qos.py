# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QoS rules, QoS flow descriptions, session AMBR and PDU address (TS 24.501 clauses 9.11.4.10 to 9.11.4.14)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from .ie import Codec
from .values import listed


class PduSessionType(IntEnum):
    """Table 9.11.4.11.1."""

    IPV4 = 1
    IPV6 = 2
    IPV4V6 = 3
    UNSTRUCTURED = 4
    ETHERNET = 5


class Operation(IntEnum):
    """Of a QoS rule (3 bits, table 9.11.4.13.1) and of a QoS flow description."""

    CREATE = 1
    DELETE = 2
    MODIFY = 3


_DOWNLINK_AND_UPLINK: Final = 3
_MATCH_ALL: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """Attributes: `direction` 1 downlink, 2 uplink, 3 both; `components` as they are encoded."""

    identifier: int
    direction: int = _DOWNLINK_AND_UPLINK
    components: bytes = _MATCH_ALL


@dataclass(frozen=True, slots=True)
class QosRule:
    """Which packets go to which QoS flow; filters of an operation other than creating are not decoded."""

    identifier: int
    qfi: int | None
    precedence: int | None = 255
    is_default: bool = True
    filters: tuple[PacketFilter, ...] = (PacketFilter(1),)
    operation: int = Operation.CREATE


def _write_rule(rule: QosRule) -> bytes:
    parts = [bytes((rule.operation << 5 | rule.is_default << 4 | len(rule.filters),))]
    for filter_ in rule.filters:
        head = bytes((filter_.direction << 4 | filter_.identifier, len(filter_.components)))
        parts.append(head + filter_.components)
    parts += [bytes((value,)) for value in (rule.precedence, rule.qfi) if value is not None]
    encoded = b"".join(parts)
    return bytes((rule.identifier,)) + len(encoded).to_bytes(2, "big") + encoded


def _read_rule(data: bytes) -> QosRule:
    operation, is_default, count = data[3] >> 5, bool(data[3] & 0x10), data[3] & 0x0F
    filters, offset = [], 4
    if operation == Operation.CREATE:
        for _ in range(count):
            end = offset + 2 + data[offset + 1]
            if end > len(data):
                raise ValueError("a packet filter does not end where it should")
            filters.append(PacketFilter(data[offset] & 0x0F, data[offset] >> 4 & 3, data[offset + 2 : end]))
            offset = end
        precedence, qfi = data[offset], data[offset + 1] & 0x3F
        return QosRule(data[0], qfi, precedence, is_default, tuple(filters), operation)
    return QosRule(data[0], None, None, is_default, (), operation)


QOS_RULES: Final[Codec[tuple[QosRule, ...]]] = listed(
    lambda data, at: 3 + (data[at + 1] << 8 | data[at + 2]), Codec(_write_rule, _read_rule), 255
)

_FIVE_QI: Final = 1


@dataclass(frozen=True, slots=True)
class QosFlow:
    """Description of a QoS flow.

    Attributes:
        parameters: further ones than the 5QI, for example GFBR: identifier and encoded value.
    """

    qfi: int
    five_qi: int | None
    operation: int = Operation.CREATE
    parameters: tuple[tuple[int, bytes], ...] = ()


def _write_flow(flow: QosFlow) -> bytes:
    parameters = list(flow.parameters)
    if flow.five_qi is not None:
        parameters.insert(0, (_FIVE_QI, bytes((flow.five_qi,))))
    has_list = 0x40 if parameters else 0
    head = bytes((flow.qfi, flow.operation << 5, has_list | len(parameters)))
    return head + b"".join(bytes((identifier, len(value))) + value for identifier, value in parameters)


def _flow_length(data: bytes, at: int) -> int:
    end = at + 3
    for _ in range(data[at + 2] & 0x3F):
        end += 2 + data[end + 1]
    return end - at


def _read_flow(data: bytes) -> QosFlow:
    parameters, offset, five_qi = [], 3, None
    while offset < len(data):
        end = offset + 2 + data[offset + 1]
        value = data[offset + 2 : end]
        if data[offset] == _FIVE_QI:
            five_qi = value[0]
        else:
            parameters.append((data[offset], value))
        offset = end
    return QosFlow(data[0] & 0x3F, five_qi, data[1] >> 5, tuple(parameters))


QOS_FLOWS: Final[Codec[tuple[QosFlow, ...]]] = listed(_flow_length, Codec(_write_flow, _read_flow), 64)

_UNIT_BITS_PER_S: Final[tuple[int, ...]] = tuple(int(1000 ** (1 + step // 5) * 4 ** (step % 5)) for step in range(25))
"""1, 4, 16, 64 and 256 of kbit/s, then of Mbit/s and so on; the first has the number 1."""


@dataclass(frozen=True, slots=True)
class SessionAmbr:
    """Aggregate maximum bit rate of a session, in bit/s; rounded up to what can be encoded."""

    downlink_bits_per_s: int
    uplink_bits_per_s: int


def _write_rate(bits_per_s: int) -> bytes:
    for number, size in enumerate(_UNIT_BITS_PER_S, 1):
        count = -(-bits_per_s // size)
        if count <= 0xFFFF:
            return bytes((number,)) + count.to_bytes(2, "big")
    raise ValueError(f"{bits_per_s} bit/s is too much")


def _read_rate(data: bytes) -> int:
    """Unit 0 is 'not used'; higher units than there are mean the highest (table 9.11.4.14.1)."""
    if not data[0]:
        return 0
    return _UNIT_BITS_PER_S[min(data[0], len(_UNIT_BITS_PER_S)) - 1] * (data[1] << 8 | data[2])


def _read_ambr(data: bytes) -> SessionAmbr:
    if len(data) != 6:
        raise ValueError(f"a session AMBR has 6 bytes, not {len(data)}")
    return SessionAmbr(_read_rate(data), _read_rate(data[3:]))


AMBR: Final = Codec(
    lambda ambr: _write_rate(ambr.downlink_bits_per_s) + _write_rate(ambr.uplink_bits_per_s), _read_ambr
)


@dataclass(frozen=True, slots=True)
class PduAddress:
    """What the UE gets: an IPv4 address, an IPv6 interface identifier (8 bytes), or both."""

    ipv4: str | None = None
    interface_id: bytes | None = None


def _write_address(address: PduAddress) -> bytes:
    ipv4 = b"" if address.ipv4 is None else ipaddress.IPv4Address(address.ipv4).packed
    interface_id = address.interface_id or b""
    kinds = {(4, 0): PduSessionType.IPV4, (0, 8): PduSessionType.IPV6, (4, 8): PduSessionType.IPV4V6}
    kind = kinds.get((len(ipv4), len(interface_id)))
    if kind is None:
        raise ValueError("a PDU address has an IPv4 address, 8 bytes of interface identifier, or both")
    return bytes((kind,)) + interface_id + ipv4


def _read_address(data: bytes) -> PduAddress:
    """Without the SMF's link-local address, which may follow."""
    kind = data[0] & 7
    length = {PduSessionType.IPV4: 5, PduSessionType.IPV6: 9, PduSessionType.IPV4V6: 13}.get(PduSessionType(kind), 256)
    if len(data) < length:
        raise ValueError(f"{len(data)} bytes are no PDU address")
    ipv4 = None if kind == PduSessionType.IPV6 else ".".join(map(str, data[length - 4 : length]))
    return PduAddress(ipv4, None if kind == PduSessionType.IPV4 else bytes(data[1:9]))


PDU_ADDRESS: Final = Codec(_write_address, _read_address)
