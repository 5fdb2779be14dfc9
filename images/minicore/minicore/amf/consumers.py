# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the AMF asks of other NFs about a UE: AUSF, UDM, PCF, NSSF. The SMF is in sessions.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..ngap.values import BitRate, Snssai
from ..sbi.message import Response, SbiError
from ..sbi.producers import Producers
from . import slices
from .config import AmfConfig

DEFAULT_AMBR = BitRate(10**9, 10**9)
"""UE AMBR of a subscriber whose data has none: the gNB needs one (TS 38.413 clause 9.2.2.1)."""


class Malformed(SbiError):
    """A producer answered what its specification does not have."""


class Challenge(NamedTuple):
    """What the AUSF gives for one run of 5G-AKA (TS 29.509 clause 6.1.6.2.5)."""

    rand: bytes
    autn: bytes
    hxres_star: bytes
    confirmation: str
    """URI to which RES* goes."""


class Confirmation(NamedTuple):
    success: bool
    supi: str
    k_seaf: bytes


class Ausf:
    """Nausf_UEAuthentication (TS 29.509)."""

    def __init__(self, producers: Producers, serving_network_name: str) -> None:
        self._producers = producers
        self._serving_network_name = serving_network_name

    async def authenticate(self, identity: str, resynchronization: tuple[bytes, bytes] | None = None) -> Challenge:
        """Begin for a SUPI or SUCI; `resynchronization` is the RAND that the UE refused and its AUTS."""
        body: dict[str, Any] = {"supiOrSuci": identity, "servingNetworkName": self._serving_network_name}
        if resynchronization is not None:
            rand, auts = resynchronization
            body["resynchronizationInfo"] = {"rand": rand.hex(), "auts": auts.hex()}
        response = await self._producers.request("nausf-auth", "POST", "/nausf-auth/v1/ue-authentications", body)
        answer = response.require(201).json()
        try:
            vector = answer["5gAuthData"]
            link = answer["_links"]["5g-aka"]
            return Challenge(
                bytes.fromhex(vector["rand"]),
                bytes.fromhex(vector["autn"]),
                bytes.fromhex(vector["hxresStar"]),
                str((link[0] if isinstance(link, list) else link)["href"]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Malformed(f"UEAuthenticationCtx without {error}") from error

    async def confirm(self, challenge: Challenge, res_star: bytes) -> Confirmation:
        response = await self._producers.request_at(challenge.confirmation, "PUT", body={"resStar": res_star.hex()})
        answer = response.require(200).json()
        try:
            if answer["authResult"] != "AUTHENTICATION_SUCCESS":
                return Confirmation(False, "", b"")
            return Confirmation(True, str(answer["supi"]), bytes.fromhex(answer["kseaf"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed(f"ConfirmationDataResponse without {error}") from error


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the AMF keeps of am-data and smf-select-data (TS 29.503 clauses 6.1.6.2.4 and 6.1.6.2.22)."""

    nssais: tuple[Snssai, ...]
    default_nssais: tuple[Snssai, ...]
    dnns: dict[Snssai, tuple[str, ...]]
    """The first DNN of a slice is its default."""
    ambr: BitRate = DEFAULT_AMBR


class Udm:
    """Nudm_UECM and Nudm_SDM (TS 29.503)."""

    def __init__(self, producers: Producers, config: AmfConfig, instance_id: str) -> None:
        self._producers = producers
        self._config = config
        self._instance_id = instance_id
        self._plmn = {"plmn-id": json.dumps(config.plmn, separators=(",", ":"))}

    async def register(self, supi: str, callback: str, is_initial: bool) -> None:
        """Become the UE's serving AMF; `callback` gets the deregistration when another AMF becomes it."""
        body = {
            "amfInstanceId": self._instance_id,
            "deregCallbackUri": callback,
            "guami": self._config.guami,
            "ratType": "NR",
            "initialRegistrationInd": is_initial,
        }
        (await self._producers.request("nudm-uecm", "PUT", self._registration(supi), body)).require(200, 201, 204)

    async def purge(self, supi: str) -> None:
        """Clause 5.3.2.4: the UE is deregistered."""
        body = {"guami": self._config.guami, "purgeFlag": True}
        headers = {"content-type": "application/merge-patch+json"}
        response = await self._producers.request(
            "nudm-uecm", "PATCH", self._registration(supi), json.dumps(body).encode(), headers=headers
        )
        response.require(200, 204)

    async def subscription(self, supi: str) -> Subscription:
        """Both kinds of data by one request (clause 5.2.2.2.7)."""
        query = {"dataset-names": "AM,SMF_SEL", **self._plmn}
        response = await self._producers.request("nudm-sdm", "GET", f"/nudm-sdm/v2/{supi}", query=query)
        return _read_subscription(_object(response.require(200)))

    async def subscribe(self, supi: str, callback: str) -> str:
        """Ask for changes of the data that the AMF keeps; return the URI of the subscription."""
        body = {
            "nfInstanceId": self._instance_id,
            "callbackReference": callback,
            "monitoredResourceUris": [f"/nudm-sdm/v2/{supi}/am-data", f"/nudm-sdm/v2/{supi}/smf-select-data"],
            "implicitUnsubscribe": True,
        }
        path = f"/nudm-sdm/v2/{supi}/sdm-subscriptions"
        response = await self._producers.request("nudm-sdm", "POST", path, body)
        return _location(response.require(201))

    async def unsubscribe(self, subscription: str) -> None:
        (await self._producers.request_at(subscription, "DELETE")).require(200, 204, 404)

    @staticmethod
    def _registration(supi: str) -> str:
        return f"/nudm-uecm/v1/{supi}/registrations/amf-3gpp-access"


def _read_subscription(datasets: dict[str, Any]) -> Subscription:
    """From SubscriptionDataSets (TS 29.503 clause 6.1.6.2.15), or raise Malformed."""
    try:
        am_data, smf_select_data = datasets["amData"], datasets.get("smfSelData", {})
        nssai = am_data.get("nssai") or {}
        default = tuple(slices.from_json(value) for value in nssai.get("defaultSingleNssais", []))
        others = tuple(slices.from_json(value) for value in nssai.get("singleNssais", []))
        infos = smf_select_data.get("subscribedSnssaiInfos", {})
        dnns = {slices.parse(name): _dnns(info["dnnInfos"]) for name, info in infos.items()}
        ambr = am_data.get("subscribedUeAmbr")
        rate = DEFAULT_AMBR if ambr is None else BitRate(_bit_rate(ambr["downlink"]), _bit_rate(ambr["uplink"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(f"subscription data: {error}") from error
    return Subscription(tuple(dict.fromkeys(default + others)), default, dnns, rate)


def _bit_rate(text: str) -> int:
    """BitRate of TS 29.571 clause 5.5.2 in bit/s."""
    number, unit = text.split(" ")
    return int(float(number) * 1000 ** ("bps", "Kbps", "Mbps", "Gbps", "Tbps").index(unit))


def _dnns(infos: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    ordered = sorted(infos, key=lambda info: not info.get("defaultDnnIndicator", False))
    return tuple(str(info["dnn"]) for info in ordered)


class Pcf:
    """Npcf_AMPolicyControl (TS 29.507)."""

    def __init__(self, producers: Producers, config: AmfConfig) -> None:
        self._producers = producers
        self._config = config

    async def create(self, supi: str, callback: str) -> str:
        """Create the UE's policy association; return its URI."""
        body = {
            "notificationUri": callback,
            "supi": supi,
            "accessType": "3GPP_ACCESS",
            "ratType": "NR",
            "servingPlmn": self._config.plmn,
            "guami": self._config.guami,
            "userLoc": {"nrLocation": {"tai": self._config.tai}},
            "suppFeat": "0",
        }
        path = "/npcf-am-policy-control/v1/policies"
        return _location((await self._producers.request("npcf-am-policy-control", "POST", path, body)).require(201))

    async def delete(self, policy: str) -> None:
        (await self._producers.request_at(policy, "DELETE")).require(200, 204, 404)


class Nssf:
    """Nnssf_NSSelection (TS 29.531)."""

    def __init__(self, producers: Producers, config: AmfConfig, instance_id: str) -> None:
        self._producers = producers
        self._config = config
        self._instance_id = instance_id

    async def select(self, requested: Sequence[Snssai], subscription: Subscription) -> tuple[Snssai, ...]:
        """The allowed S-NSSAIs for a registration (clause 5.2.2.2.2); none when the NSSF allows none."""
        info = {
            "subscribedNssai": [
                {"subscribedSnssai": slices.to_json(nssai), "defaultIndication": nssai in subscription.default_nssais}
                for nssai in subscription.nssais
            ],
            "requestedNssai": [slices.to_json(nssai) for nssai in requested],
        }
        response = await self._producers.request(
            "nnssf-nsselection",
            "GET",
            "/nnssf-nsselection/v2/network-slice-information",
            query={
                "nf-type": "AMF",
                "nf-id": self._instance_id,
                "slice-info-request-for-registration": json.dumps(info, separators=(",", ":")),
                "tai": json.dumps(self._config.tai, separators=(",", ":")),
            },
        )
        if response.status == 403:
            return ()
        answer = _object(response.require(200))
        try:
            return tuple(
                slices.from_json(allowed["allowedSnssai"])
                for access in answer.get("allowedNssaiList", [])
                if access.get("accessType", "3GPP_ACCESS") == "3GPP_ACCESS"
                for allowed in access["allowedSnssaiList"]
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"AuthorizedNetworkSliceInfo: {error}") from error


def _location(response: Response) -> str:
    location = response.headers.get("location", "")
    if not location:
        raise Malformed(f"status {response.status} without Location")
    return location


def _object(response: Response) -> dict[str, Any]:
    value = response.json()
    if not isinstance(value, dict):
        raise Malformed("a JSON object is expected")
    return value
