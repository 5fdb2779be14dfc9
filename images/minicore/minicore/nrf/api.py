# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of Nnrf_NFManagement and Nnrf_NFDiscovery (TS 29.510 clauses 6.1.3 and 6.2.3)."""

from __future__ import annotations

from collections.abc import Callable

from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from . import discovery
from . import profile as nf_profile
from .json_patch import PatchError
from .registry import Registry
from .subscriptions import Subscriptions

INSTANCES = "/nnrf-nfm/v1/nf-instances"
INSTANCE = INSTANCES + "/{nfInstanceId}"
SUBSCRIPTIONS = "/nnrf-nfm/v1/subscriptions"
SUBSCRIPTION = SUBSCRIPTIONS + "/{subscriptionID}"
DISCOVERY = "/nnrf-disc/v1/nf-instances"


class NrfApi:
    """`root` gives the NRF's own apiRoot, `validity_s` how long a consumer may keep what it discovered."""

    def __init__(
        self, registry: Registry, subscriptions: Subscriptions, root: Callable[[], str], validity_s: int
    ) -> None:
        self._registry = registry
        self._subscriptions = subscriptions
        self._root = root
        self._validity_s = validity_s

    def add_routes(self, router: Router) -> None:
        router.add("GET", INSTANCES, self.list_instances)
        router.add("PUT", INSTANCE, self.register)
        router.add("PATCH", INSTANCE, self.update)
        router.add("GET", INSTANCE, self.get)
        router.add("DELETE", INSTANCE, self.deregister)
        router.add("POST", SUBSCRIPTIONS, self.subscribe)
        router.add("PATCH", SUBSCRIPTION, self.prolong)
        router.add("DELETE", SUBSCRIPTION, self.unsubscribe)
        router.add("GET", DISCOVERY, self.discover)

    async def list_instances(self, request: Request) -> Response:
        wanted = request.query.get("nf-type")
        links = [
            {"href": f"{self._root()}{INSTANCES}/{profile['nfInstanceId']}"}
            for profile in self._registry.profiles()
            if wanted in (None, profile["nfType"])
        ]
        return json_response(
            {"_links": {"self": {"href": self._root() + INSTANCES}, "items": links}, "totalItemCount": len(links)}
        )

    async def register(self, request: Request, instance_id: str) -> Response:
        profile = request.json_object()
        nf_profile.check(profile, instance_id)
        stored, created = self._registry.register(instance_id, profile)
        if created:
            return json_response(stored, 201, {"location": f"{self._root()}{INSTANCES}/{instance_id}"})
        return json_response(stored)

    async def update(self, request: Request, instance_id: str) -> Response:
        try:
            profile, changed = self._registry.patch(instance_id, request.json())
        except PatchError as error:
            raise Problem(400, "INVALID_MSG_FORMAT", str(error)) from error
        except KeyError as error:
            raise _unknown(instance_id) from error
        return json_response(profile) if changed else Response(204)

    async def get(self, request: Request, instance_id: str) -> Response:
        try:
            return json_response(self._registry.get(instance_id))
        except KeyError as error:
            raise _unknown(instance_id) from error

    async def deregister(self, request: Request, instance_id: str) -> Response:
        try:
            self._registry.deregister(instance_id)
        except KeyError as error:
            raise _unknown(instance_id) from error
        return Response(204)

    async def subscribe(self, request: Request) -> Response:
        """Clause 5.2.2.5.2."""
        subscription = self._subscriptions.add(request.json_object())
        location = f"{self._root()}{SUBSCRIPTIONS}/{subscription.subscription_id}"
        return json_response(subscription.data, 201, {"location": location})

    async def prolong(self, request: Request, subscription_id: str) -> Response:
        """Clause 5.2.2.5.6: the one thing that a patch may change is the validity time."""
        operations = request.json()
        match operations:
            case [{"op": "add" | "replace", "path": "/validityTime", "value": str() as validity_time}]:
                try:
                    return json_response(self._subscriptions.prolong(subscription_id, validity_time).data)
                except KeyError as error:
                    raise _no_subscription(subscription_id) from error
            case _:
                raise Problem(403, "MODIFICATION_NOT_ALLOWED", "only validityTime can be replaced")

    async def unsubscribe(self, request: Request, subscription_id: str) -> Response:
        """Clause 5.2.2.6."""
        try:
            self._subscriptions.remove(subscription_id)
        except KeyError as error:
            raise _no_subscription(subscription_id) from error
        return Response(204)

    async def discover(self, request: Request) -> Response:
        found = discovery.find(self._registry.profiles(), request.query)
        return json_response({"validityPeriod": self._validity_s, "nfInstances": found})


def _no_subscription(subscription_id: str) -> Problem:
    return Problem(404, "SUBSCRIPTION_NOT_FOUND", f"no subscription {subscription_id}")


def _unknown(instance_id: str) -> Problem:
    return Problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", f"no NF instance {instance_id}")
