# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of subscription data (TS 29.505 clause 5.2): authentication, contexts, provisioned data, subscriptions."""

from __future__ import annotations

from typing import Any

from ..nf import NetworkFunction
from ..sbi.fields import document, need, need_uri, need_uris, optional, pdu_session_id
from ..sbi.message import Problem, Request, Response, json_response
from ..sbi.router import Router
from . import paths
from .provisioning import read_sqn
from .subscribers import Subscriber, SubscriberStore
from .subscriptions import Subscriptions

UE = "{ueId}"
IND_LENGTH = 5
"""Bits of IND in an SQN (TS 33.102 clause C.3.2)."""


class SubscriptionDataApi:
    def __init__(self, store: SubscriberStore, subscriptions: Subscriptions, nf: NetworkFunction) -> None:
        self._store = store
        self._subscriptions = subscriptions
        self._nf = nf

    def add_routes(self, router: Router) -> None:
        authentication = paths.AUTHENTICATION_SUBSCRIPTION.format(UE)
        router.add("GET", authentication, self.get_authentication)
        router.add("PATCH", authentication, self.patch_authentication)
        status = paths.AUTHENTICATION_STATUS.format(UE)
        router.add("GET", status, self.get_status)
        router.add("PUT", status, self.put_status)
        router.add("DELETE", status, self.delete_status)
        amf = paths.AMF_REGISTRATION.format(UE)
        router.add("GET", amf, self.get_amf)
        router.add("PUT", amf, self.put_amf)
        router.add("DELETE", amf, self.delete_amf)
        smf = paths.SMF_REGISTRATIONS.format(UE)
        router.add("GET", smf, self.get_smfs)
        router.add("GET", smf + "/{pduSessionId}", self.get_smf)
        router.add("PUT", smf + "/{pduSessionId}", self.put_smf)
        router.add("DELETE", smf + "/{pduSessionId}", self.delete_smf)
        provisioned = paths.PROVISIONED_DATA.format(UE, "{servingPlmnId}")
        router.add("GET", provisioned, self.get_datasets)
        router.add("GET", provisioned + "/{dataset}", self.get_provisioned)
        router.add("POST", paths.SUBSCRIPTION_SUBS, self.subscribe)
        router.add("DELETE", paths.SUBSCRIPTION_SUBS + "/{subsId}", self.unsubscribe)

    async def get_authentication(self, request: Request, ue_id: str) -> Response:
        """AuthenticationSubscription (clause 5.4.2.2), for the UDM alone: the only resource that holds keys."""
        subscriber = self._find(ue_id)
        return json_response(
            {
                "authenticationMethod": "5G_AKA",
                "encPermanentKey": subscriber.k.hex(),
                "encOpcKey": subscriber.opc.hex(),
                "algorithmId": "milenage",
                "authenticationManagementField": subscriber.amf.hex(),
                "sequenceNumber": {
                    "sqnScheme": "NON_TIME_BASED",
                    "sqn": f"{subscriber.sqn:012x}",
                    "indLength": IND_LENGTH,
                },
                "supi": ue_id,
            }
        )

    async def patch_authentication(self, request: Request, ue_id: str) -> Response:
        """Change the SQN (JSON patch). All or nothing, and with a `test` before only if no other UDM was faster."""
        subscriber = self._find(ue_id)
        operations = request.json()
        if not isinstance(operations, list) or not operations:
            raise Problem(400, "INVALID_MSG_FORMAT", "a list of patch items is expected")
        sqn = subscriber.sqn
        for item in operations:
            if not isinstance(item, dict):
                raise Problem(400, "INVALID_MSG_FORMAT", "a patch item is a JSON object")
            value = _patched_sqn(item)
            match item.get("op"):
                case "test":
                    if value != sqn:
                        raise Problem(409, "MODIFICATION_NOT_ALLOWED", "the sequence number is another one by now")
                case "replace" | "add":
                    sqn = value
                case _:
                    raise Problem(403, "MODIFICATION_NOT_ALLOWED", "only test, add and replace")
        subscriber.sqn = sqn
        return Response(204)

    async def get_status(self, request: Request, ue_id: str) -> Response:
        """AuthEvent (clause 5.2.3)."""
        status = self._find(ue_id).authentication_status
        if status is None:
            raise Problem(404, "DATA_NOT_FOUND", "no authentication yet")
        return json_response(status)

    async def put_status(self, request: Request, ue_id: str) -> Response:
        subscriber = self._find(ue_id)
        event = document(request)
        need(event, "success", bool)
        subscriber.authentication_status = event
        return Response(204)

    async def delete_status(self, request: Request, ue_id: str) -> Response:
        self._find(ue_id).authentication_status = None
        return Response(204)

    async def get_amf(self, request: Request, ue_id: str) -> Response:
        """Amf3GppAccessRegistration (clause 5.2.9)."""
        registration = self._find(ue_id).amf_registration
        if registration is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", "no AMF is registered")
        return json_response(registration)

    async def put_amf(self, request: Request, ue_id: str) -> Response:
        """Store the registration; the answer to a change (200) has the one that it replaces, which 3GPP leaves open."""
        subscriber = self._find(ue_id)
        registration = document(request)
        need(registration, "amfInstanceId", str)
        former, subscriber.amf_registration = subscriber.amf_registration, registration
        if former is None:
            return Response(201, {"location": self._nf.root + paths.AMF_REGISTRATION.format(ue_id)})
        return json_response(former)

    async def delete_amf(self, request: Request, ue_id: str) -> Response:
        self._find(ue_id).amf_registration = None
        return Response(204)

    async def get_smfs(self, request: Request, ue_id: str) -> Response:
        registrations = self._find(ue_id).smf_registrations or {}
        return json_response(list(registrations.values()))

    async def get_smf(self, request: Request, ue_id: str, session: str) -> Response:
        """SmfRegistration (clause 5.2.12)."""
        registration = (self._find(ue_id).smf_registrations or {}).get(pdu_session_id(session))
        if registration is None:
            raise Problem(404, "CONTEXT_NOT_FOUND", f"no SMF is registered for PDU session {session}")
        return json_response(registration)

    async def put_smf(self, request: Request, ue_id: str, session: str) -> Response:
        subscriber, number = self._find(ue_id), pdu_session_id(session)
        registration = document(request)
        need(registration, "smfInstanceId", str)
        if subscriber.smf_registrations is None:
            subscriber.smf_registrations = {}
        is_new = number not in subscriber.smf_registrations
        subscriber.smf_registrations[number] = registration
        if is_new:
            location = f"{self._nf.root}{paths.SMF_REGISTRATIONS.format(ue_id)}/{number}"
            return Response(201, {"location": location})
        return Response(204)

    async def delete_smf(self, request: Request, ue_id: str, session: str) -> Response:
        subscriber, number = self._find(ue_id), pdu_session_id(session)
        if number not in (subscriber.smf_registrations or {}):
            raise Problem(404, "CONTEXT_NOT_FOUND", f"no SMF is registered for PDU session {session}")
        assert subscriber.smf_registrations is not None
        del subscriber.smf_registrations[number]
        return Response(204)

    async def get_provisioned(self, request: Request, ue_id: str, plmn: str, dataset: str) -> Response:
        """Provisioned data (clauses 5.2.4 to 5.2.8); the same in every serving PLMN."""
        subscriber = self._find(ue_id)
        name = paths.PROVISIONED.get(dataset)
        if name is None:
            raise Problem(404, "DATA_NOT_FOUND", dataset)
        return json_response(getattr(subscriber, name))

    async def get_datasets(self, request: Request, ue_id: str, plmn: str) -> Response:
        """All provisioned data at once: ProvisionedDataSets (clause 5.2.4)."""
        subscriber = self._find(ue_id)
        return json_response(
            {
                attribute: getattr(subscriber, paths.PROVISIONED[dataset])
                for dataset, attribute in paths.DATASET_ATTRIBUTES.items()
            }
        )

    async def subscribe(self, request: Request) -> Response:
        """SubscriptionDataSubscriptions (clause 5.4.2.12); without `ueId` for all UEs."""
        data = request.json_object()
        ue_id = optional(data, "ueId", str) or ""
        if ue_id:
            self._find(ue_id)
        optional(data, "sdmSubscription", dict)
        optional(data, "originalCallbackReference", list)
        subscription = self._subscriptions.add(
            ue_id, need_uri(data, "callbackReference"), need_uris(data, "monitoredResourceUris"), data
        )
        location = f"{self._nf.root}{paths.SUBSCRIPTION_SUBS}/{subscription.subscription_id}"
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


def _patched_sqn(item: dict[str, Any]) -> int:
    match item.get("path"):
        case "/sequenceNumber/sqn":
            return read_sqn(item.get("value"))
        case "/sequenceNumber":
            return read_sqn(need(item, "value", dict).get("sqn"))
    raise Problem(403, "MODIFICATION_NOT_ALLOWED", "only sequenceNumber can be changed")
