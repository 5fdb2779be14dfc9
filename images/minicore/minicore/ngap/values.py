# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the IEs of NGAP hold, as plain values (TS 38.413 clause 9.3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tai:
    """Tracking area identity, clause 9.3.3.11; the PLMN is MCC and MNC in digits, `00101`."""

    plmn: str
    tac: int


@dataclass(frozen=True, slots=True)
class NrCgi:
    """NR cell, clause 9.3.1.7."""

    plmn: str
    cell: int
    """NR cell identity, 36 bits: gNB id and cell."""


@dataclass(frozen=True, slots=True)
class UserLocation:
    """User location information of NR, clause 9.3.1.16."""

    cgi: NrCgi
    tai: Tai


@dataclass(frozen=True, slots=True)
class Snssai:
    """Clause 9.3.1.24."""

    sst: int
    sd: str = ""
    """Six hexadecimal digits in lower case, or none."""


@dataclass(frozen=True, slots=True)
class Guami:
    """Clause 9.3.3.3."""

    plmn: str
    region: int
    set_id: int
    pointer: int


@dataclass(frozen=True, slots=True)
class FiveGSTmsi:
    """Clause 9.3.3.20."""

    set_id: int
    pointer: int
    tmsi: int


@dataclass(frozen=True, slots=True)
class GlobalGnbId:
    """Clause 9.3.1.6."""

    plmn: str
    gnb_id: int
    bits: int = 22
    """Length of the gNB id, 22 to 32."""


@dataclass(frozen=True, slots=True)
class PlmnSupport:
    """A PLMN with its slices: an item of PLMN Support List and of Broadcast PLMN List."""

    plmn: str
    slices: tuple[Snssai, ...]


@dataclass(frozen=True, slots=True)
class SupportedTa:
    tac: int
    plmns: tuple[PlmnSupport, ...]


@dataclass(frozen=True, slots=True)
class ServedGuami:
    guami: Guami
    backup_name: str = ""


@dataclass(frozen=True, slots=True)
class BitRate:
    """An aggregate maximum bit rate in bit/s."""

    downlink_bits_per_s: int
    uplink_bits_per_s: int


@dataclass(frozen=True, slots=True)
class SecurityCapabilities:
    """UE security capabilities, clause 9.3.1.86: 16 bits each, the first bit stands for algorithm 1."""

    nr_encryption: int
    nr_integrity: int
    eutra_encryption: int = 0
    eutra_integrity: int = 0


@dataclass(frozen=True, slots=True)
class SecurityContext:
    """Clause 9.3.1.88."""

    next_hop_chaining_count: int
    next_hop: bytes


@dataclass(frozen=True, slots=True)
class SessionSetup:
    """A PDU session to set up: `transfer` is a SetupRequestTransfer, `nas` the NAS message for this session."""

    session_id: int
    snssai: Snssai
    transfer: bytes
    nas: bytes | None = None


@dataclass(frozen=True, slots=True)
class SessionItem:
    """A PDU session with the transfer that belongs to the list in which it is."""

    session_id: int
    transfer: bytes


@dataclass(frozen=True, slots=True)
class UeIds:
    """A UE-associated logical NG connection; UE NGAP IDs of clause 9.3.3.4 have at least the AMF's id."""

    amf_ue_ngap_id: int | None
    ran_ue_ngap_id: int | None = None


@dataclass(frozen=True, slots=True)
class IeDiagnostics:
    criticality: str
    ie_id: int
    error: str
    """not-understood or missing."""


@dataclass(frozen=True, slots=True)
class CriticalityDiagnostics:
    """Clause 9.3.1.3."""

    procedure_code: int | None = None
    triggering: str | None = None
    """initiating-message, successful-outcome or unsuccessful-outcome."""
    criticality: str | None = None
    ies: tuple[IeDiagnostics, ...] = ()


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A GTP-U tunnel end: UP transport layer information, clause 9.3.2.2. The address is IPv4 or IPv6."""

    address: str
    teid: int


@dataclass(frozen=True, slots=True)
class QosFlow:
    """A QoS flow to set up with a standardized 5QI, clause 9.3.1.12, and its ARP, clause 9.3.1.19."""

    qfi: int
    five_qi: int
    arp_priority: int = 8
    may_preempt: bool = False
    is_preemptable: bool = False
