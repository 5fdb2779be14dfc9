# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UEs of the gNB driver at the AMF: what the two agree on in NAS security."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from minicore.gnb.connection import Network
from minicore.gnb.station import Gnb
from minicore.gnb.ue import Counters, Ue
from minicore.gnb.usim import Usim
from minicore.nas.gmm import RegistrationType, ServiceType
from minicore.ngap.values import Snssai
from minicore.security.milenage import Milenage

from images.minicore.tests.amf_core import OPC, K
from images.minicore.tests.amf_lab import AmfLab, run

NETWORK = Network("00101", 1, Snssai(1), "internet")


@contextlib.asynccontextmanager
async def driven(lab: AmfLab) -> AsyncIterator[tuple[Ue, Counters]]:
    """A UE of the driver at a gNB of its own."""
    counters = Counters()
    gnb = Gnb(7, NETWORK, "127.0.0.7", lambda tmsi: None)
    await gnb.start("tcp", "127.0.0.1", lab.amf.n2_port, "127.0.0.1")
    try:
        yield Ue(0, "imsi-001010000000077", NETWORK, Usim(Milenage(K, OPC)), gnb, counters), counters
    finally:
        await gnb.stop()


async def register(ue: Ue, kind: RegistrationType) -> None:
    ue.begin_procedure()
    ue.request_registration(kind)
    await ue.until(lambda: ue.registered and not ue.updating, "registration", 5)


async def become_idle(lab: AmfLab, ue: Ue) -> None:
    done = lab.counters.registrations_total
    await lab.until(lambda: lab.counters.registrations_total == done and ue.connection and ue.connection.context)
    assert ue.connection is not None
    ue.gnb.request_release(ue.connection)
    await ue.until(lambda: ue.connection is None, "release", 5)


def test_a_ue_goes_on_with_its_security_context() -> None:
    async def scenario(lab: AmfLab) -> None:
        async with driven(lab) as (ue, counters):
            await register(ue, RegistrationType.INITIAL)
            await lab.until(lambda: lab.counters.registrations_total == 1)
            for _ in range(2):
                await become_idle(lab, ue)
                ue.begin_procedure()
                ue.request_service(ServiceType.SIGNALLING)
                await ue.until(lambda: not ue.updating, "service request", 5)
            assert counters == Counters(authentications=1)
            assert lab.counters.nas_integrity_failures_total == 0

    run(scenario)


def test_a_ue_that_the_amf_has_lost_is_authenticated_again() -> None:
    """The AMF cannot decipher: until it has used the UE's context, the UE only protects integrity (clause 4.4.5)."""

    async def scenario(lab: AmfLab) -> None:
        async with driven(lab) as (ue, counters):
            await register(ue, RegistrationType.INITIAL)
            await lab.until(lambda: lab.counters.registrations_total == 1)
            await become_idle(lab, ue)
            context = lab.amf.ues.by_supi(ue.supi)
            assert context is not None
            lab.amf.ues.remove(context)
            await register(ue, RegistrationType.INITIAL)
            await lab.until(lambda: lab.counters.registrations_total == 2)
            assert counters.authentications == 2
            assert counters.wrong_keys == counters.nas_errors == 0

    run(scenario)
