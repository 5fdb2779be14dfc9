# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AMF with the real NFs: NRF, UDR, UDM, AUSF, PCF and NSSF, and a scripted gNB and UE."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from minicore.amf.app import Amf
from minicore.ausf.app import Ausf
from minicore.nas import MmCause, gmm
from minicore.nas.security import HeaderType
from minicore.nf import NetworkFunction
from minicore.nssf.app import Nssf
from minicore.pcf.app import Pcf
from minicore.security.milenage import Milenage, xor
from minicore.udm.app import Udm
from minicore.udr.app import Udr
from minicore.udr.subscribers import Subscriber

from images.minicore.tests.amf_core import OPC, K
from images.minicore.tests.amf_lab import AmfLab
from images.minicore.tests.amf_peers import ScriptedGnb, ScriptedUe

Nfs = Callable[..., AbstractAsyncContextManager[list[NetworkFunction]]]


@pytest.mark.parametrize("store", ["memory", "udr"])
def test_a_ue_lives_its_life(nfs_on_loopback: Nfs, store: str) -> None:
    async def main() -> None:
        variables = {"MINICORE_UDM_STORE": store, "MINICORE_N2_PORT": "0"}
        async with nfs_on_loopback(Udr, Udm, Ausf, Pcf, Nssf, Amf, variables=variables) as nfs:
            udr, udm, _, pcf, _, amf = nfs
            assert isinstance(udr, Udr) and isinstance(amf, Amf)
            gnb = ScriptedGnb()
            await gnb.set_up(amf.n2_port, amf.settings.address)
            ue = ScriptedUe(gnb)
            udr.store.put(Subscriber(ue.supi, K, OPC, b"\x80\x00", 0))

            request = ue.registration_request()
            ue.start(request.encode())
            challenge = await ue.downlink(gmm.AuthenticationRequest)
            auts = _auts(challenge.rand or b"", 0x20000)
            ue.uplink(gmm.AuthenticationFailure(cause=MmCause.SYNCH_FAILURE, auts=auts), HeaderType.PLAIN)
            k_amf = await ue.authenticate()
            assert ue.sqn > 0x20000
            await ue.secure(k_amf, request)
            accept = await ue.accepted()
            assert accept.allowed_slices is not None and accept.allowed_slices[0].sst == 1
            await AmfLab.until(lambda: amf.counters.registrations_total == 1)
            assert pcf.state()["am_policies"] == 1
            assert udm.state()["subscriptions"] == 1 or store == "udr"

            await ue.become_idle()
            ue.start_protected(ue.registration_request(gmm.RegistrationType.PERIODIC))
            await ue.accepted()
            await ue.released()
            ue.start_protected(ue.service_request())
            await ue.downlink(gmm.ServiceAccept)
            assert amf.counters.authentications_total == 1

            assert ue.guti is not None and ue.security is not None
            ue.uplink(gmm.DeregistrationRequest(ngksi=ue.security.ngksi, switch_off=False, access=1, identity=ue.guti))
            await ue.downlink(gmm.DeregistrationAccept)
            await ue.released()
            assert pcf.state()["am_policies"] == 0
            assert udm.state()["subscriptions"] == 0
            ue.guti = None
            await ue.register()
            await AmfLab.until(lambda: amf.counters.registrations_total == 3)
            assert amf.counters.procedure_faults_total == 0

            stranger = ScriptedUe(gnb, 7)
            stranger.start(stranger.registration_request().encode())
            assert (await stranger.downlink(gmm.RegistrationReject)).cause == MmCause.ILLEGAL_UE
            await gnb.close()

    asyncio.run(main())


def _auts(rand: bytes, sqn: int) -> bytes:
    """Of a USIM that has seen `sqn` (TS 33.102 clause 6.3.3)."""
    milenage = Milenage(K, OPC)
    number = sqn.to_bytes(6, "big")
    return xor(number, milenage.f5_star(rand)) + milenage.f1_star(rand, number, bytes(2))
