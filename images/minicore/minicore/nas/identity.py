# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""5GS mobile identity (TS 24.501 clause 9.11.3.4, TS 23.003)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from .ie import Codec
from .values import bcd, from_bcd, read_plmn, write_plmn


class IdentityType(IntEnum):
    """Type of identity (table 9.11.3.4.1)."""

    NONE = 0
    SUCI = 1
    GUTI = 2
    IMEI = 3
    S_TMSI = 4
    IMEISV = 5
    MAC = 6
    EUI64 = 7


@dataclass(frozen=True, slots=True)
class Suci:
    """A concealed IMSI.

    Attributes:
        plmn: MCC and MNC of the home network, "00101".
        output: MSIN for the null scheme, else the scheme's output in hexadecimal.
        routing_indicator: 1 to 4 digits.
        scheme: protection scheme; 0 is the null scheme.
        key_id: of the home network's public key.
    """

    plmn: str
    output: str
    routing_indicator: str = "0"
    scheme: int = 0
    key_id: int = 0

    def __str__(self) -> str:
        """As SBI messages have it (TS 29.503 clause 6.1.6.3.2)."""
        home = f"{self.plmn[:3]}-{self.plmn[3:]}"
        return f"suci-0-{home}-{self.routing_indicator}-{self.scheme:x}-{self.key_id}-{self.output}"

    @classmethod
    def parse(cls, text: str) -> Suci:
        """From the form of SBI messages. Raises ValueError."""
        found = re.fullmatch(r"suci-0-(\d{3})-(\d{2,3})-(\d{1,4})-([0-9a-f])-(\d{1,3})-([0-9a-f]+)", text, re.ASCII)
        if found is None:
            raise ValueError(f"{text!r} is no SUCI of an IMSI")
        return cls(found[1] + found[2], found[6], found[3], int(found[4], 16), int(found[5]))


@dataclass(frozen=True, slots=True)
class STmsi:
    """5G-S-TMSI."""

    amf_set: int
    amf_pointer: int
    tmsi: int


@dataclass(frozen=True, slots=True)
class Guti5g:
    """5G-GUTI; the PLMN is "00101"."""

    plmn: str
    amf_region: int
    amf_set: int
    amf_pointer: int
    tmsi: int

    @property
    def s_tmsi(self) -> STmsi:
        return STmsi(self.amf_set, self.amf_pointer, self.tmsi)


@dataclass(frozen=True, slots=True)
class Pei:
    """IMEI (15 digits) or IMEISV (16 digits)."""

    digits: str


@dataclass(frozen=True, slots=True)
class NoIdentity:
    """The UE has none of the wanted type."""


@dataclass(frozen=True, slots=True)
class OtherIdentity:
    """An identity of another kind, as its bytes: a SUPI that is no IMSI, a MAC address, an EUI-64."""

    data: bytes


Identity = Suci | Guti5g | STmsi | Pei | NoIdentity | OtherIdentity

_NULL_SCHEME: Final = 0
_IMSI: Final = 0
_GUTI_LENGTH: Final = 11
_S_TMSI_LENGTH: Final = 7


def _write(identity: Identity) -> bytes:
    match identity:
        case Suci():
            output = bcd(identity.output) if identity.scheme == _NULL_SCHEME else bytes.fromhex(identity.output)
            routing = bcd(f"{identity.routing_indicator:f<4}")
            head = write_plmn(identity.plmn) + routing + bytes((identity.scheme, identity.key_id))
            return bytes((_IMSI << 4 | IdentityType.SUCI,)) + head + output
        case Guti5g():
            head = bytes((0xF0 | IdentityType.GUTI,)) + write_plmn(identity.plmn) + bytes((identity.amf_region,))
            return head + _write_set(identity) + identity.tmsi.to_bytes(4, "big")
        case STmsi():
            return bytes((0xF0 | IdentityType.S_TMSI,)) + _write_set(identity) + identity.tmsi.to_bytes(4, "big")
        case Pei():
            kind = IdentityType.IMEI if len(identity.digits) == 15 else IdentityType.IMEISV
            odd = len(identity.digits) % 2
            return bytes((int(identity.digits[0]) << 4 | odd << 3 | kind,)) + bcd(identity.digits[1:])
        case NoIdentity():
            return bytes((IdentityType.NONE,))
        case OtherIdentity():
            return identity.data


def _write_set(identity: Guti5g | STmsi) -> bytes:
    return (identity.amf_set << 6 | identity.amf_pointer).to_bytes(2, "big")


def _read(data: bytes) -> Identity:
    kind = IdentityType(data[0] & 7)
    if kind == IdentityType.SUCI and data[0] >> 4 & 7 == _IMSI:
        return _read_suci(data)
    if kind == IdentityType.GUTI:
        if len(data) != _GUTI_LENGTH:
            raise ValueError(f"a 5G-GUTI has {_GUTI_LENGTH} bytes, not {len(data)}")
        return Guti5g(read_plmn(data[1:4]), data[4], *_read_set(data[5:]))
    if kind == IdentityType.S_TMSI:
        if len(data) != _S_TMSI_LENGTH:
            raise ValueError(f"a 5G-S-TMSI has {_S_TMSI_LENGTH} bytes, not {len(data)}")
        return STmsi(*_read_set(data[1:]))
    if kind in (IdentityType.IMEI, IdentityType.IMEISV):
        digits = f"{data[0] >> 4:x}{from_bcd(data[1:])}"
        if not digits.isdecimal() or len(digits) != (15 if kind == IdentityType.IMEI else 16):
            raise ValueError(f"{digits} is no {kind.name}")
        return Pei(digits)
    return NoIdentity() if kind == IdentityType.NONE else OtherIdentity(bytes(data))


def _read_set(data: bytes) -> tuple[int, int, int]:
    return data[0] << 2 | data[1] >> 6, data[1] & 0x3F, int.from_bytes(data[2:], "big")


def _read_suci(data: bytes) -> Suci:
    if len(data) < 9:
        raise ValueError(f"a SUCI has 9 bytes at least, not {len(data)}")
    scheme = data[6] & 0x0F
    output = from_bcd(data[8:]) if scheme == _NULL_SCHEME else data[8:].hex()
    return Suci(read_plmn(data[1:4]), output, _read_routing_indicator(data[4:6]), scheme, data[7])


def _read_routing_indicator(data: bytes) -> str:
    """1 to 4 digits and filler; a UE that has none configured sends 0 and filler, in whichever place."""
    digits = "".join(f"{octet & 0x0F:x}{octet >> 4:x}" for octet in data).replace("f", "") or "0"
    if not digits.isdecimal():
        raise ValueError(f"{digits} is no routing indicator")
    return digits


IDENTITY: Final[Codec[Identity]] = Codec(_write, _read)


def _read_guti(data: bytes) -> Guti5g:
    identity = _read(data)
    if not isinstance(identity, Guti5g):
        raise ValueError("the identity is no 5G-GUTI")
    return identity


GUTI: Final[Codec[Guti5g]] = Codec(_write, _read_guti)
"""Where only a 5G-GUTI is allowed."""


def _read_s_tmsi(data: bytes) -> STmsi:
    identity = _read(data)
    if not isinstance(identity, STmsi):
        raise ValueError("the identity is no 5G-S-TMSI")
    return identity


S_TMSI: Final[Codec[STmsi]] = Codec(_write, _read_s_tmsi)
"""Where only a 5G-S-TMSI is allowed."""


def _read_pei(data: bytes) -> Pei:
    identity = _read(data)
    if not isinstance(identity, Pei):
        raise ValueError("the identity is neither IMEI nor IMEISV")
    return identity


PEI: Final[Codec[Pei]] = Codec(_write, _read_pei)
"""Where only an IMEI or IMEISV is allowed."""
