# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subscribers: keys, sequence number, provisioned data, policy data and what the core keeps about the UE."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import documents

SQN_LIMIT = 1 << 48

PARTS: dict[str, type] = {"am": dict, "smf_selection": dict, "sm": list, "am_policy": dict, "sm_policy": dict}
"""Names of the documents in the provisioning API, and their JSON types."""


@dataclass(slots=True)
class Subscriber:
    """`k`, `opc` (16 octets) and `amf` (2) are secret as a whole: they are no part of `repr`, states or logs."""

    supi: str
    k: bytes = field(repr=False)
    opc: bytes = field(repr=False)
    amf: bytes
    sqn: int
    am: Any = field(default_factory=lambda: documents.AM_DATA)
    smf_selection: Any = field(default_factory=lambda: documents.SMF_SELECTION)
    sm: Any = field(default_factory=lambda: documents.SM_DATA)
    am_policy: Any = field(default_factory=lambda: documents.AM_POLICY)
    sm_policy: Any = field(default_factory=lambda: documents.SM_POLICY)
    authentication_status: dict[str, Any] | None = None
    amf_registration: dict[str, Any] | None = None
    smf_registrations: dict[int, dict[str, Any]] | None = None

    def fingerprint(self, salt: bytes) -> str:
        """HMAC-SHA-256 over K, OPc and AMF field, from which no key can be calculated."""
        return hmac.digest(salt, self.k + self.opc + self.amf, "sha256").hex()

    def provisioned(self) -> dict[str, Any]:
        """The documents by their names; no keys."""
        return {name: getattr(self, name) for name in PARTS}


class SubscriberStore:
    """Subscribers by SUPI."""

    def __init__(self) -> None:
        self._subscribers: dict[str, Subscriber] = {}

    def __len__(self) -> int:
        return len(self._subscribers)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._subscribers.values())

    def get(self, supi: str) -> Subscriber | None:
        return self._subscribers.get(supi)

    def put(self, subscriber: Subscriber) -> None:
        self._subscribers[subscriber.supi] = subscriber

    def remove(self, supi: str) -> Subscriber | None:
        return self._subscribers.pop(supi, None)

    def clear(self) -> list[Subscriber]:
        """Remove and return all."""
        gone = list(self._subscribers.values())
        self._subscribers.clear()
        return gone

    def digest(self, subscriptions: Iterable[str]) -> str:
        """SHA-256 over everything that is kept, keys included (which it does not give away), and `subscriptions`."""
        digest = hashlib.sha256()
        # Documents are shared by many subscribers, so each is encoded once.
        encoded: dict[int, bytes] = {}
        for _, subscriber in sorted(self._subscribers.items()):
            digest.update(b"%s %d " % (subscriber.supi.encode(), subscriber.sqn))
            digest.update(subscriber.k + subscriber.opc + subscriber.amf)
            for document in subscriber.provisioned().values():
                text = encoded.get(id(document))
                if text is None:
                    text = encoded[id(document)] = _encode(document)
                digest.update(text)
            contexts = (subscriber.authentication_status, subscriber.amf_registration, subscriber.smf_registrations)
            if any(contexts):
                digest.update(_encode(contexts))
        for subscription in sorted(subscriptions):
            digest.update(subscription.encode())
        return digest.hexdigest()


def _encode(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
