# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downlink for UEs in CM-IDLE: paging, its answer, and the 5G-GUTI after it."""

from __future__ import annotations

import pytest
from minicore.nas import gmm
from minicore.ngap.messages import (
    Paging,
)

from images.minicore.tests.amf_core import RELEASE_TRANSFER, SETUP_TRANSFER
from images.minicore.tests.amf_lab import AmfLab, run


def test_data_for_an_idle_ue_pages_it() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        answer = await lab.transfer(ue, n2=SETUP_TRANSFER, kind="PDU_RES_SETUP_REQ")
        assert (answer.status, answer.json()) == (202, {"cause": "ATTEMPTING_TO_REACH_UE"})
        assert answer.headers["location"].startswith(f"{lab.amf.root}/namf-comm/v1/ue-contexts/{ue.supi}/")
        for _ in range(2):
            paging = await lab.gnb.expect(Paging)
            assert ue.guti is not None and paging.tmsi.tmsi == ue.guti.tmsi
        updates = len(lab.core.updates)
        ue.start_protected(ue.service_request(uplink_data=frozenset({1})))
        await ue.downlink(gmm.ServiceAccept)
        assert [item.transfer for item in ue.contexts[-1].sessions] == [SETUP_TRANSFER]
        assert len(lab.core.updates) == updates, "the SMF has given its part before"
        ue.context_ready()
        update = await ue.downlink(gmm.ConfigurationUpdateCommand)
        assert update.guti is not None and update.guti != ue.guti
        ue.uplink(gmm.ConfigurationUpdateComplete())
        await lab.until(lambda: lab.counters.configuration_updates_total == 1)
        await lab.until(lambda: lab.ue(ue).sessions[1].is_active)
        assert (lab.counters.pagings_total, lab.counters.pagings_failed_total) == (1, 0)
        assert lab.ue(ue).paging is None and not lab.core.failures

    run(scenario, T3513_S="0.5")


def test_signalling_for_an_idle_ue_follows_the_service_accept() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        assert (await lab.transfer(ue, n1=b"modify")).status == 202
        await lab.gnb.expect(Paging)
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)
        assert (await ue.downlink(gmm.DlNasTransport)).payload == b"modify"

    run(scenario)


@pytest.mark.parametrize("has_new", [True, False])
def test_a_new_guti_counts_when_the_ue_uses_it(has_new: bool) -> None:
    """The UE is released before it has confirmed its new 5G-GUTI; nobody knows whether it has it."""

    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        await lab.transfer(ue, n1=b"modify")
        await lab.gnb.expect(Paging)
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)
        await ue.downlink(gmm.DlNasTransport)
        update = await ue.downlink(gmm.ConfigurationUpdateCommand)
        await ue.become_idle()
        await lab.until(lambda: not lab.ue(ue).is_connected)
        assert ue.guti is not None and update.guti is not None
        await lab.transfer(ue, n1=b"again")
        for tmsi in (ue.guti.tmsi, update.guti.tmsi):
            await lab.gnb.expect(Paging, lambda paging, tmsi=tmsi: paging.tmsi.tmsi == tmsi)
        other = ue.guti if has_new else update.guti
        ue.guti = update.guti if has_new else ue.guti
        ue.start_protected(ue.service_request())
        await ue.downlink(gmm.ServiceAccept)
        assert lab.amf.ues.by_tmsi(other.tmsi) is None
        assert lab.amf.ues.by_tmsi(ue.guti.tmsi) is lab.ue(ue)

    run(scenario)


def test_paging_without_an_answer_is_reported() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        answer = await lab.transfer(ue, n2=SETUP_TRANSFER, kind="PDU_RES_SETUP_REQ")
        await lab.until(lambda: lab.core.failures)
        assert lab.core.failures == [{"cause": "UE_NOT_RESPONDING", "n1n2MsgDataUri": answer.headers["location"]}]
        assert len(lab.gnb.waiting(Paging)) == 5
        assert lab.ue(ue).is_registered and not lab.ue(ue).pending

    run(scenario, T3513_S="0.02")


def test_a_resource_release_for_an_idle_ue_needs_no_paging() -> None:
    async def scenario(lab: AmfLab) -> None:
        ue = await lab.idle_with_session()
        answer = await lab.transfer(ue, n2=RELEASE_TRANSFER, kind="PDU_RES_REL_CMD")
        assert answer.status == 200 and lab.counters.pagings_total == 0

    run(scenario)
