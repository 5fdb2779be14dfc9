# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NG setup of a gNB with several AMFs (TS 38.413 clause 8.7.1): asked of all, answered once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...ngap import NgapError, decode, encode
from ...ngap.messages import NgSetupResponse
from ...ngap.values import PlmnSupport, ServedGuami, Snssai
from ..framing import Frame, FrameType
from .amf_link import AmfLink
from .gnb import Gnb, Leg, LegState

if TYPE_CHECKING:
    from .relay import Relay

log = logging.getLogger(__name__)

NG_SETUP = 21
OTHERS_S = 2.0
"""So long the answers of the other AMFs are awaited when one has accepted a gNB."""
_SUCCESSFUL = 1
_MAXIMUM_CAPACITY = 255


class NgSetup:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Gnb, asyncio.TimerHandle] = {}

    def requested(self, gnb: Gnb, stream: int, data: bytes) -> None:
        """By the gNB: what it had before is void."""
        gnb.setup, gnb.is_answered = (stream, data), False
        gnb.lost.clear()
        for leg in gnb.legs.values():
            leg.state, leg.answer, leg.response = LegState.AWAY, b"", None
            leg.waiting.clear()
        for amf in self._relay.up:
            self.ask(gnb, amf)

    def ask(self, gnb: Gnb, amf: AmfLink) -> None:
        """Send the gNB's request to an AMF: a new one, or one that came (back) later."""
        if gnb.setup is not None:
            gnb.leg(amf).state = LegState.SETTING_UP
            stream, data = gnb.setup
            amf.send(Frame(FrameType.NGAP, gnb.number, stream, data))

    def answered(self, gnb: Gnb, leg: Leg, outcome: int, data: bytes) -> None:
        """By an AMF."""
        response = None
        if outcome == _SUCCESSFUL:
            try:
                response = decode(data)
            except NgapError as error:
                log.warning("AMF %s: NG SETUP RESPONSE: %s", leg.amf, error)
        if not isinstance(response, NgSetupResponse):
            self.refused(gnb, leg, data, "NG setup refused")
            return
        leg.state, leg.answer, leg.response = LegState.READY, data, response
        leg.amf.guamis = frozenset([served.guami for served in response.guamis])
        leg.amf.capacity = response.capacity
        self.answer(gnb)
        self._relay.flush(gnb, leg)

    def refused(self, gnb: Gnb, leg: Leg, data: bytes, reason: str) -> None:
        """By an AMF; without `data` it has asked for the end of the association."""
        leg.state, leg.answer, leg.response = LegState.REFUSED, data, None
        log.warning("AMF %s refuses gNB %s: %s", leg.amf, gnb.name, reason)
        ready = [other for other in gnb.legs.values() if other.state in (LegState.READY, LegState.SETTING_UP)]
        if not ready and (gnb.is_answered or not data):
            self._relay.give_up(gnb, reason)
        else:
            self.answer(gnb)

    def answer(self, gnb: Gnb, *, is_late: bool = False) -> None:
        """Answer the gNB if it has no answer yet and all AMFs have, or one has and the others are late."""
        if gnb.setup is None or gnb.is_answered:
            return
        legs = [leg for leg in gnb.legs.values() if leg.amf.is_up]
        ready = [leg for leg in legs if leg.state is LegState.READY]
        if any(leg.state is LegState.SETTING_UP for leg in legs) and not is_late:
            if ready and gnb not in self._timers:
                self._timers[gnb] = self._loop.call_later(OTHERS_S, self._on_late, gnb)
            return
        refused = [leg.answer for leg in legs if leg.state is LegState.REFUSED and leg.answer]
        if not ready and not refused:
            # No AMF at all: the gNB waits.
            return
        self.forget(gnb)
        gnb.is_answered = bool(ready)
        if ready:
            self._relay.to_gnb(gnb, ready[0].answer if len(ready) == 1 else _merged(ready))
        else:
            # It may ask again, as TS 38.413 clause 8.7.1.3 says.
            gnb.setup = None
            self._relay.to_gnb(gnb, refused[0])
        self._relay.watch(gnb)

    def _on_late(self, gnb: Gnb) -> None:
        del self._timers[gnb]
        self.answer(gnb, is_late=True)

    def forget(self, gnb: Gnb) -> None:
        if gnb in self._timers:
            self._timers.pop(gnb).cancel()


def _merged(legs: list[Leg]) -> bytes:
    """One response of several: all GUAMIs, all PLMNs with all slices, the sum of the capacities."""
    responses = [leg.response for leg in legs if leg.response is not None]
    guamis: dict[ServedGuami, None] = {}
    slices: dict[str, dict[Snssai, None]] = {}
    for response in responses:
        guamis.update(dict.fromkeys(response.guamis))
        for plmn in response.plmns:
            slices.setdefault(plmn.plmn, {}).update(dict.fromkeys(plmn.slices))
    merged = NgSetupResponse(
        responses[0].amf_name,
        tuple(guamis),
        tuple([PlmnSupport(plmn, tuple(found)) for plmn, found in slices.items()]),
        min(_MAXIMUM_CAPACITY, sum(response.capacity for response in responses)),
    )
    return encode(merged)
