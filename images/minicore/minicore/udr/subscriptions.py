# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is notified when data change: subs-to-notify of subscription data and of policy data (TS 29.505, TS 29.519)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(slots=True)
class Subscription:
    """`ue_id` is empty where all UEs are meant; `resources` are paths, each with everything below it."""

    subscription_id: str
    ue_id: str
    callback: str
    resources: tuple[str, ...]
    body: dict[str, Any]

    def monitors(self, resource: str) -> bool:
        return any(resource == path or resource.startswith(path + "/") for path in self.resources)


class Subscriptions:
    """Subscriptions of one kind."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._by_id: dict[str, Subscription] = {}
        self._by_ue: dict[str, dict[str, Subscription]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._by_id.values())

    def add(self, ue_id: str, callback: str, uris: list[str], body: dict[str, Any]) -> Subscription:
        """Subscribe `callback` to changes below `uris`, which are absolute or paths."""
        resources = tuple(urlsplit(uri).path.rstrip("/") for uri in uris)
        subscription = Subscription(str(next(self._ids)), ue_id, callback, resources, body)
        self._by_id[subscription.subscription_id] = subscription
        self._by_ue.setdefault(ue_id, {})[subscription.subscription_id] = subscription
        return subscription

    def get(self, subscription_id: str) -> Subscription | None:
        return self._by_id.get(subscription_id)

    def remove(self, subscription_id: str) -> bool:
        """End a subscription; False if there is none."""
        subscription = self._by_id.pop(subscription_id, None)
        if subscription is None:
            return False
        of_ue = self._by_ue[subscription.ue_id]
        del of_ue[subscription_id]
        if not of_ue:
            del self._by_ue[subscription.ue_id]
        return True

    def remove_of(self, ue_id: str) -> None:
        """End the subscriptions to one UE."""
        for subscription_id in self._by_ue.pop(ue_id, {}):
            del self._by_id[subscription_id]

    def interested(self, ue_id: str, resource: str) -> list[Subscription]:
        """The subscriptions to a resource of a UE."""
        candidates = itertools.chain(self._by_ue.get("", {}).values(), self._by_ue.get(ue_id, {}).values())
        return [subscription for subscription in candidates if subscription.monitors(resource)]

    def describe(self) -> Iterator[str]:
        """Each subscription as a text, for the digest of the state."""
        for one in self:
            yield f"{one.subscription_id} {one.ue_id} {one.callback} {json.dumps(one.body, sort_keys=True)}"
