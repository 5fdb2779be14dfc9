# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is notified when data change: subs-to-notify of subscription data and of policy data (TS 29.505, TS 29.519)."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..sbi.client import SbiError

log = logging.getLogger(__name__)

ATTEMPTS = 4
RETRY_S = 0.5
"""A consumer that is being moved is unreachable for less than the three waits together."""

Send = Callable[[str, Any], Awaitable[None]]
"""Brings a notification to a callback URI, or raises SbiError."""


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
    """Subscriptions of one kind, and the notifications that are on their way."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ids = itertools.count(1)
        self._by_id: dict[str, Subscription] = {}
        self._by_ue: dict[str, dict[str, Subscription]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed = 0

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

    def interested(self, ue_id: str, resource: str) -> list[Subscription]:
        """The subscriptions to a resource of a UE."""
        candidates = itertools.chain(self._by_ue.get("", {}).values(), self._by_ue.get(ue_id, {}).values())
        return [subscription for subscription in candidates if subscription.monitors(resource)]

    def notify(self, subscription: Subscription, body: Any) -> None:
        """Send a notification; it is tried again while the consumer does not answer."""
        task = asyncio.get_running_loop().create_task(self._deliver(subscription, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def describe(self) -> Iterator[str]:
        """Each subscription as a text, for the digest of the state."""
        for one in self:
            yield f"{one.subscription_id} {one.ue_id} {one.callback} {json.dumps(one.body, sort_keys=True)}"

    async def _deliver(self, subscription: Subscription, body: Any) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._send(subscription.callback, body)
                return
            except SbiError as error:
                if attempt == ATTEMPTS:
                    self.failed += 1
                    log.warning("notification to %s given up: %s", subscription.callback, error)
                    return
            await asyncio.sleep(RETRY_S)
