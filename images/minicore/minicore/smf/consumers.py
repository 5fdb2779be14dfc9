# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the SMF asks of UDM, PCF and AMF (TS 29.503, TS 29.512, TS 29.518)."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from ..nas.causes import SmCause
from ..sbi import multipart
from ..sbi.message import SbiError
from ..sbi.producers import Producers
from ..settings import Settings
from .contexts import SmContext
from .subscription import Qos, SmRejected, Subscription

log = logging.getLogger(__name__)

WITHOUT_PCF_S = 10.0
"""How long the answer counts that there is no PCF."""

N1_ID, N2_ID = "n1", "n2"
SETUP, MODIFY, RELEASE = "PDU_RES_SETUP_REQ", "PDU_RES_MOD_REQ", "PDU_RES_REL_CMD"


class Consumers:
    def __init__(self, producers: Producers, settings: Settings) -> None:
        self._producers = producers
        self._settings = settings
        self._plmn = {"mcc": settings.mcc, "mnc": settings.mnc}
        self._no_pcf_until = 0.0

    async def subscription(self, supi: str, snssai: dict[str, Any], dnn: str) -> Subscription:
        """sm-data of the slice and DNN. SmRejected where the UE has no right to it, SbiError without an answer."""
        query = {"single-nssai": json.dumps(snssai, separators=(",", ":"))}
        response = await self._producers.request("nudm-sdm", "GET", f"/nudm-sdm/v2/{supi}/sm-data", query=query)
        if response.status == 404:
            cause, _ = response.problem()
            if cause == "USER_NOT_FOUND":
                raise SmRejected(SmCause.REQUEST_REJECTED, f"{supi} is unknown", problem="USER_UNKNOWN")
            raise SmRejected(SmCause.SERVICE_OPTION_NOT_SUBSCRIBED, f"no subscription to the slice {snssai}")
        return Subscription.read(response.require(200).json(), dnn)

    async def register(self, context: SmContext, snssai: dict[str, Any]) -> None:
        """SmfRegistration at the UDM (TS 29.503 clause 5.3.2.2.4)."""
        body = {
            "smfInstanceId": self._settings.instance_id,
            "pduSessionId": context.pdu_session_id,
            "singleNssai": snssai,
            "dnn": context.dnn,
            "plmnId": self._plmn,
        }
        (await self._producers.request("nudm-uecm", "PUT", _registration(context), body)).require(200, 201, 204)

    async def deregister(self, context: SmContext) -> None:
        response = await self._producers.request("nudm-uecm", "DELETE", _registration(context))
        response.require(204, 404)

    async def policy(self, context: SmContext, snssai: dict[str, Any], qos: Qos, notification: str) -> tuple[str, Qos]:
        """SM policy association (TS 29.512 clause 4.2.2); without a PCF the subscription counts. URI and QoS."""
        now = asyncio.get_running_loop().time()
        if now < self._no_pcf_until:
            return "", qos
        try:
            await self._producers.discover("npcf-smpolicycontrol")
        except SbiError:
            self._no_pcf_until = now + WITHOUT_PCF_S
            return "", qos
        body = {
            "supi": context.supi,
            "pduSessionId": context.pdu_session_id,
            "pduSessionType": context.pdu_type,
            "dnn": context.dnn,
            "sliceInfo": snssai,
            "notificationUri": notification,
            "servingNetwork": self._plmn,
            "accessType": "3GPP_ACCESS",
            "ratType": "NR",
            "subsSessAmbr": {
                "uplink": f"{qos.uplink_bits_per_s} bps",
                "downlink": f"{qos.downlink_bits_per_s} bps",
            },
            "subsDefQos": {"5qi": qos.five_qi, "arp": _arp(qos)},
        }
        if context.ue_address:
            body["ipv4Address"] = context.ue_address
        response = await self._producers.request(
            "npcf-smpolicycontrol", "POST", "/npcf-smpolicycontrol/v1/sm-policies", body
        )
        decision = response.require(201).json()
        return response.headers.get("location", ""), decided(decision, qos)

    async def end_policy(self, uri: str) -> None:
        """SM policy association deletion (TS 29.512 clause 4.2.5)."""
        (await self._producers.request_at(uri, "POST", "/delete", {})).require(204, 404)

    async def transfer(
        self,
        context: SmContext,
        amf: str,
        *,
        n1: bytes = b"",
        n2: bytes = b"",
        n2_type: str = "",
        failure_uri: str = "",
    ) -> None:
        """N1N2MessageTransfer to the AMF with the instance id `amf` (TS 29.518 clause 5.2.2.3.1)."""
        data: dict[str, Any] = {"pduSessionId": context.pdu_session_id}
        parts: dict[str, tuple[str, bytes]] = {}
        if n1:
            data["n1MessageContainer"] = {"n1MessageClass": "SM", "n1MessageContent": {"contentId": N1_ID}}
            parts[N1_ID] = (multipart.N1_TYPE, n1)
        if n2:
            content = {"ngapIeType": n2_type, "ngapData": {"contentId": N2_ID}}
            info = {"pduSessionId": context.pdu_session_id, "n2InfoContent": content, "sNssai": context.slice_json()}
            data["n2InfoContainer"] = {"n2InformationClass": "SM", "smInfo": info}
            parts[N2_ID] = (multipart.N2_TYPE, n2)
        if failure_uri:
            data["n1n2FailureTxfNotifURI"] = failure_uri
        content_type, body = multipart.encode(data, parts)
        response = await self._producers.request(
            "namf-comm",
            "POST",
            f"/namf-comm/v1/ue-contexts/{context.supi}/n1-n2-messages",
            body,
            headers={"content-type": content_type},
            discovery={"target-nf-instance-id": amf} if amf else None,
        )
        response.require(200, 202)

    async def notify_released(self, uri: str) -> None:
        """SmContextStatusNotification (TS 29.502 clause 5.2.2.5); the AMF may have forgotten the session."""
        body = {"statusInfo": {"resourceStatus": "RELEASED"}}
        (await self._producers.request_at(uri, "POST", body=body)).require(200, 204, 404)


def decided(decision: object, qos: Qos) -> Qos:
    """The QoS with what the session rules of an SmPolicyDecision say (TS 29.512 clause 5.6.2.4)."""
    rules = decision.get("sessRules") if isinstance(decision, dict) else None
    if not isinstance(rules, dict):
        return qos
    try:
        for rule in rules.values():
            qos = qos.changed(rule.get("authSessAmbr"), rule.get("authDefQos"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SbiError(f"SmPolicyDecision is malformed: {error!r}") from error
    return qos


def _registration(context: SmContext) -> str:
    return f"/nudm-uecm/v1/{context.supi}/registrations/smf-registrations/{context.pdu_session_id}"


def _arp(qos: Qos) -> dict[str, Any]:
    return {
        "priorityLevel": qos.arp_priority,
        "preemptCap": "MAY_PREEMPT" if qos.may_preempt else "NOT_PREEMPT",
        "preemptVuln": "PREEMPTABLE" if qos.is_preemptable else "NOT_PREEMPTABLE",
    }
