# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SM contexts: what the SMF remembers of each PDU session."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from asyncio import TimerHandle
from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from ..pfcp.endpoint import Address
from ..pfcp.ies import Teid
from .subscription import Qos


class PoolExhausted(Exception):
    """No UE address is left."""


class AddressPool:
    """UE addresses of one network: each once, released ones last."""

    def __init__(self, n6: IPv4Interface) -> None:
        self._n6 = n6.ip
        self._fresh = n6.network.hosts()
        self._released: deque[str] = deque()

    def allocate(self) -> str:
        for address in self._fresh:
            if address != self._n6:
                return str(address)
        if not self._released:
            raise PoolExhausted
        return self._released.popleft()

    def release(self, address: str) -> None:
        self._released.append(address)


class PrefixPool:
    """A /64 of a network for each IPv6 session, the first one being that of N6; released ones last."""

    def __init__(self, n6: IPv6Interface) -> None:
        self._first = int(n6.network.network_address) >> 64
        self._count = 1 << max(0, 64 - n6.network.prefixlen)
        self._next = 1
        self._released: deque[bytes] = deque()

    def allocate(self) -> bytes:
        if self._next < self._count:
            self._next += 1
            return (self._first + self._next - 1).to_bytes(8, "big")
        if not self._released:
            raise PoolExhausted
        return self._released.popleft()

    def release(self, prefix: bytes) -> None:
        self._released.append(prefix)


@dataclass(slots=True)
class N1N2State:
    """What a session with real N1 and N2 has beside: the UE's choices, its QoS, and where AMF and PCF are."""

    pti: int
    amf: str
    """Instance id of the AMF that serves the UE."""
    status_uri: str
    ssc_mode: int
    qos: Qos
    type_cause: int | None = None
    interface_id: bytes = b""
    policy_uri: str = ""
    is_registered: bool = field(default=False, repr=False)
    """At the UDM."""
    releasing: TimerHandle | None = field(default=None, repr=False)
    """T3592 runs: the UE was sent a release command (TS 24.501 table 10.3.2)."""


@dataclass(slots=True)
class SmContext:
    ref: str
    supi: str
    pdu_session_id: int
    dnn: str
    snssai: str
    ue_address: str
    upf: Address
    cp_seid: int
    up_seid: int
    uplink: Teid
    downlink: Teid | None = None
    up_cnx_state: str = "DEACTIVATED"
    updates: int = 0
    pdu_type: str = "IPV4"
    ue_prefix: bytes = b""
    n1n2: N1N2State | None = None
    """None where N1 and N2 parts are JSON."""
    # N4 changes of one session go out one after the other.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    modifying: asyncio.Future[bool] | None = field(default=None, repr=False)
    """The gNB was asked to send to another tunnel: whether it does."""
    offered: tuple[Teid, float] | None = field(default=None, repr=False)
    """The uplink tunnel in a setup request that a gNB has not answered, and since when, by the loop's clock."""

    def offer(self, now: float) -> None:
        """A setup request with the uplink tunnel is on its way."""
        self.offered = self.uplink, now

    def modified(self, is_done: bool) -> None:
        """The gNB knows the tunnel that counts now, or refuses it; nothing if nobody waits for it."""
        if self.modifying is not None and not self.modifying.done():
            self.modifying.set_result(is_done)

    def slice_json(self) -> dict[str, Any]:
        """S-NSSAI as TS 29.571 clause 5.4.4.2 has it."""
        sst, _, sd = self.snssai.partition("-")
        return {"sst": int(sst), "sd": sd} if sd else {"sst": int(sst)}

    @property
    def key(self) -> tuple[str, int]:
        return self.supi, self.pdu_session_id


class ContextStore:
    """SM contexts by reference, and by UE and PDU session id."""

    def __init__(self) -> None:
        self._refs = itertools.count(1)
        self._by_key: dict[tuple[str, int], SmContext] = {}
        self.by_ref: dict[str, SmContext] = {}

    def allocate_ref(self) -> int:
        return next(self._refs)

    def put(self, context: SmContext) -> SmContext | None:
        """Store a context; return the one of the same UE and PDU session id that it replaces."""
        older = self._by_key.get(context.key)
        if older is not None:
            del self.by_ref[older.ref]
        self._by_key[context.key] = context
        self.by_ref[context.ref] = context
        return older

    def find(self, key: tuple[str, int]) -> SmContext | None:
        """The context of a UE and PDU session id."""
        return self._by_key.get(key)

    def remove(self, context: SmContext) -> bool:
        """Remove a context; False if it is not there any more."""
        if context not in self:
            return False
        del self.by_ref[context.ref]
        del self._by_key[context.key]
        return True

    def of(self, upf: Address) -> list[SmContext]:
        """The contexts that a UPF carries."""
        return [context for context in self.by_ref.values() if context.upf == upf]

    def __contains__(self, context: SmContext) -> bool:
        return self.by_ref.get(context.ref) is context

    def digest(self) -> str:
        """SHA-256 over the sorted contexts."""
        digest = hashlib.sha256()
        for _, context in sorted(self.by_ref.items()):
            digest.update(f"{context!r}\n".encode())
        return digest.hexdigest()
