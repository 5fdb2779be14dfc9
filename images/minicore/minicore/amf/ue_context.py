# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the AMF remembers of each UE, and of each of its N2 connections."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..nas.capability import SecurityCapability
from ..nas.gmm import NO_KEY
from ..nas.security import NasSecurityContext
from ..ngap.values import Snssai
from ..security import drbg
from . import slices
from .consumers import Subscription
from .gnbs import Gnb


@dataclass(slots=True, eq=False)
class SmContext:
    """A PDU session as the AMF knows it."""

    psi: int
    dnn: str
    snssai: Snssai
    number: int = field(default_factory=itertools.count(1).__next__)
    """Tells it from others of the same PDU session id, of which notifications may still be on their way."""
    uri: str = ""
    """The SM context at the SMF; empty until the SMF has created it."""
    is_active: bool = False
    """The gNB has resources for it."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """The SMF is asked one thing after the other about one session."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """N1 and N2 parts that an SMF wants at a UE (TS 29.518 clause 5.2.2.3)."""

    psi: int
    n1: bytes = b""
    n2: bytes = b""
    n2_type: str = ""
    """NgapIeType of TS 29.502 clause 6.1.6.3.15."""
    failure_uri: str = ""
    reference: str = ""
    """URI of the message, as the failure notification names it."""


@dataclass(slots=True, eq=False)
class Connection:
    """The UE-associated logical NG connection of a UE that is CM-CONNECTED (TS 38.413 clause 3.1)."""

    gnb: Gnb
    amf_ue_id: int
    ran_ue_id: int
    stream: int
    ue: UeContext
    is_secured: bool = False
    """Secure exchange of NAS messages was established on it (TS 24.501 clause 4.4.2.5)."""
    has_context: bool = False
    """The gNB has the UE's context."""
    is_switching: bool = False
    """A path switch is under way: which gNB the UE is at will be clear after it."""
    release: asyncio.Future[None] | None = None
    """Completed by the gNB's UE CONTEXT RELEASE COMPLETE."""


@dataclass(slots=True, eq=False)
class UeContext:
    """One UE. It has no SUPI until it was authenticated, and is in no index until then."""

    supi: str = ""
    tmsi: int | None = None
    former_tmsi: int | None = None
    """Valid beside `tmsi` until the UE has confirmed that."""
    is_registered: bool = False
    ng_ksi: int = NO_KEY
    k_amf: bytes = b""
    nas: NasSecurityContext | None = None
    capability: SecurityCapability | None = None
    nh: bytes = b""
    """Next hop parameter, or K_gNB after it was derived (TS 33.501 clause 6.9.2.1.1)."""
    ncc: int = 0
    tac: int = 0
    allowed_nssai: tuple[Snssai, ...] = ()
    subscription: Subscription | None = None
    policy: str = ""
    sdm_subscription: str = ""
    sessions: dict[int, SmContext] = field(default_factory=dict)
    connection: Connection | None = None
    pending: list[Delivery] = field(default_factory=list)
    """Waits until the UE can be reached."""
    paging: asyncio.Task[None] | None = None
    procedure: asyncio.Task[None] | None = None
    """A registration, service request or deregistration; each ends the one before."""
    expected: tuple[type, ...] = ()
    answer: asyncio.Future[Any] | None = None
    """The NAS message that a procedure waits for."""
    implicit: asyncio.TimerHandle | None = None

    @property
    def is_connected(self) -> bool:
        return self.connection is not None

    def describe(self) -> dict[str, Any]:
        """What a test reads to prove that the security context goes on; no key is in it."""
        nas = self.nas
        return {
            "supi": self.supi,
            "tmsi": None if self.tmsi is None else f"{self.tmsi:08x}",
            "registered": self.is_registered,
            "connected": self.is_connected,
            "ng_ksi": self.ng_ksi,
            "key_set": self.key_set(),
            "ul_count": None if nas is None else nas.ul_count,
            "dl_count": None if nas is None else nas.dl_count,
            "allowed_nssai": [slices.to_json(nssai) for nssai in self.allowed_nssai],
            "sessions": {str(psi): session.is_active for psi, session in sorted(self.sessions.items())},
        }

    def key_set(self) -> str:
        """Names the key set without a way back to the key."""
        return hashlib.sha256(b"minicore key set" + self.k_amf).hexdigest()[:16] if self.k_amf else ""

    def inherit(self, older: UeContext) -> None:
        """Take over what outlives a new authentication: sessions, subscriptions and policy of the same SUPI."""
        self.sessions, older.sessions = older.sessions, {}
        self.policy, older.policy = older.policy, ""
        self.sdm_subscription, older.sdm_subscription = older.sdm_subscription, ""
        self.subscription = older.subscription
        self.pending, older.pending = older.pending, []


class UeStore:
    """UEs by SUPI, by 5G-TMSI, and their connections by AMF UE NGAP ID."""

    def __init__(self, amf_pointer: int = 0) -> None:
        self._by_supi: dict[str, UeContext] = {}
        self._by_tmsi: dict[int, UeContext] = {}
        self._connections: dict[int, Connection] = {}
        # An AMF UE NGAP ID is unique within the AMF set (TS 38.401 clause 6.2.1): the pointer is its first 6 bits.
        self._ids = itertools.count((amf_pointer << 34) + 1)

    def __iter__(self) -> Iterator[UeContext]:
        return iter(self._by_supi.values())

    def __len__(self) -> int:
        return len(self._by_supi)

    def by_supi(self, supi: str) -> UeContext | None:
        return self._by_supi.get(supi)

    def by_tmsi(self, tmsi: int) -> UeContext | None:
        return self._by_tmsi.get(tmsi)

    def connection(self, amf_ue_id: int) -> Connection | None:
        return self._connections.get(amf_ue_id)

    def connections_of(self, gnb: Gnb) -> list[Connection]:
        return [connection for connection in self._connections.values() if connection.gnb is gnb]

    def connect(self, gnb: Gnb, ran_ue_id: int, stream: int, ue: UeContext) -> Connection:
        """A new connection of `ue`; the caller has ended the one before."""
        connection = Connection(gnb, next(self._ids) & 0xFF_FFFF_FFFF, ran_ue_id, stream, ue)
        self._connections[connection.amf_ue_id] = connection
        ue.connection = connection
        return connection

    def forget_connection(self, connection: Connection) -> None:
        self._connections.pop(connection.amf_ue_id, None)

    def adopt(self, ue: UeContext) -> UeContext | None:
        """Index an authenticated UE by its SUPI; return the context of the same SUPI that it replaces."""
        older = self._by_supi.get(ue.supi)
        if older is ue:
            return None
        self._by_supi[ue.supi] = ue
        if older is not None:
            self._forget_tmsis(older)
        return older

    def allocate_tmsi(self, ue: UeContext) -> None:
        """A new 5G-TMSI; the one before stays valid until `confirm_tmsi`."""
        tmsi = drbg.generator.bits(32)
        while tmsi in self._by_tmsi:
            tmsi = drbg.generator.bits(32)
        if ue.former_tmsi is None:
            ue.former_tmsi = ue.tmsi
        elif ue.tmsi is not None:
            self._by_tmsi.pop(ue.tmsi, None)
        ue.tmsi = tmsi
        self._by_tmsi[tmsi] = ue

    def confirm_tmsi(self, ue: UeContext) -> None:
        """The UE has its new 5G-TMSI."""
        if ue.former_tmsi is not None and self._by_tmsi.get(ue.former_tmsi) is ue:
            del self._by_tmsi[ue.former_tmsi]
        ue.former_tmsi = None

    def used_tmsi(self, ue: UeContext, tmsi: int) -> None:
        """The UE, as its MAC proves, has used one of its 5G-TMSIs: it does not use the other one any more."""
        if tmsi == ue.former_tmsi:
            ue.tmsi, ue.former_tmsi = ue.former_tmsi, ue.tmsi
        self.confirm_tmsi(ue)

    def remove(self, ue: UeContext) -> None:
        self._forget_tmsis(ue)
        if self._by_supi.get(ue.supi) is ue:
            del self._by_supi[ue.supi]

    def digest(self) -> str:
        """Over what must survive a migration: identities, key sets, slices and sessions; no counts."""
        return _digest(
            (
                ue.supi,
                ue.tmsi,
                ue.is_registered,
                ue.ng_ksi,
                ue.key_set(),
                [slices.to_text(nssai) for nssai in ue.allowed_nssai],
                sorted(ue.sessions),
            )
            for ue in self
        )

    def _forget_tmsis(self, ue: UeContext) -> None:
        for tmsi in (ue.tmsi, ue.former_tmsi):
            if tmsi is not None and self._by_tmsi.get(tmsi) is ue:
                del self._by_tmsi[tmsi]
        ue.tmsi = ue.former_tmsi = None


def _digest(rows: Iterable[tuple[object, ...]]) -> str:
    digest = hashlib.sha256()
    for row in sorted(map(repr, rows)):
        digest.update(row.encode())
    return digest.hexdigest()
