# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Npcf_SMPolicyControl (TS 29.512 clause 4.2): session rules and PCC rules for an SMF."""

from __future__ import annotations

from typing import Any

from ..nf import NetworkFunction
from ..sbi.fields import document, need, need_integer, need_uri, optional, snssai
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.notifier import Notifier
from ..sbi.router import Router
from ..udr import paths
from .decisions import changes, sm_decision
from .policies import Policy, PolicyStore
from .policy_data import PolicyData

POLICIES = "/npcf-smpolicycontrol/v1/sm-policies"
POLICY = POLICIES + "/{smPolicyId}"
SESSION_TYPES = ("IPV4", "IPV6", "IPV4V6", "UNSTRUCTURED", "ETHERNET")


class SmPolicyControl:
    def __init__(self, nf: NetworkFunction, store: PolicyStore, data: PolicyData, notifier: Notifier) -> None:
        self._nf = nf
        self._store = store
        self._data = data
        self._notifier = notifier
        data.on_change(paths.SM_POLICY, self._policy_data_changed)

    def add_routes(self, router: Router) -> None:
        router.add("POST", POLICIES, self.create)
        router.add("GET", POLICY, self.get)
        router.add("POST", POLICY + "/update", self.update)
        router.add("POST", POLICY + "/delete", self.delete)

    async def create(self, request: Request) -> Response:
        """SmPolicyContextData to SmPolicyDecision (clause 4.2.2)."""
        data = document(request)
        uri, supi = need_uri(data, "notificationUri"), need(data, "supi", str)
        session = need_integer(data, "pduSessionId", 0, 255)
        need(data, "dnn", str)
        snssai(need(data, "sliceInfo", dict), "sliceInfo")
        if need(data, "pduSessionType", str) not in SESSION_TYPES:
            raise Problem(400, "MANDATORY_IE_INCORRECT", "pduSessionType")
        _check(data)
        created: list[Policy] = []
        await self._data.read(
            paths.SM_POLICY,
            supi,
            lambda policy: created.append(self._store.add((supi, session), uri, data, sm_decision(data, policy))),
        )
        policy = created[0]
        return json_response(policy.decision, 201, {"location": self._uri(policy)})

    async def get(self, request: Request, policy_id: str) -> Response:
        """SmPolicyControl (clause 5.6.2.2)."""
        policy = self._find(policy_id)
        return json_response({"context": policy.request, "policy": policy.decision})

    async def update(self, request: Request, policy_id: str) -> Response:
        """SmPolicyUpdateContextData to the SmPolicyDecision's changes (clause 4.2.4)."""
        policy = self._find(policy_id)
        data = document(request)
        optional(data, "repPolicyCtrlReqTriggers", list)
        _check(data)
        # What identifies the session does not change.
        fixed = {name: policy.request[name] for name in ("supi", "pduSessionId", "dnn", "sliceInfo", "pduSessionType")}
        changed = {**policy.request, **data, **fixed}
        before = policy.decision
        await self._data.read(paths.SM_POLICY, policy.supi, lambda found: _decide(policy, changed, found))
        return json_response(changes(before, policy.decision))

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

    def _uri(self, policy: Policy) -> str:
        return f"{self._nf.root}{POLICIES}/{policy.policy_id}"

    def _policy_data_changed(self, supi: str, data: dict[str, Any] | None) -> None:
        """Update notification, or the request to end the association (clauses 4.2.3.2 and 4.2.3.3)."""
        for policy in self._store.of(supi):
            if data is None:
                body: dict[str, Any] = {"resourceUri": self._uri(policy), "cause": "UE_SUBSCRIPTION"}
                self._notifier.send(policy.notification_uri + "/terminate", body)
                continue
            before = policy.decision
            _decide(policy, policy.request, data)
            changed = changes(before, policy.decision)
            if changed:
                body = {"resourceUri": self._uri(policy), "smPolicyDecision": changed}
                self._notifier.send(policy.notification_uri + "/update", body)


def _check(data: dict[str, Any]) -> None:
    optional(data, "subsSessAmbr", dict)
    optional(data, "subsDefQos", dict)


def _decide(policy: Policy, request: dict[str, Any], data: dict[str, Any]) -> None:
    policy.request, policy.decision = request, sm_decision(request, data)


def _unknown() -> Problem:
    return Problem(404, "POLICY_ASSOCIATION_NOT_FOUND", "no such policy association")
