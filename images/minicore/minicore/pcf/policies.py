# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy associations: who asked for which policy, and what was decided."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Policy:
    """`key` is unique: a UE has one AM policy, and one SM policy for each PDU session. `request` is the consumer's."""

    policy_id: str
    supi: str
    key: tuple[str, int]
    notification_uri: str
    request: dict[str, Any]
    decision: dict[str, Any]


class PolicyStore:
    """Associations of one kind."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._by_id: dict[str, Policy] = {}
        self._by_key: dict[tuple[str, int], Policy] = {}
        self._by_supi: dict[str, dict[str, Policy]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, key: tuple[str, int], uri: str, request: dict[str, Any], decision: dict[str, Any]) -> Policy:
        """Store a policy instead of the one of that key, which the consumer has forgotten."""
        older = self._by_key.get(key)
        if older is not None:
            self.remove(older.policy_id)
        policy = Policy(str(next(self._ids)), key[0], key, uri, request, decision)
        self._by_id[policy.policy_id] = self._by_key[key] = policy
        self._by_supi.setdefault(policy.supi, {})[policy.policy_id] = policy
        return policy

    def get(self, policy_id: str) -> Policy | None:
        return self._by_id.get(policy_id)

    def of(self, supi: str) -> Iterable[Policy]:
        return list(self._by_supi.get(supi, {}).values())

    def remove(self, policy_id: str) -> bool:
        """End an association; False if there is none."""
        policy = self._by_id.pop(policy_id, None)
        if policy is None:
            return False
        del self._by_key[policy.key]
        of_ue = self._by_supi[policy.supi]
        del of_ue[policy_id]
        if not of_ue:
            del self._by_supi[policy.supi]
        return True

    def describe(self) -> Iterable[str]:
        """Each policy as a text, for the digest of the state."""
        for policy_id, policy in sorted(self._by_id.items()):
            content = json.dumps([policy.request, policy.decision], sort_keys=True)
            yield f"{policy_id} {policy.key} {policy.notification_uri} {content}\n"


def digest(*stores: PolicyStore) -> str:
    """SHA-256 over all associations."""
    whole = hashlib.sha256()
    for store in stores:
        for text in store.describe():
            whole.update(text.encode())
    return whole.hexdigest()
