# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that stands for an AMF or a gNB in the tests of the front: events as JSON lines on stdout.

`amf ADDRESS` accepts each gNB and sends each other message back; `gnb FRONT...` sets N2 up by SCTP, again when it is
lost, and has 100 messages sent back each time.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from minicore.n2.gnb_link import N2LinkError, connect
from minicore.n2.link import Association, N2Server
from minicore.ngap import decode, encode
from minicore.ngap.messages import DownlinkNasTransport, InitialUeMessage, NgSetupRequest, NgSetupResponse
from minicore.ngap.values import (
    GlobalGnbId,
    Guami,
    NrCgi,
    PlmnSupport,
    ServedGuami,
    Snssai,
    SupportedTa,
    Tai,
    UserLocation,
)

PLMN = "00101"
SUPPORT = PlmnSupport(PLMN, (Snssai(1),))
MESSAGES = 100


def tell(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Amf:
    def association_up(self, association: Association) -> None:
        tell("up", peer=association.peer)

    def association_down(self, association: Association) -> None:
        tell("down", peer=association.peer)

    def received(self, association: Association, stream: int, pdu: bytes) -> None:
        message = decode(pdu)
        if isinstance(message, NgSetupRequest):
            answer = NgSetupResponse("amf", (ServedGuami(Guami(PLMN, 1, 1, 1)),), (SUPPORT,))
            association.send(encode(answer), stream)
        elif isinstance(message, InitialUeMessage):
            echo = DownlinkNasTransport(message.ran_ue_ngap_id + 1000, message.ran_ue_ngap_id, message.nas)
            association.send(encode(echo), stream)


async def run_amf(address: str) -> None:
    await N2Server(Amf()).start(address)
    tell("ready")
    await asyncio.Event().wait()


async def run_gnb(fronts: list[str]) -> None:
    while True:
        received: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        lost: asyncio.Queue[str] = asyncio.Queue()

        def on_received(stream: int, pdu: bytes, received: asyncio.Queue[tuple[int, bytes]] = received) -> None:
            received.put_nowait((stream, pdu))

        try:
            link = await connect("sctp", fronts, on_received=on_received, on_lost=lost.put_nowait, timeout_s=3)
        except N2LinkError as error:
            tell("error", text=str(error))
            continue
        link.send(encode(NgSetupRequest(GlobalGnbId(PLMN, 1), (SupportedTa(1, (SUPPORT,)),))))
        answer = decode((await received.get())[1])
        assert isinstance(answer, NgSetupResponse), answer
        location = UserLocation(NrCgi(PLMN, 1), Tai(PLMN, 1))
        for number in range(MESSAGES):
            link.send(encode(InitialUeMessage(number, bytes(200), location)), 1 + number % 4)
        streams = [(await received.get())[0] for _ in range(MESSAGES)]
        tell("answered", name=answer.amf_name, streams=sorted(set(streams)))
        tell("lost", reason=await lost.get())


if __name__ == "__main__":
    asyncio.run(run_amf(sys.argv[2]) if sys.argv[1] == "amf" else run_gnb(sys.argv[2:]))
