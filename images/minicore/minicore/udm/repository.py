# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UDM as a consumer of Nudr_DataRepository (TS 29.504, TS 29.505)."""

from __future__ import annotations

from typing import Any

from ..sbi.fields import SUPI
from ..sbi.message import Problem, Response, SbiError
from ..sbi.producers import Producers
from ..udr import paths
from .vectors import AuthenticationSubscription

SERVICE = "nudr-dr"


class Repository:
    """Data in the UDR. A UE that it does not know is answered with 404 USER_NOT_FOUND, no UDR with 504."""

    def __init__(self, producers: Producers, plmn: str) -> None:
        self._producers = producers
        self._plmn = plmn

    async def authentication(self, supi: str) -> AuthenticationSubscription:
        data = await self._get(_path(paths.AUTHENTICATION_SUBSCRIPTION, supi))
        try:
            return AuthenticationSubscription(
                supi,
                bytes.fromhex(data["encPermanentKey"]),
                bytes.fromhex(data["encOpcKey"]),
                bytes.fromhex(data["authenticationManagementField"]),
                int(data["sequenceNumber"]["sqn"], 16),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(500, "AV_GENERATION_PROBLEM", "the UDR's authentication subscription is malformed") from error

    async def replace_sqn(self, supi: str, old: int, new: int) -> bool:
        """Store the SQN; False if it is not `old` any more."""
        path = "/sequenceNumber/sqn"
        patch = [
            {"op": "test", "path": path, "value": f"{old:012x}"},
            {"op": "replace", "path": path, "value": f"{new:012x}"},
        ]
        resource = _path(paths.AUTHENTICATION_SUBSCRIPTION, supi)
        return (await self._ask("PATCH", resource, patch, 200, 204, 409)).status != 409

    async def put_status(self, supi: str, event: dict[str, Any] | None) -> None:
        resource = _path(paths.AUTHENTICATION_STATUS, supi)
        await self._ask("DELETE" if event is None else "PUT", resource, event, 204)

    async def amf(self, supi: str) -> dict[str, Any] | None:
        return await self._get_or_none(_path(paths.AMF_REGISTRATION, supi))

    async def put_amf(self, supi: str, registration: dict[str, Any]) -> dict[str, Any] | None:
        """Store an AMF's registration; return the one before."""
        response = await self._ask("PUT", _path(paths.AMF_REGISTRATION, supi), registration, 200, 201, 204)
        return _object(response) if response.status == 200 else None

    async def delete_amf(self, supi: str) -> None:
        await self._ask("DELETE", _path(paths.AMF_REGISTRATION, supi), None, 204)

    async def smfs(self, supi: str) -> list[dict[str, Any]]:
        return list(await self._get(_path(paths.SMF_REGISTRATIONS, supi)))

    async def smf(self, supi: str, session: int) -> dict[str, Any] | None:
        return await self._get_or_none(f"{_path(paths.SMF_REGISTRATIONS, supi)}/{session}")

    async def put_smf(self, supi: str, session: int, registration: dict[str, Any]) -> bool:
        """Store an SMF's registration; True if there was none for the PDU session."""
        resource = f"{_path(paths.SMF_REGISTRATIONS, supi)}/{session}"
        return (await self._ask("PUT", resource, registration, 200, 201, 204)).status == 201

    async def delete_smf(self, supi: str, session: int) -> bool:
        resource = f"{_path(paths.SMF_REGISTRATIONS, supi)}/{session}"
        return (await self._ask("DELETE", resource, None, 204, 404)).status == 204

    async def provisioned(self, supi: str, dataset: str) -> Any:
        return await self._get(self.dataset_path(supi, dataset))

    async def all_provisioned(self, supi: str) -> dict[str, Any]:
        """Every dataset, by its name."""
        sets = await self._get(_path(paths.PROVISIONED_DATA, supi, self._plmn))
        return {dataset: sets[attribute] for dataset, attribute in paths.DATASET_ATTRIBUTES.items()}

    def dataset_path(self, supi: str, dataset: str) -> str:
        return f"{_path(paths.PROVISIONED_DATA, supi, self._plmn)}/{dataset}"

    async def subscribe(self, body: dict[str, Any]) -> str:
        """Subscribe to changes; return the subscription's id."""
        response = await self._ask("POST", paths.SUBSCRIPTION_SUBS, body, 201)
        return response.headers.get("location", "").rsplit("/", 1)[-1]

    async def unsubscribe(self, subscription_id: str) -> bool:
        return (await self._ask("DELETE", f"{paths.SUBSCRIPTION_SUBS}/{subscription_id}", None, 204, 404)).status == 204

    async def _get(self, path: str) -> Any:
        return (await self._ask("GET", path, None, 200)).json()

    async def _get_or_none(self, path: str) -> dict[str, Any] | None:
        response = await self._ask("GET", path, None, 200, 404)
        return _object(response) if response.status == 200 else None

    async def _ask(self, method: str, path: str, body: object | None, *statuses: int) -> Response:
        try:
            response = await self._producers.request(SERVICE, method, path, body)
            if response.status == 404 and _object(response).get("cause") == "USER_NOT_FOUND":
                raise Problem(404, "USER_NOT_FOUND", "the UDR does not know the UE")
            return response.require(*statuses)
        except SbiError as error:
            raise Problem(504, "TARGET_NF_NOT_REACHABLE", f"UDR: {error}") from error


def _path(template: str, supi: str, *more: str) -> str:
    """A resource of a UE; no UE has a SUPI of another form, and the UDR is not asked for it."""
    if not SUPI.fullmatch(supi):
        raise Problem(404, "USER_NOT_FOUND", "no SUPI of the form imsi-DIGITS")
    return template.format(supi, *more)


def _object(response: Response) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
