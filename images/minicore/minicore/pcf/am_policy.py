# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Npcf_AMPolicyControl (TS 29.507 clause 4.2): RFSP index, service area restrictions and triggers for an AMF."""

from __future__ import annotations

from typing import Any

from ..nf import NetworkFunction
from ..sbi.fields import document, need, need_uri, optional
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.notifier import Notifier
from ..sbi.router import Router
from ..udr import paths
from .decisions import am_decision
from .policies import Policy, PolicyStore
from .policy_data import PolicyData

POLICIES = "/npcf-am-policy-control/v1/policies"
POLICY = POLICIES + "/{polAssoId}"


class AmPolicyControl:
    def __init__(self, nf: NetworkFunction, store: PolicyStore, data: PolicyData, notifier: Notifier) -> None:
        self._nf = nf
        self._store = store
        self._data = data
        self._notifier = notifier
        data.on_change(paths.AM_POLICY, self._policy_data_changed)

    def add_routes(self, router: Router) -> None:
        router.add("POST", POLICIES, self.create)
        router.add("GET", POLICY, self.get)
        router.add("POST", POLICY + "/update", self.update)
        router.add("DELETE", POLICY, self.delete)

    async def create(self, request: Request) -> Response:
        """PolicyAssociationRequest to PolicyAssociation (clause 4.2.2)."""
        data = document(request)
        uri, supi = need_uri(data, "notificationUri"), need(data, "supi", str)
        need(data, "suppFeat", str)
        _check(data)
        created: list[Policy] = []
        await self._data.read(
            paths.AM_POLICY,
            supi,
            lambda policy: created.append(self._store.add((supi, 0), uri, data, am_decision(data, policy))),
        )
        policy = created[0]
        location = f"{self._nf.root}{POLICIES}/{policy.policy_id}"
        return json_response(_association(policy), 201, {"location": location})

    async def get(self, request: Request, policy_id: str) -> Response:
        return json_response(_association(self._find(policy_id)))

    async def update(self, request: Request, policy_id: str) -> Response:
        """PolicyAssociationUpdateRequest to PolicyUpdate (clause 4.2.3)."""
        policy = self._find(policy_id)
        data = document(request)
        optional(data, "triggers", list)
        _check(data)
        if "notificationUri" in data:
            policy.notification_uri = need_uri(data, "notificationUri")
        changed = {**policy.request, **data}
        await self._data.read(paths.AM_POLICY, policy.supi, lambda found: _decide(policy, changed, found))
        return json_response(self._policy_update(policy))

    async def delete(self, request: Request, policy_id: str) -> Response:
        """Clause 4.2.5."""
        if not self._store.remove(policy_id):
            raise _unknown()
        return Response(204)

    def _find(self, policy_id: str) -> Policy:
        policy = self._store.get(policy_id)
        if policy is None:
            raise _unknown()
        return policy

    def _policy_update(self, policy: Policy) -> dict[str, Any]:
        return {"resourceUri": f"{self._nf.root}{POLICIES}/{policy.policy_id}", **policy.decision}

    def _policy_data_changed(self, supi: str, data: dict[str, Any] | None) -> None:
        """Update notification, or the request to end the association (clauses 4.2.4.2 and 4.2.4.3)."""
        for policy in self._store.of(supi):
            if data is None:
                body = {"resourceUri": self._policy_update(policy)["resourceUri"], "cause": "UE_SUBSCRIPTION"}
                self._notifier.send(policy.notification_uri + "/terminate", body)
                continue
            before = policy.decision
            _decide(policy, policy.request, data)
            if policy.decision != before:
                self._notifier.send(policy.notification_uri + "/update", self._policy_update(policy))


def _check(data: dict[str, Any]) -> None:
    rfsp = optional(data, "rfsp", int)
    if rfsp is not None and not 1 <= rfsp <= 256:
        raise Problem(400, "OPTIONAL_IE_INCORRECT", "rfsp: from 1 to 256")
    optional(data, "servAreaRes", dict)


def _decide(policy: Policy, request: dict[str, Any], data: dict[str, Any]) -> None:
    policy.request, policy.decision = request, am_decision(request, data)


def _association(policy: Policy) -> dict[str, Any]:
    return {"request": policy.request, **policy.decision, "suppFeat": "0"}


def _unknown() -> Problem:
    return Problem(404, "POLICY_ASSOCIATION_NOT_FOUND", "no such policy association")
