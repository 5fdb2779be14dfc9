# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security of NAS messages: COUNTs, integrity, ciphering (TS 24.501 clauses 4.4 and 9.1, TS 33.501 clause 6.4)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, TypeVar

from minicore.security.algorithms import BEARER_3GPP, CIPHERING, DOWNLINK, INTEGRITY, MAC_LENGTH, UPLINK
from minicore.security.keys import k_gnb, nas_key

from .capability import Algorithms
from .gmm import (
    AuthenticationFailure,
    AuthenticationReject,
    AuthenticationRequest,
    AuthenticationResponse,
    DeregistrationAccept,
    DeregistrationRequest,
    IdentityRequest,
    IdentityResponse,
    NetworkDeregistrationAccept,
    RegistrationReject,
    RegistrationRequest,
    SecurityModeReject,
    ServiceReject,
    ServiceRequest,
)
from .message import EPD_MM, MmMessage

_HEAD: Final = 2 + MAC_LENGTH
"""Bytes before the sequence number: discriminator, security header type and MAC."""
_COUNT_LIMIT: Final = 1 << 24
"""A NAS COUNT has 16 bits of overflow and 8 bits of sequence number (TS 24.501 clause 4.4.3.1)."""


class HeaderType(IntEnum):
    """Security header type (TS 24.501 table 9.3.1)."""

    PLAIN = 0
    INTEGRITY = 1
    CIPHERED = 2
    INTEGRITY_NEW_CONTEXT = 3
    CIPHERED_NEW_CONTEXT = 4


class NasSecurityError(Exception):
    """A message that fails the integrity check: a wrong MAC, or a COUNT that was used before."""


UNPROTECTED_UPLINK: Final[tuple[type[MmMessage], ...]] = (
    RegistrationRequest,
    IdentityResponse,
    AuthenticationResponse,
    AuthenticationFailure,
    SecurityModeReject,
    DeregistrationRequest,
    NetworkDeregistrationAccept,
)
"""What an AMF may process without integrity protection while no secure exchange is set up (clause 4.4.4.3); of
identity responses only those with a SUCI, of deregistration requests and accepts what the clause restricts."""

UNPROTECTED_DOWNLINK: Final[tuple[type[MmMessage], ...]] = (
    IdentityRequest,
    AuthenticationRequest,
    AuthenticationReject,
    RegistrationReject,
    DeregistrationAccept,
    ServiceReject,
)
"""What a UE may process without integrity protection (clause 4.4.4.2); of identity requests only for the SUCI."""


class Protected(NamedTuple):
    """The parts of a security protected message."""

    header_type: HeaderType
    mac: bytes
    sequence: int
    payload: bytes


def header_type(data: bytes) -> HeaderType:
    """How a message is protected; what is not of 5GMM is plain. Raises NasSecurityError for a reserved type."""
    if len(data) < 2 or data[0] != EPD_MM:
        return HeaderType.PLAIN
    try:
        return HeaderType(data[1] & 0x0F)
    except ValueError:
        raise NasSecurityError(f"Security header type {data[1] & 0x0F} is reserved") from None


def split(data: bytes) -> Protected:
    """The parts of a security protected message, unchecked. Raises NasSecurityError if it is none."""
    kind = header_type(data)
    if kind == HeaderType.PLAIN or len(data) <= _HEAD + 1:
        raise NasSecurityError("The message is not security protected")
    return Protected(kind, data[2:_HEAD], data[_HEAD], data[_HEAD + 1 :])


Initial = TypeVar("Initial", RegistrationRequest, ServiceRequest)


def cleartext(message: Initial) -> Initial:
    """The elements of an initial message that a UE may send unciphered (clause 4.4.6)."""
    if isinstance(message, ServiceRequest):
        return ServiceRequest(service_type=message.service_type, ngksi=message.ngksi, s_tmsi=message.s_tmsi)
    return RegistrationRequest(
        ngksi=message.ngksi,
        follow_on=message.follow_on,
        registration_type=message.registration_type,
        identity=message.identity,
        security_capability=message.security_capability,
        ue_status=message.ue_status,
        additional_guti=message.additional_guti,
        eps_nas_container=message.eps_nas_container,
    )


@dataclass(slots=True)
class NasSecurityContext:
    """The 5G NAS security context that a UE and its AMF share, for 3GPP access.

    Attributes:
        ngksi: key set identifier.
        k_amf: the key that the others are derived from.
        algorithms: numbers of 5G-EA and 5G-IA.
        ul_count: uplink NAS COUNT that is next to be sent (UE), or the lowest that is accepted (AMF).
        dl_count: the same for downlink: next to be sent (AMF), or the lowest that is accepted (UE).
        connecting_count: uplink COUNT of the message that made the UE connected: an initial message (which is integrity
            protected and not ciphered) or SECURITY MODE COMPLETE. What comes after it does not change K_gNB.
    """

    ngksi: int
    k_amf: bytes
    algorithms: Algorithms
    ul_count: int = 0
    dl_count: int = 0
    connecting_count: int = 0
    k_nas_enc: bytes = field(init=False, repr=False)
    k_nas_int: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.k_nas_enc = nas_key(self.k_amf, "enc", self.algorithms.ciphering)
        self.k_nas_int = nas_key(self.k_amf, "int", self.algorithms.integrity)

    def protect(self, plain: bytes, header_type: HeaderType, direction: int) -> bytes:
        """A plain message with its security header; uses up one COUNT of that direction."""
        count = self._count(direction)
        if count >= _COUNT_LIMIT:
            raise NasSecurityError("The NAS COUNT is used up: a new key is needed")
        payload = plain
        if header_type in (HeaderType.CIPHERED, HeaderType.CIPHERED_NEW_CONTEXT):
            payload = self._cipher(count, direction, plain)
        checked = bytes((count & 0xFF,)) + payload
        self._advance(direction, count, header_type)
        return bytes((EPD_MM, header_type)) + self._mac(count, direction, checked) + checked

    def unprotect(self, data: bytes, direction: int) -> bytes:
        """The plain message; each COUNT is accepted once. Raises NasSecurityError and changes nothing if it is wrong.

        The overflow counter is estimated: a sequence number below the expected one is of the next 256 (clause 4.4.3.1).
        """
        message = split(data)
        expected = self._count(direction)
        count = (expected & ~0xFF) | message.sequence
        if count < expected:
            count += 0x100
        if count >= _COUNT_LIMIT:
            raise NasSecurityError("The NAS COUNT is used up: a new key is needed")
        if not hmac.compare_digest(self._mac(count, direction, data[_HEAD:]), message.mac):
            raise NasSecurityError(f"The MAC is wrong, or COUNT {message.sequence} was used before")
        self._advance(direction, count, message.header_type)
        if message.header_type in (HeaderType.CIPHERED, HeaderType.CIPHERED_NEW_CONTEXT):
            return self._cipher(count, direction, message.payload)
        return message.payload

    def protect_initial(self, message: Initial) -> bytes:
        """An initial message of a UE that has this context: a part in clear, and all of it ciphered (clause 4.4.6)."""
        outer = cleartext(message)
        if outer != message:
            outer.nas_container = self._cipher(self.ul_count, UPLINK, message.encode())
        return self.protect(outer.encode(), HeaderType.INTEGRITY, UPLINK)

    def open_container(self, message: Initial) -> Initial:
        """The whole of an initial message that unprotect() gave just before, for the AMF.

        Raises NasDecodeError if the container holds no such message.
        """
        if message.nas_container is None:
            return message
        return type(message).decode(self._cipher(self.ul_count - 1, UPLINK, message.nas_container))

    def k_gnb(self) -> bytes:
        """K_gNB of the UE's connection (TS 33.501 clause 6.8.1.2)."""
        return k_gnb(self.k_amf, self.connecting_count)

    def _cipher(self, count: int, direction: int, data: bytes) -> bytes:
        return CIPHERING[self.algorithms.ciphering](self.k_nas_enc, count, BEARER_3GPP, direction, data)

    def _mac(self, count: int, direction: int, data: bytes) -> bytes:
        return INTEGRITY[self.algorithms.integrity](self.k_nas_int, count, BEARER_3GPP, direction, data)

    def _count(self, direction: int) -> int:
        return self.dl_count if direction == DOWNLINK else self.ul_count

    def _advance(self, direction: int, count: int, header_type: HeaderType) -> None:
        """A message with this COUNT was sent or accepted."""
        if direction == DOWNLINK:
            self.dl_count = count + 1
            return
        self.ul_count = count + 1
        if header_type in (HeaderType.INTEGRITY, HeaderType.CIPHERED_NEW_CONTEXT):
            self.connecting_count = count
