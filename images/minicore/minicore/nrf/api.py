# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of Nnrf_NFManagement and Nnrf_NFDiscovery (TS 29.510 clauses 6.1.3 and 6.2.3)."""

from __future__ import annotations

from typing import Any

from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from .json_patch import PatchError
from .registry import Registry

INSTANCES = "/nnrf-nfm/v1/nf-instances"
INSTANCE = INSTANCES + "/{nfInstanceId}"
DISCOVERY = "/nnrf-disc/v1/nf-instances"


class NrfApi:
    def __init__(self, registry: Registry, root: str) -> None:
        self._registry = registry
        self._root = root

    def add_routes(self, router: Router) -> None:
        router.add("GET", INSTANCES, self.list_instances)
        router.add("PUT", INSTANCE, self.register)
        router.add("PATCH", INSTANCE, self.update)
        router.add("GET", INSTANCE, self.get)
        router.add("DELETE", INSTANCE, self.deregister)
        router.add("GET", DISCOVERY, self.discover)

    async def list_instances(self, request: Request) -> Response:
        wanted = request.query.get("nf-type")
        links = [
            {"href": f"{self._root}{INSTANCES}/{profile['nfInstanceId']}"}
            for profile in self._registry.profiles()
            if wanted in (None, profile["nfType"])
        ]
        return json_response(
            {"_links": {"self": {"href": self._root + INSTANCES}, "items": links}, "totalItemCount": len(links)}
        )

    async def register(self, request: Request, instance_id: str) -> Response:
        profile = request.json_object()
        for name in ("nfInstanceId", "nfType", "nfStatus"):
            if not isinstance(profile.get(name), str):
                raise Problem(400, "MANDATORY_IE_MISSING", name)
        if profile["nfInstanceId"] != instance_id:
            raise Problem(400, "MANDATORY_IE_INCORRECT", "nfInstanceId differs from the resource")
        stored, created = self._registry.register(instance_id, profile)
        if created:
            return json_response(stored, 201, {"location": f"{self._root}{INSTANCES}/{instance_id}"})
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

    async def discover(self, request: Request) -> Response:
        query = request.query
        for name in ("target-nf-type", "requester-nf-type"):
            if name not in query:
                raise Problem(400, "MANDATORY_QUERY_PARAM_MISSING", name)
        services = set(query["service-names"].split(",")) if "service-names" in query else None
        found = [
            profile
            for profile in self._registry.profiles()
            if profile["nfType"] == query["target-nf-type"]
            and profile["nfStatus"] == "REGISTERED"
            and query.get("target-nf-instance-id") in (None, profile["nfInstanceId"])
            and (services is None or services & _service_names(profile))
        ]
        return json_response({"validityPeriod": 10, "nfInstances": found})


def _service_names(profile: dict[str, Any]) -> set[str]:
    return {str(service.get("serviceName")) for service in profile.get("nfServices", [])}


def _unknown(instance_id: str) -> Problem:
    return Problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", f"no NF instance {instance_id}")
