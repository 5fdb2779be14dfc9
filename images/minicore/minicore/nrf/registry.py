# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registered NF instances and when they expire (TS 29.510 clause 5.2.2.3.2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import json_patch
from . import profile as nf_profile
from .subscriptions import Event

# An NF whose heartbeat is later than this is taken for gone; Open5GS has the same second.
MARGIN_S = 1.0


@dataclass(slots=True)
class Registration:
    profile: dict[str, Any]
    deadline: float
    heartbeats: int = 0
    registrations: int = 1


class Registry:
    """Profiles by NF instance id. `clock` gives seconds and never goes back, `publish` takes events and profiles."""

    def __init__(
        self,
        clock: Callable[[], float],
        heartbeat_s: int,
        publish: Callable[[Event, dict[str, Any]], None] = lambda event, profile: None,
    ) -> None:
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._publish = publish
        self._instances: dict[str, Registration] = {}
        self.expired = 0

    def register(self, instance_id: str, profile: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Store the profile with the heartbeat timer that the NRF chose; the second value: it is new."""
        profile = {**profile, "nfInstanceId": instance_id, "heartBeatTimer": self._heartbeat_s}
        known = self._instances.get(instance_id)
        if known is None:
            self._instances[instance_id] = Registration(profile, self._next_deadline())
            self._publish(Event.REGISTERED, profile)
        else:
            changed = known.profile != profile
            known.profile, known.deadline = profile, self._next_deadline()
            known.registrations += 1
            if changed:
                self._publish(Event.PROFILE_CHANGED, profile)
        return profile, known is None

    def patch(self, instance_id: str, operations: Any) -> tuple[dict[str, Any], bool]:
        """Apply a JSON patch, which is also a heartbeat; the second value: the profile changed. KeyError if unknown.

        A patch that makes a bad profile of it raises a Problem and changes nothing.
        """
        known = self._instances[instance_id]
        patched = json_patch.apply(known.profile, operations)
        changed = patched != known.profile
        if changed:
            nf_profile.check(patched, instance_id)
        known.profile, known.deadline = patched, self._next_deadline()
        known.heartbeats += 1
        if changed:
            self._publish(Event.PROFILE_CHANGED, patched)
        return patched, changed

    def deregister(self, instance_id: str) -> None:
        """Remove an instance. KeyError if unknown."""
        self._publish(Event.DEREGISTERED, self._instances.pop(instance_id).profile)

    def get(self, instance_id: str) -> dict[str, Any]:
        """Profile of an instance. KeyError if unknown."""
        return self._instances[instance_id].profile

    def profiles(self) -> list[dict[str, Any]]:
        return [registration.profile for registration in self._instances.values()]

    def expire(self) -> list[str]:
        """Remove the instances whose heartbeat is overdue by more than the margin; return their ids."""
        now = self._clock()
        overdue = [instance_id for instance_id, known in self._instances.items() if known.deadline < now]
        for instance_id in overdue:
            self.deregister(instance_id)
        self.expired += len(overdue)
        return overdue

    def next_deadline(self) -> float | None:
        """When the next instance expires if it stays silent."""
        return min((known.deadline for known in self._instances.values()), default=None)

    def describe(self) -> list[dict[str, Any]]:
        """The registrations as the state endpoint shows them."""
        now = self._clock()
        return [
            {
                "nf_instance_id": instance_id,
                "nf_type": known.profile.get("nfType"),
                "nf_status": known.profile.get("nfStatus"),
                "heartbeats": known.heartbeats,
                "registrations": known.registrations,
                "expires_in_s": round(known.deadline - now, 3),
            }
            for instance_id, known in sorted(self._instances.items())
        ]

    def digest(self) -> str:
        """SHA-256 over the sorted profiles."""
        digest = hashlib.sha256()
        for instance_id, known in sorted(self._instances.items()):
            digest.update(f"{instance_id} {json.dumps(known.profile, sort_keys=True)}\n".encode())
        return digest.hexdigest()

    def _next_deadline(self) -> float:
        return self._clock() + self._heartbeat_s + MARGIN_S
