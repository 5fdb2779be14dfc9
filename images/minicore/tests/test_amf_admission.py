# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places that registrations take."""

from __future__ import annotations

import asyncio

import pytest
from minicore.amf.admission import Admission, Congestion

from images.minicore.tests.amf_lab import AmfLab, run
from images.minicore.tests.amf_peers import ScriptedUe


def test_a_place_is_given_in_the_order_of_arrival() -> None:
    async def main() -> None:
        admission = Admission(1)
        order: list[int] = []
        end = asyncio.Event()

        async def one(number: int) -> None:
            async with admission.place():
                order.append(number)
                await end.wait()

        tasks = [asyncio.create_task(one(number)) for number in range(3)]
        await asyncio.sleep(0)
        assert order == [0]
        end.set()
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2]

    asyncio.run(main())


def test_who_waits_too_long_is_refused_and_takes_no_place() -> None:
    async def main() -> None:
        admission = Admission(1, wait_s=0.1)
        async with admission.place():
            with pytest.raises(Congestion):
                async with admission.place():
                    raise AssertionError("there was no place")
        async with admission.place():
            pass

    asyncio.run(main())


def test_who_stays_too_long_does_not_keep_others_out() -> None:
    async def main() -> None:
        admission = Admission(1, wait_s=30, hold_s=0.02)
        async with admission.place(), admission.place():
            pass
        # Both have ended, and there is one place again, not two or three.
        async with Admission(1).place():
            pass
        async with admission.place():
            waiting = asyncio.create_task(_take(admission))
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    asyncio.run(main())


async def _take(admission: Admission) -> None:
    async with admission.place():
        pass


def test_more_registrations_than_places_come_one_after_the_other() -> None:
    async def scenario(lab: AmfLab) -> None:
        first, second = ScriptedUe(lab.gnb, 1), ScriptedUe(lab.gnb, 2)
        request = first.registration_request()
        first.start(request.encode())
        k_amf = await first.authenticate()
        later = second.registration_request()
        second.start(later.encode())
        await lab.until(lambda: lab.amf.ues.connection(2))
        assert lab.core.requests["POST nausf-auth ue-authentications"] == 1
        await first.secure(k_amf, request)
        await second.secure(await second.authenticate(), later)
        await first.accepted()
        await second.accepted()

    run(scenario, AMF_REGISTRATIONS_AT_ONCE="1")
