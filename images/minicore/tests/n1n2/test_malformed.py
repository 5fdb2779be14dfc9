# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed bodies, N1 and N2 parts, and reports of a UPF: a refusal, and the sessions stay as they are."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from minicore.nas.gsm import PduSessionEstablishmentRequest
from minicore.ngap.transfers import PathSwitchRequestTransfer, SetupResponseTransfer
from minicore.ngap.values import Tunnel
from minicore.pfcp.codec import IeType, Message, MessageType, decode
from minicore.pfcp.ies import Cause, group, number, read_number
from minicore.pfcp.qos_ies import ReportType, Trigger, Volume, trigger, volume
from minicore.sbi import multipart
from minicore.smf.resources import CONTEXTS

GNB = Tunnel("127.0.0.1", 0x70)
N1 = PduSessionEstablishmentRequest(pdu_session_id=2, pti=5, session_type=1, sm_capability=b"\0").encode()
N2 = (
    (SetupResponseTransfer(GNB, (1,)).encode(), "PDU_RES_SETUP_RSP"),
    (PathSwitchRequestTransfer(GNB, (1,)).encode(), "PATH_SWITCH_REQ"),
)


def damaged(data: bytes, random_: random.Random) -> bytes:
    octets = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(octets))
        match random_.randrange(3):
            case 0:
                octets[at] = random_.randrange(256)
            case 1:
                octets[at:at] = random_.randbytes(2)
            case _:
                del octets[at:]
        octets = octets or bytearray(1)
    return bytes(octets)


@pytest.mark.parametrize("seed", range(3))
def test_parts(world: Any, seed: int) -> None:
    random_ = random.Random(seed)

    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            uri = await here.amf.session()
            for _ in range(60):
                created = await here.amf.create(damaged(N1, random_), 2)
                # A changed octet may be another request that is right.
                assert created.status in (201, 403)
                if created.status == 403:
                    assert created.parts()[1]["n1"][:1] == b"\x2e"
                transfer, kind = random_.choice(N2)
                assert (await here.amf.modify(uri, n2=damaged(transfer, random_), kind=kind)).status in (200, 403)
                assert (await here.amf.modify(uri, n1=b"\x2e" + random_.randbytes(6))).status in (200, 204)
            answer = await here.amf.modify(uri, n2=N2[0][0], kind=N2[0][1])
            assert answer.json()["upCnxState"] == "ACTIVATED"

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(3))
def test_bodies(world: Any, seed: int) -> None:
    random_ = random.Random(seed)
    texts = (None, 0, -1, 1.5, True, "", "x" * 5000, [], {}, {"contentId": 3}, {"sst": 1, "sd": "zz"}, [[[]]])

    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            uri = await here.amf.session()
            good: dict[str, Any] = {
                "supi": "imsi-001010000000002",
                "pduSessionId": 1,
                "dnn": "internet",
                "sNssai": {"sst": 1},
                "n1SmMsg": {"contentId": "n1"},
                "smContextStatusUri": "http://127.0.0.1:1/status",
            }
            for _ in range(80):
                data = {**good, random_.choice(list(good)): random_.choice(texts)}
                kind, body = multipart.encode(data, {"n1": (multipart.N1_TYPE, N1)})
                if random_.random() < 0.3:
                    body = damaged(body, random_)
                headers = {"content-type": kind}
                answer = await here.amf.producers.request_at(here.amf.smf, "POST", CONTEXTS, body, headers=headers)
                assert answer.status in (201, 400, 403), (data, answer)
                update = {random_.choice(("upCnxState", "n1SmMsg", "n2SmInfoType", "n2SmInfo")): random_.choice(texts)}
                answer = await here.amf.producers.request_at(uri, "POST", "/modify", json.dumps(update).encode())
                assert answer.status == 400, (update, answer)
            assert (await here.amf.modify(uri, {"upCnxState": "DEACTIVATED"})).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(3))
def test_reports(world: Any, seed: int) -> None:
    random_ = random.Random(seed)

    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            await here.amf.session()
            (session,) = here.upf.rules.sessions.values()
            usage = group(
                IeType.USAGE_REPORT_REPORT,
                number(IeType.URR_ID, 1),
                trigger(IeType.USAGE_REPORT_TRIGGER, Trigger.PERIODIC),
                volume(IeType.VOLUME_MEASUREMENT, Volume(3, 1, 2)),
            )
            ies = [number(IeType.REPORT_TYPE, ReportType.USAGE), usage]
            report = Message(MessageType.SESSION_REPORT_REQUEST, 1, session.cp_seid.seid, ies)
            answers: list[Message] = []
            endpoint = here.smf.n4.endpoint
            endpoint._send = lambda addr, data: answers.append(decode(data))
            for turn in range(300):
                endpoint.datagram_received(damaged(report.encode(), random_), ("127.0.0.9", turn))
            assert answers and all(answer.type % 2 or answer.type in (2, 11, 6, 8, 10) for answer in answers)
            endpoint.datagram_received(report.encode(), ("127.0.0.9", 1000))
            assert read_number(answers[-1].need(IeType.CAUSE)) == Cause.ACCEPTED
            assert answers[-1].seid == session.up_seid
            report.seid = 999
            endpoint.datagram_received(report.encode(), ("127.0.0.9", 1001))
            assert read_number(answers[-1].need(IeType.CAUSE)) == Cause.SESSION_CONTEXT_NOT_FOUND
            short = Message(MessageType.SESSION_REPORT_REQUEST, 2, session.cp_seid.seid, [])
            endpoint.datagram_received(short.encode(), ("127.0.0.9", 1002))
            assert read_number(answers[-1].need(IeType.OFFENDING_IE)) == IeType.REPORT_TYPE

    asyncio.run(scenario())
