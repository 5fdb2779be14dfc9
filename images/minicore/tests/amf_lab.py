# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An AMF with a fake core behind it and a scripted gNB in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from minicore.amf.app import Amf
from minicore.amf.counters import Counters
from minicore.amf.ue_context import UeContext
from minicore.nas import gmm
from minicore.ngap.session_messages import PduSessionResourceSetupRequest
from minicore.sbi import multipart
from minicore.sbi.client import SbiClient
from minicore.sbi.message import Response
from minicore.settings import Environment, Settings

from images.minicore.tests.amf_core import SETUP_TRANSFER, FakeCore
from images.minicore.tests.amf_peers import ScriptedGnb, ScriptedUe


@dataclass
class AmfLab:
    amf: Amf
    core: FakeCore
    gnb: ScriptedGnb
    client: SbiClient

    @property
    def counters(self) -> Counters:
        return self.amf.counters

    @staticmethod
    async def until(condition: Callable[[], object], timeout_s: float = 30) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.002)

    async def transfer(
        self, ue: ScriptedUe, psi: int = 1, *, n1: bytes = b"", n2: bytes = b"", kind: str = "", failure: str = ""
    ) -> Response:
        """N1N2MessageTransfer as an SMF sends it."""
        data: dict[str, Any] = {"pduSessionId": psi, "n1n2FailureTxfNotifURI": failure or f"{self.core.root}/failure"}
        parts: dict[str, tuple[str, bytes]] = {}
        if n1:
            data["n1MessageContainer"] = {"n1MessageClass": "SM", "n1MessageContent": {"contentId": "n1"}}
            parts["n1"] = (multipart.N1_TYPE, n1)
        if n2:
            content = {"ngapIeType": kind, "ngapData": {"contentId": "n2"}}
            data["n2InfoContainer"] = {
                "n2InformationClass": "SM",
                "smInfo": {"pduSessionId": psi, "n2InfoContent": content, "sNssai": {"sst": 1}},
            }
            parts["n2"] = (multipart.N2_TYPE, n2)
        content_type, body = multipart.encode(data, parts)
        return await self.client.request(
            "POST", f"/namf-comm/v1/ue-contexts/{ue.supi}/n1-n2-messages", body, {"content-type": content_type}
        )

    async def post(self, path: str, body: dict[str, Any]) -> Response:
        return await self.client.request("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})

    async def registered(self, number: int = 1) -> ScriptedUe:
        """A UE whose registration is complete."""
        ue = ScriptedUe(self.gnb, number)
        before = self.counters.registrations_total
        await ue.register()
        await self.until(lambda: self.counters.registrations_total > before)
        return ue

    async def session(self, ue: ScriptedUe, psi: int = 1) -> None:
        """A PDU session with user plane."""
        await ue.request_session(psi)
        await self.until(lambda: psi in self.ue(ue).sessions and self.ue(ue).sessions[psi].uri)
        answer = await self.transfer(ue, psi, n1=b"accept", n2=SETUP_TRANSFER, kind="PDU_RES_SETUP_REQ")
        assert answer.status == 200
        setup = await ue.gnb.expect(PduSessionResourceSetupRequest)
        accept = ue.read(gmm.DlNasTransport, setup.sessions[0].nas or b"")
        assert (accept.pdu_session_id, accept.payload) == (psi, b"accept")
        ue.session_ready(setup)
        await self.until(lambda: self.ue(ue).sessions[psi].is_active)

    async def idle_with_session(self) -> ScriptedUe:
        """A UE in CM-IDLE with a PDU session whose user plane the SMF has deactivated."""
        ue = await self.registered()
        await self.session(ue)
        await ue.become_idle()
        await self.until(lambda: not self.ue(ue).is_connected and not self.ue(ue).sessions[1].is_active)
        return ue

    def ue(self, ue: ScriptedUe) -> UeContext:
        context = self.amf.ues.by_supi(ue.supi)
        assert context is not None
        return context

    async def another_gnb(self, gnb_id: int) -> ScriptedGnb:
        gnb = ScriptedGnb(gnb_id)
        await gnb.set_up(self.amf.n2_port)
        return gnb


@contextlib.asynccontextmanager
async def amf_lab(**variables: str) -> AsyncIterator[AmfLab]:
    """Started; the keywords are MINICORE_* variables without that prefix."""
    core = FakeCore()
    await core.start()
    environment = {
        "MINICORE_ADDRESS": "127.0.0.1",
        "MINICORE_NRF": core.root,
        "MINICORE_N2_PORT": "0",
        **{f"MINICORE_{name}": value for name, value in variables.items()},
    }
    amf = Amf(Settings.from_environment(environment), Environment(environment), sbi_port=0)
    await amf.start()
    gnb = ScriptedGnb()
    await gnb.set_up(amf.n2_port)
    client = SbiClient(amf.root, "SMF")
    try:
        yield AmfLab(amf, core, gnb, client)
        assert amf.counters.procedure_faults_total == 0
    finally:
        client.close()
        await gnb.close()
        await amf.stop()
        core.stop()


def run(scenario: Callable[[AmfLab], Awaitable[None]], **variables: str) -> None:
    """Run a test's scenario on a lab of its own."""

    async def main() -> None:
        async with amf_lab(**variables) as lab:
            await scenario(lab)

    asyncio.run(main())
