# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nsmf_PDUSession as the AMF asks for it (TS 29.502 clause 5.2.2): SM contexts with N1 and N2 parts."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..sbi import multipart
from ..sbi.message import Response, SbiError
from ..sbi.producers import Producers
from . import slices
from .config import AmfConfig
from .consumers import Malformed
from .ue_context import SmContext, UeContext

SERVICE = "nsmf-pdusession"
N1_ID, N2_ID = "n1", "n2"


class SmAnswer(NamedTuple):
    """What the SMF has for the UE and the gNB."""

    n1: bytes = b""
    n2: bytes = b""
    n2_type: str = ""


class SmRefused(SbiError):
    """The SMF refused; `n1` is its NAS message to the UE, if it gave one."""

    def __init__(self, status: int, cause: str, n1: bytes = b"") -> None:
        super().__init__(f"SMF: status {status} {cause}")
        self.status = status
        self.cause = cause
        self.n1 = n1


class SmfConsumer:
    def __init__(self, producers: Producers, config: AmfConfig, instance_id: str) -> None:
        self._producers = producers
        self._config = config
        self._instance_id = instance_id

    async def create(self, ue: UeContext, session: SmContext, n1: bytes, callback: str) -> None:
        """Create the SM context at an SMF that the NRF has for the slice and DNN; it fills in `session.uri`."""
        snssai = slices.to_json(session.snssai)
        data = {
            "supi": ue.supi,
            "pduSessionId": session.psi,
            "dnn": session.dnn,
            "sNssai": snssai,
            "servingNfId": self._instance_id,
            "guami": self._config.guami,
            "servingNetwork": self._config.plmn,
            "requestType": "INITIAL_REQUEST",
            "anType": "3GPP_ACCESS",
            "ratType": "NR",
            "ueLocation": {"nrLocation": {"tai": self._config.tai}},
            "smContextStatusUri": callback,
            "n1SmMsg": {"contentId": N1_ID},
        }
        content_type, body = multipart.encode(data, {N1_ID: (multipart.N1_TYPE, n1)})
        response = await self._producers.request(
            SERVICE,
            "POST",
            "/nsmf-pdusession/v1/sm-contexts",
            body,
            headers={"content-type": content_type},
            discovery={"dnn": session.dnn, "snssais": [snssai]},
        )
        _read(response, 201)
        session.uri = response.headers.get("location", "")
        if not session.uri:
            raise Malformed("SmContextCreatedData without Location")

    async def update(
        self, session: SmContext, data: dict[str, Any], *, n1: bytes = b"", n2: bytes = b"", n2_type: str = ""
    ) -> SmAnswer:
        """Clause 5.2.2.3."""
        parts: dict[str, tuple[str, bytes]] = {}
        if n1:
            data["n1SmMsg"] = {"contentId": N1_ID}
            parts[N1_ID] = (multipart.N1_TYPE, n1)
        if n2:
            data["n2SmInfo"] = {"contentId": N2_ID}
            data["n2SmInfoType"] = n2_type
            parts[N2_ID] = (multipart.N2_TYPE, n2)
        body: object = data
        headers: dict[str, str] = {}
        if parts:
            headers["content-type"], body = multipart.encode(data, parts)
        response = await self._producers.request_at(session.uri, "POST", "/modify", body, headers=headers)
        return _read(response, 200, 204)

    async def release(self, session: SmContext, cause: str) -> None:
        """Clause 5.2.2.4; a context that the SMF does not have is released."""
        response = await self._producers.request_at(session.uri, "POST", "/release", {"cause": cause})
        if response.status not in (200, 204, 404):
            _read(response, 204)


def _read(response: Response, *statuses: int) -> SmAnswer:
    """The parts of an answer; SmRefused for any other status."""
    data: dict[str, Any] = {}
    parts: dict[str, bytes] = {}
    if response.body:
        try:
            data, parts = multipart.decode(response.headers.get("content-type", ""), response.body)
        except multipart.MultipartError as error:
            raise Malformed(f"SMF: {error}") from error
    n1 = _part(data, parts, "n1SmMsg")
    if response.status not in statuses:
        problem = data.get("error", data)
        raise SmRefused(response.status, str(problem.get("cause", "")) if isinstance(problem, dict) else "", n1)
    return SmAnswer(n1, _part(data, parts, "n2SmInfo"), str(data.get("n2SmInfoType", "")))


def _part(data: dict[str, Any], parts: dict[str, bytes], name: str) -> bytes:
    reference = data.get(name)
    return parts.get(str(reference.get("contentId")), b"") if isinstance(reference, dict) else b""
