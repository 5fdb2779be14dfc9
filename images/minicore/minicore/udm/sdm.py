# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nudm_SubscriberDataManagement (TS 29.503 clause 5.2): subscriber data, and notifications of their changes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from ..nf import NetworkFunction
from ..sbi.fields import document, need, need_uri, need_uris, snssai
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.notifier import Notifier
from ..sbi.router import Router
from .sdm_resources import ATTRIBUTES, DATASETS, SDM, SdmSubscription, monitored, notify_items
from .store import Store

UE = SDM.format("{supi}")
SUBSCRIPTIONS = UE + "/sdm-subscriptions"
DATA_CHANGE = "/minicore/v1/udm/data-change"
"""Where the UDR reports changes to; a path of our own, as callbacks are."""


class SubscriberData:
    def __init__(self, nf: NetworkFunction, store: Store, notifier: Notifier) -> None:
        self._nf = nf
        self._store = store
        self._notifier = notifier

    def add_routes(self, router: Router) -> None:
        router.add("GET", UE, self.get_sets)
        router.add("GET", UE + "/{resource}", self.get)
        router.add("POST", SUBSCRIPTIONS, self.subscribe)
        router.add("DELETE", SUBSCRIPTIONS + "/{subscriptionId}", self.unsubscribe)
        router.add("POST", DATA_CHANGE, self.data_change)

    async def get(self, request: Request, supi: str, resource: str) -> Response:
        """One resource (clauses 5.2.2.2.2 to 5.2.2.2.6)."""
        if resource not in DATASETS:
            raise Problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", resource[:40])
        return json_response(await self._read(supi, resource, request.query))

    async def get_sets(self, request: Request, supi: str) -> Response:
        """Several data sets at once (clause 5.2.2.2.7)."""
        names = request.query.get("dataset-names")
        if names is None:
            raise Problem(400, "MANDATORY_QUERY_PARAM_MISSING", "dataset-names")
        answer = {}
        for name in dict.fromkeys(names.split(",")):
            if name not in ATTRIBUTES:
                raise Problem(400, "MANDATORY_QUERY_PARAM_INCORRECT", f"dataset-names: {name[:20]}")
            attribute, resource = ATTRIBUTES[name]
            answer[attribute] = await self._read(supi, resource, request.query)
        return json_response(answer)

    async def subscribe(self, request: Request, supi: str) -> Response:
        """SdmSubscription (clause 5.2.2.3)."""
        data = document(request)
        need(data, "nfInstanceId", str)
        callback = need_uri(data, "callbackReference")
        subscription = SdmSubscription(supi, callback, monitored(need_uris(data, "monitoredResourceUris")), data)
        subscription_id = await self._store.subscribe(subscription, self._nf.root + DATA_CHANGE)
        location = f"{self._nf.root}{SUBSCRIPTIONS.format(supi=supi)}/{subscription_id}"
        return json_response({**data, "subscriptionId": subscription_id}, 201, {"location": location})

    async def unsubscribe(self, request: Request, supi: str, subscription_id: str) -> Response:
        """Clause 5.2.2.4."""
        if not (subscription_id.isascii() and subscription_id.isalnum()) or not await self._store.unsubscribe(
            supi, subscription_id
        ):
            raise Problem(404, "SUBSCRIPTION_NOT_FOUND", subscription_id[:40])
        return Response(204)

    async def data_change(self, request: Request) -> Response:
        """DataChangeNotify of the UDR (TS 29.505 clause 5.4.2.13), passed on to the consumers (clause 5.2.2.5.2)."""
        data = request.json_object()
        supi, items = need(data, "ueId", str), need(data, "notifyItems", list)
        stateless = _kept_by_the_udr(supi, data)
        outgoing: dict[int, tuple[SdmSubscription, list[dict[str, Any]]]] = {}
        for item in items:
            if not isinstance(item, dict):
                raise Problem(400, "MANDATORY_IE_INCORRECT", "notifyItems")
            dataset = urlsplit(need(item, "resourceId", str)).path.rsplit("/", 1)[-1]
            changes = need(item, "changes", list)
            for one in [*self._store.data_changed(supi, dataset), *stateless]:
                found = notify_items(one.resources, self._nf.root, supi, dataset, changes)
                outgoing.setdefault(id(one), (one, []))[1].extend(found)
            if dataset == DATASETS["am-data"] and {"op": "REMOVE", "path": ""} in changes:
                self._withdraw(supi)
        for one, notify in outgoing.values():
            if notify:
                self._notifier.send(one.callback, {"notifyItems": notify})
        return Response(204)

    def _withdraw(self, supi: str) -> None:
        """The subscriber is gone: its AMF deregisters it (clause 5.3.2.3.2)."""
        registration = self._store.withdrawn(supi)
        if registration is not None:
            body = {"deregReason": "SUBSCRIPTION_WITHDRAWN", "accessType": "3GPP_ACCESS"}
            self._notifier.send(registration["deregCallbackUri"], body)

    async def _read(self, supi: str, resource: str, query: dict[str, str]) -> Any:
        document = await self._store.provisioned(supi, DATASETS[resource])
        if resource == "sm-data":
            return _selected(document, query)
        if resource == "nssai":
            document = document.get("nssai") if isinstance(document, dict) else None
        if not document:
            raise Problem(404, "DATA_NOT_FOUND", resource)
        return document


def _kept_by_the_udr(supi: str, data: dict[str, Any]) -> list[SdmSubscription]:
    """The consumer's subscription of a stateless UDM, that the UDR gives with each notification."""
    body, callbacks = data.get("sdmSubscription"), data.get("originalCallbackReference")
    if not isinstance(body, dict) or not isinstance(callbacks, list):
        return []
    resources = monitored(need_uris(body, "monitoredResourceUris"))
    return [SdmSubscription(supi, one, resources, body) for one in callbacks if isinstance(one, str)]


def _selected(document: Any, query: dict[str, str]) -> list[dict[str, Any]]:
    """sm-data of the slice and DNN that the query names (clause 6.1.3.8.3.1)."""
    entries = [one for one in document if isinstance(one, dict)]
    if "single-nssai" in query:
        try:
            wanted = snssai(json.loads(query["single-nssai"]))
        except (ValueError, RecursionError, Problem) as error:
            raise Problem(400, "OPTIONAL_QUERY_PARAM_INCORRECT", "single-nssai") from error
        entries = [one for one in entries if _slice(one) == wanted]
    if "dnn" in query:
        dnn = query["dnn"]
        entries = [
            {**one, "dnnConfigurations": {dnn: one["dnnConfigurations"][dnn]}}
            for one in entries
            if isinstance(one.get("dnnConfigurations"), dict) and dnn in one["dnnConfigurations"]
        ]
    if not entries:
        raise Problem(404, "DATA_NOT_FOUND", "no sm-data for this slice and DNN")
    return entries


def _slice(entry: dict[str, Any]) -> str:
    """The slice of an entry of sm-data; empty if the provisioned entry names none."""
    try:
        return snssai(entry.get("singleNssai"))
    except Problem:
        return ""
