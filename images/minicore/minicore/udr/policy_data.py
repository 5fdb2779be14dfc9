# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of policy data (TS 29.519 clause 5.2)."""

from __future__ import annotations

from ..nf import NetworkFunction
from ..sbi.fields import need_uri, need_uris
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from . import paths
from .subscribers import Subscriber, SubscriberStore
from .subscriptions import Subscriptions


class PolicyDataApi:
    def __init__(self, store: SubscriberStore, subscriptions: Subscriptions, nf: NetworkFunction) -> None:
        self._store = store
        self._subscriptions = subscriptions
        self._nf = nf

    def add_routes(self, router: Router) -> None:
        router.add("GET", paths.POLICY_UE.format("{ueId}"), self.get_all)
        router.add("GET", paths.AM_POLICY.format("{ueId}"), self.get_am)
        router.add("GET", paths.SM_POLICY.format("{ueId}"), self.get_sm)
        router.add("POST", paths.POLICY_SUBS, self.subscribe)
        router.add("DELETE", paths.POLICY_SUBS + "/{subsId}", self.unsubscribe)

    async def get_all(self, request: Request, ue_id: str) -> Response:
        """PolicyDataForIndividualUe: all policy data at once."""
        subscriber = self._find(ue_id)
        documents = {paths.AM_POLICY: subscriber.am_policy, paths.SM_POLICY: subscriber.sm_policy}
        return json_response({name: documents[template] for template, name in paths.POLICY_SETS.items()})

    async def get_am(self, request: Request, ue_id: str) -> Response:
        """AmPolicyData (clause 5.2.4)."""
        return json_response(self._find(ue_id).am_policy)

    async def get_sm(self, request: Request, ue_id: str) -> Response:
        """SmPolicyData (clause 5.2.7)."""
        return json_response(self._find(ue_id).sm_policy)

    async def subscribe(self, request: Request) -> Response:
        """PolicyDataSubscription (clause 5.4.2.7)."""
        data = request.json_object()
        callback, uris = need_uri(data, "notificationUri"), need_uris(data, "monitoredResourceUris")
        subscription = self._subscriptions.add("", callback, uris, data)
        location = f"{self._nf.root}{paths.POLICY_SUBS}/{subscription.subscription_id}"
        return json_response(data, 201, {"location": location})

    async def unsubscribe(self, request: Request, subscription_id: str) -> Response:
        if not self._subscriptions.remove(subscription_id):
            raise Problem(404, "SUBSCRIPTION_NOT_FOUND", subscription_id[:40])
        return Response(204)

    def _find(self, ue_id: str) -> Subscriber:
        subscriber = self._store.get(ue_id)
        if subscriber is None:
            raise Problem(404, "USER_NOT_FOUND", ue_id[:40])
        return subscriber
