# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wants to know what becomes of NF instances, and how they learn it (TS 29.510 clauses 5.2.2.5 and 5.2.2.6)."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ..sbi.clients import Clients
from ..sbi.message import Problem, SbiError
from ..security import drbg
from . import profile as nf_profile

log = logging.getLogger(__name__)


class Event(enum.StrEnum):
    """NotificationEventType of TS 29.510."""

    REGISTERED = "NF_REGISTERED"
    DEREGISTERED = "NF_DEREGISTERED"
    PROFILE_CHANGED = "NF_PROFILE_CHANGED"


@dataclass(slots=True)
class Subscription:
    subscription_id: str
    data: dict[str, Any]
    uri: str
    events: frozenset[str]
    valid_until: float | None
    """Unix seconds; None: without a time limit."""

    def wants(self, event: Event, profile: dict[str, Any]) -> bool:
        """Whether the condition (TS 29.510 clause 6.1.6.2.35) holds for this instance; all attributes of it must."""
        if event not in self.events:
            return False
        condition = self.data.get("subscrCond", {})
        services = {service["serviceName"] for service in nf_profile.services(profile)}
        return (
            condition.get("nfInstanceId", profile["nfInstanceId"]) == profile["nfInstanceId"]
            and condition.get("nfType", profile["nfType"]) == profile["nfType"]
            and ("serviceName" not in condition or condition["serviceName"] in services)
        )


class Subscriptions:
    """`clock` gives Unix seconds, `root` the NRF's own apiRoot."""

    def __init__(self, clock: Callable[[], float], clients: Clients, root: Callable[[], str]) -> None:
        self._clock = clock
        self._clients = clients
        self._root = root
        self._subscriptions: dict[str, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent = 0
        self.failed = 0

    def __len__(self) -> int:
        return len(self._subscriptions)

    def add(self, data: dict[str, Any]) -> Subscription:
        """Make a subscription of SubscriptionData (TS 29.510 clause 6.1.6.2.16)."""
        uri = data.get("nfStatusNotificationUri")
        if uri is None:
            name = "nfStatusNotificationUri"
            raise Problem(400, "MANDATORY_IE_MISSING", name, [(f"/{name}", "is missing")])
        url = urlsplit(uri) if isinstance(uri, str) else None
        if url is None or url.scheme != "http" or not url.hostname:
            raise _incorrect("nfStatusNotificationUri", "is not a URI of http")
        condition = data.get("subscrCond", {})
        if not isinstance(condition, dict):
            raise _incorrect("subscrCond", "is not an object")
        # They are compared whenever any NF registers or expires.
        if not all(isinstance(condition.get(name, ""), str) for name in ("nfInstanceId", "nfType", "serviceName")):
            raise _incorrect("subscrCond", "has something else than a text")
        events = data.get("reqNotifEvents", list(Event))
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise _incorrect("reqNotifEvents", "is not a list of events")
        subscription_id = drbg.generator.uuid().hex
        valid_until = _time(data["validityTime"]) if "validityTime" in data else None
        stored = {**data, "subscriptionId": subscription_id}
        subscription = Subscription(subscription_id, stored, uri, frozenset(events), valid_until)
        self._subscriptions[subscription_id] = subscription
        return subscription

    def prolong(self, subscription_id: str, validity_time: str) -> Subscription:
        """Set the time until which a subscription is valid. KeyError if unknown."""
        subscription = self._subscriptions[subscription_id]
        subscription.valid_until = _time(validity_time)
        subscription.data["validityTime"] = validity_time
        return subscription

    def remove(self, subscription_id: str) -> None:
        """KeyError if unknown."""
        del self._subscriptions[subscription_id]

    def publish(self, event: Event, profile: dict[str, Any]) -> None:
        """Notify whoever wants to know. A subscriber that is itself gone has no subscriptions any more."""
        now = self._clock()
        for subscription in list(self._subscriptions.values()):
            is_own = subscription.data.get("reqNfInstanceId") == profile["nfInstanceId"]
            is_over = subscription.valid_until is not None and subscription.valid_until < now
            if is_over or (is_own and event is Event.DEREGISTERED):
                del self._subscriptions[subscription.subscription_id]
            elif not is_own and subscription.wants(event, profile):
                task = asyncio.get_running_loop().create_task(self._notify(subscription, event, profile))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _notify(self, subscription: Subscription, event: Event, profile: dict[str, Any]) -> None:
        body: dict[str, Any] = {
            "event": event,
            "nfInstanceUri": f"{self._root()}/nnrf-nfm/v1/nf-instances/{profile['nfInstanceId']}",
        }
        if event is not Event.DEREGISTERED:
            body["nfProfile"] = profile
        try:
            (await self._clients.request_uri("POST", subscription.uri, body)).require(200, 204)
            self.sent += 1
        except SbiError as error:
            self.failed += 1
            log.warning("%s does not take %s: %s", subscription.uri, event, error)


def _incorrect(name: str, reason: str) -> Problem:
    mandatory = name == "nfStatusNotificationUri"
    cause = "MANDATORY_IE_INCORRECT" if mandatory else "OPTIONAL_IE_INCORRECT"
    return Problem(400, cause, f"{name} {reason}", [(f"/{name}", reason)])


def _time(text: Any) -> float:
    """Unix seconds of a DateTime (TS 29.571 clause 5.2.2)."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise _incorrect("validityTime", "is not a date and time") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
