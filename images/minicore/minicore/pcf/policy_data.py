# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCF as a consumer of policy data in the UDR (TS 29.519)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..nf import NetworkFunction
from ..sbi.fields import SUPI, need
from ..sbi.message import Problem, Request, Response, SbiError
from ..sbi.once import Once
from ..sbi.router import Router
from ..udr import paths

CHANGE = "/minicore/v1/pcf/policy-data-change"
"""Where the UDR reports changes to; a path of our own, as callbacks are."""
ATTRIBUTES = {paths.AM_POLICY: "amPolicyData", paths.SM_POLICY: "smPolicyData"}
"""Resource of the UDR to attribute of PolicyDataChangeNotification (clause 5.4.2.8)."""

KEEP_S = 30.0
"""A UE's sessions follow its registration within seconds: they need no second request to the UDR."""

OnChange = Callable[[str, dict[str, Any] | None], None]
"""Gets SUPI and new policy data; None if the subscriber is gone."""


@dataclass(slots=True)
class _Kept:
    """Documents by the template of their resource."""

    documents: dict[str, dict[str, Any]]
    valid_until: float


class PolicyData:
    """Reads policy data, after it has subscribed to their changes once for all UEs."""

    def __init__(self, nf: NetworkFunction) -> None:
        self._nf = nf
        self._subscribed = Once(self._subscribe)
        self._listeners: dict[str, OnChange] = {}
        self._changes = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def add_routes(self, router: Router) -> None:
        router.add("POST", CHANGE, self.changed)

    def on_change(self, template: str, listener: OnChange) -> None:
        """Have `listener` called for a resource of `paths`."""
        self._listeners[template] = listener

    async def read(self, template: str, supi: str, decide: Callable[[dict[str, Any]], object]) -> None:
        """Call `decide` with the policy data of a UE, in such a way that no later change is missed.

        A UE that the UDR does not know is a Problem 400 USER_UNKNOWN (TS 29.507 and TS 29.512 table 5.7.3-1).
        """
        if not SUPI.fullmatch(supi):
            raise Problem(400, "USER_UNKNOWN", "no SUPI of the form imsi-DIGITS")
        try:
            kept = self._kept.get(supi)
            if kept is None or kept.valid_until < asyncio.get_running_loop().time():
                await self._subscribed()
                kept = await self._fetch(supi)
            decide(kept.documents[template])
        except (SbiError, ValueError) as error:
            raise Problem(504, "TARGET_NF_NOT_REACHABLE", f"UDR: {error}") from error

    async def changed(self, request: Request) -> Response:
        """A list of PolicyDataChangeNotification (clause 5.4.2.8)."""
        notifications = request.json()
        if not isinstance(notifications, list) or not all(isinstance(one, dict) for one in notifications):
            raise Problem(400, "INVALID_MSG_FORMAT", "a list of PolicyDataChangeNotification is expected")
        self._changes += 1
        for one in notifications:
            supi = need(one, "ueId", str)
            gone = one.get("delResources") or []
            for template, attribute in ATTRIBUTES.items():
                if isinstance(one.get(attribute), dict):
                    if supi in self._kept:
                        self._kept[supi].documents[template] = one[attribute]
                    self._listeners[template](supi, one[attribute])
                elif isinstance(gone, list) and template.format(supi) in gone:
                    self._kept.pop(supi, None)
                    self._listeners[template](supi, None)
        return Response(204)

    async def _fetch(self, supi: str) -> _Kept:
        """All policy data of a UE, that no change came to meanwhile; kept for the sessions that follow."""
        while True:
            changes = self._changes
            response = await self._nf.producers.request("nudr-dr", "GET", paths.POLICY_UE.format(supi))
            if response.status == 404:
                raise Problem(400, "USER_UNKNOWN", supi)
            sets = response.require(200).json()
            if not isinstance(sets, dict):
                raise SbiError("its policy data are no JSON object")
            if changes == self._changes:
                break
        documents = {template: sets.get(name) or {} for template, name in paths.POLICY_SETS.items()}
        now = asyncio.get_running_loop().time()
        while self._kept and next(iter(self._kept.values())).valid_until < now:
            self._kept.popitem(last=False)
        self._kept.pop(supi, None)
        kept = self._kept[supi] = _Kept(documents, now + KEEP_S)
        return kept

    async def _subscribe(self) -> None:
        body = {"notificationUri": self._nf.root + CHANGE, "monitoredResourceUris": [paths.POLICY_UES]}
        (await self._nf.producers.request("nudr-dr", "POST", paths.POLICY_SUBS, body)).require(201)
