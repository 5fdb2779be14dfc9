# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentications that have begun, until their UE has answered or they expire."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from ..security import drbg


@dataclass(slots=True)
class AuthenticationContext:
    """Between the challenge and the confirmation; `deadline` is by the event loop's clock."""

    context_id: str
    supi: str
    serving_network_name: str
    rand: bytes
    xres_star: bytes = field(repr=False)
    k_seaf: bytes = field(repr=False)
    deadline: float
    confirmed: bool = False


class ContextStore:
    """Contexts by id, oldest first. One timer at a time, for the oldest."""

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._contexts: OrderedDict[str, AuthenticationContext] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self.expired = 0

    def __len__(self) -> int:
        return len(self._contexts)

    def add(self, supi: str, network: str, rand: bytes, xres_star: bytes, k_seaf: bytes) -> AuthenticationContext:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._lifetime_s
        context = AuthenticationContext(str(drbg.generator.uuid()), supi, network, rand, xres_star, k_seaf, deadline)
        self._contexts[context.context_id] = context
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._expire)
        return context

    def get(self, context_id: str) -> AuthenticationContext | None:
        return self._contexts.get(context_id)

    def remove(self, context_id: str) -> bool:
        """End a context; False if there is none."""
        return self._contexts.pop(context_id, None) is not None

    def confirmed(self) -> int:
        return sum(context.confirmed for context in self._contexts.values())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def digest(self) -> str:
        """SHA-256 over the contexts; it gives no key away."""
        digest = hashlib.sha256()
        for context_id, context in sorted(self._contexts.items()):
            digest.update(f"{context_id} {context.supi} {context.serving_network_name} {context.confirmed}".encode())
            digest.update(context.rand + context.xres_star + context.k_seaf)
        return digest.hexdigest()

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._contexts:
            oldest = next(iter(self._contexts.values()))
            if oldest.deadline > loop.time():
                self._timer = loop.call_at(oldest.deadline, self._expire)
                return
            del self._contexts[oldest.context_id]
            self.expired += 1
