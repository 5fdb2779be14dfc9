# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SM contexts: what the SMF remembers of each PDU session."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from ..pfcp.endpoint import Address
from ..pfcp.ies import Teid


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
    # N4 changes of one session go out one after the other.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

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

    def remove(self, context: SmContext) -> bool:
        """Remove a context; False if it is not there any more."""
        if self.by_ref.get(context.ref) is not context:
            return False
        del self.by_ref[context.ref]
        del self._by_key[context.key]
        return True

    def remove_all_of(self, upf: Address) -> list[SmContext]:
        """Remove and return the contexts that a UPF carried."""
        gone = [context for context in self.by_ref.values() if context.upf == upf]
        for context in gone:
            self.remove(context)
        return gone

    def digest(self) -> str:
        """SHA-256 over the sorted contexts."""
        digest = hashlib.sha256()
        for _, context in sorted(self.by_ref.items()):
            digest.update(f"{context!r}\n".encode())
        return digest.hexdigest()
