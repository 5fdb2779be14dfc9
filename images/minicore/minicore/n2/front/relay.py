# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which AMF a gNB's message goes to, and what a gNB gets when its AMF is away.

A gNB sees one AMF: NG setup goes to all AMFs, their answers become one. UE-associated messages go to the AMF that
serves the UE; a new UE goes to the AMF of its 5G-S-TMSI, else to the one with the most capacity left (TS 23.501 clause
6.3.5). What is for an AMF that is away waits for it, up to MAXIMUM_WAITING messages and for a time; then the gNB's
association is aborted with the reason.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter, deque

from ...ngap import NgapError, decode, encode
from ...ngap.errors import Cause
from ...ngap.messages import NgReset
from ...ngap.peek import Peek, peek
from ...ngap.values import UeIds
from ..framing import Frame, FrameType
from ..sctp import SctpAssociation, SctpError
from .amf_link import AmfLink
from .gnb import Gnb, Leg, LegState, Question, Ue
from .setup import NG_SETUP, NgSetup
from .ues import UeTable

log = logging.getLogger(__name__)

MAXIMUM_WAITING = 1000
"""Messages of one gNB that wait for AMFs."""

_INITIATING, _SUCCESSFUL, _UNSUCCESSFUL = 0, 1, 2
_ERROR_INDICATION = 9
_INITIAL_UE, _NG_RESET, _PATH_SWITCH, _UE_CONTEXT_RELEASE = 15, 20, 25, 41
_ANSWERED_BY_GNB = {0, _NG_RESET, 32, 51}
"""AMF configuration update, NG reset, PWS cancel, write-replace warning (TS 38.413 table 8.1-1: class 1, no UE)."""
_ANSWERED_BY_AMF = {_NG_RESET, 35}
"""NG reset and RAN configuration update; NG setup has its own way."""
_AMF_LOST = Cause("transport", "transport-resource-unavailable")


class Relay:
    """Takes the events of both sides, in the event loop, and sends to both."""

    def __init__(self, wait_s: float) -> None:
        self.amfs: list[AmfLink] = []
        self.counts: Counter[str] = Counter()
        self.ues = UeTable()
        self._wait_s = wait_s
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._gnbs: dict[int, Gnb] = {}
        self._by_association: dict[SctpAssociation, Gnb] = {}
        self._timers: dict[Gnb, asyncio.TimerHandle] = {}
        self._setup = NgSetup(self)

    @property
    def gnbs(self) -> list[Gnb]:
        return list(self._gnbs.values())

    @property
    def up(self) -> list[AmfLink]:
        """The AMFs that are connected."""
        return [amf for amf in self.amfs if amf.is_up]

    # Events of gNBs

    def association_up(self, association: SctpAssociation) -> None:
        gnb = Gnb(next(self._numbers), association)
        self._gnbs[gnb.number] = self._by_association[association] = gnb
        self.counts["associations"] += 1
        log.info("gNB %s is connected", gnb.name)
        for amf in self.up:
            self._introduce(gnb, amf)

    def association_down(self, association: SctpAssociation, reason: str) -> None:
        gnb = self._by_association.pop(association)
        del self._gnbs[gnb.number]
        log.info("gNB %s is gone: %s", gnb.name, reason)
        self._setup.forget(gnb)
        if gnb in self._timers:
            self._timers.pop(gnb).cancel()
        self.ues.forget(list(gnb.ues.values()))
        for amf in self.up:
            amf.send(Frame(FrameType.DOWN, gnb.number, payload=reason.encode()))

    def received(self, association: SctpAssociation, stream: int, data: bytes) -> None:
        gnb = self._by_association[association]
        self.counts["uplink"] += 1
        seen = peek(data)
        if seen is not None and (seen.outcome, seen.procedure_code) == (_INITIATING, NG_SETUP):
            # The gNB has no UE contexts any more (TS 38.413 clause 8.7.1.1).
            self.ues.forget(list(gnb.ues.values()))
            self._setup.requested(gnb, stream, data)
        elif not self.amfs:
            self.give_up(gnb, "no AMF is known")
        else:
            for amf in self._route(gnb, seen, data):
                self._to_amf(gnb, gnb.leg(amf), stream, data)
        self.watch(gnb)

    # Events of AMFs

    def amf_up(self, amf: AmfLink) -> None:
        self.counts["amf_connections"] += 1
        for gnb in self.gnbs:
            self._introduce(gnb, amf)

    def amf_down(self, amf: AmfLink) -> None:
        """It has made its UEs idle: what the gNBs have of them is reset when it is back."""
        for gnb in self.gnbs:
            gnb.leg(amf).state = LegState.AWAY
            gnb.asks = {key: questions for key, questions in gnb.asks.items() if key[1] is not amf}
            lost = [ue for ue in gnb.ues.values() if ue.amf is amf]
            gnb.lost.setdefault(amf, []).extend(lost)
            self.ues.forget(lost)
            for asked in gnb.asked.values():
                for index, waits in enumerate(asked):
                    if waits is amf:
                        asked[index] = None
            self._setup.answer(gnb)

    def drop(self, amf: AmfLink) -> None:
        """An AMF that is away will not come back: what waited for it goes to another one."""
        self.amfs.remove(amf)
        for gnb in self.gnbs:
            leg = gnb.legs.pop(amf, None)
            lost = gnb.lost.pop(amf, None)
            if lost:
                self._reset_by_front(gnb, lost)
            if leg is not None:
                for stream, data in leg.waiting:
                    for other in self._route(gnb, peek(data), data):
                        self._to_amf(gnb, gnb.leg(other), stream, data)
            self.watch(gnb)

    def from_amf(self, amf: AmfLink, frame: Frame) -> None:
        gnb = self._gnbs.get(frame.association)
        if gnb is None:
            # The gNB is gone, and DOWN on the way to the AMF.
            return
        if frame.type is FrameType.DOWN:
            self._setup.refused(gnb, gnb.leg(amf), b"", frame.payload.decode(errors="replace"))
            return
        self.counts["downlink"] += 1
        seen = peek(frame.payload)
        if seen is None or self._is_for_gnb(gnb, amf, seen, frame.payload):
            self.to_gnb(gnb, frame.payload, frame.stream)

    # Uplink

    def _route(self, gnb: Gnb, seen: Peek | None, data: bytes) -> list[AmfLink]:
        """The AMFs that get a message of a gNB."""
        if seen is None:
            # An AMF will say what is wrong with it.
            return self._any()
        kind, ran_id = (seen.outcome, seen.procedure_code), seen.ran_ue_ngap_id
        if kind == (_INITIATING, _INITIAL_UE) and ran_id is not None:
            chosen = self._choose(gnb, seen)
            for amf in chosen:
                self.ues.begin(gnb, ran_id, amf)
            return chosen
        ue = self.ues.find(gnb, seen)
        if ue is not None:
            if kind == (_INITIATING, _PATH_SWITCH) and ran_id is not None:
                # The connection at the source gNB stays until the AMF shows the UE's ids at this one.
                self.ues.begin(gnb, ran_id, ue.amf)
            elif kind == (_SUCCESSFUL, _UE_CONTEXT_RELEASE) and ue.gnb is gnb:
                self.ues.forget([ue])
            return [ue.amf]
        if ran_id is not None or seen.amf_ue_ngap_id is not None:
            return self._any()
        return self._route_without_ue(gnb, seen, data)

    def _route_without_ue(self, gnb: Gnb, seen: Peek, data: bytes) -> list[AmfLink]:
        procedure = seen.procedure_code
        if seen.outcome != _INITIATING:
            asked = gnb.asked.get(procedure)
            if not asked:
                return self._any()
            amf = asked.popleft()
            return [] if amf is None else [amf]
        if procedure == _NG_RESET:
            self._reset_by_gnb(gnb, data)
        targets, question = self.up or self._any(), Question()
        if procedure in _ANSWERED_BY_AMF:
            for amf in targets:
                gnb.asks.setdefault((procedure, amf), deque()).append(question)
        return targets

    def _reset_by_gnb(self, gnb: Gnb, data: bytes) -> None:
        try:
            message = decode(data)
        except NgapError:
            return
        if isinstance(message, NgReset):
            ues = list(gnb.ues.values())
            if message.connections is not None:
                amf_ids = {ids.amf_ue_ngap_id for ids in message.connections} - {None}
                ran_ids = {ids.ran_ue_ngap_id for ids in message.connections}
                ues = [ue for ue in ues if ue.amf_ue_ngap_id in amf_ids or ue.ran_ue_ngap_id in ran_ids]
            self.ues.forget(ues)

    def _choose(self, gnb: Gnb, seen: Peek) -> list[AmfLink]:
        """The AMF of a new UE."""
        candidates = [leg.amf for leg in gnb.legs.values() if leg.state is LegState.READY]
        if not candidates:
            return self._any()
        wanted = seen.amf_set_and_pointer
        if wanted is not None:
            for amf in candidates:
                if any((guami.set_id, guami.pointer) == wanted for guami in amf.guamis):
                    return [amf]
        return [min(candidates, key=lambda amf: (amf.capacity == 0, self.ues.load[amf] / max(amf.capacity, 1)))]

    def _any(self) -> list[AmfLink]:
        """One AMF that is up, else one for which to wait."""
        return (self.up or self.amfs)[:1]

    def _to_amf(self, gnb: Gnb, leg: Leg, stream: int, data: bytes) -> None:
        if leg.amf.is_up and (leg.state is LegState.READY or gnb.setup is None):
            leg.amf.send(Frame(FrameType.NGAP, gnb.number, stream, data))
        elif gnb.waiting < MAXIMUM_WAITING:
            leg.waiting.append((stream, data))
        else:
            self.give_up(gnb, f"{MAXIMUM_WAITING} messages wait for AMF {leg.amf}, which is away")

    # Downlink

    def _is_for_gnb(self, gnb: Gnb, amf: AmfLink, seen: Peek, data: bytes) -> bool:
        """Keep track of a message of an AMF; false where the gNB has no use for it."""
        procedure, ran_id, amf_id = seen.procedure_code, seen.ran_ue_ngap_id, seen.amf_ue_ngap_id
        if procedure == NG_SETUP:
            self._setup.answered(gnb, gnb.leg(amf), seen.outcome, data)
            return False
        if ran_id is not None and amf_id is not None:
            if (seen.outcome, procedure) == (_UNSUCCESSFUL, _PATH_SWITCH):
                self.ues.refused(gnb, ran_id)
            elif procedure != _ERROR_INDICATION:
                self.ues.learn(gnb, amf, ran_id, amf_id)
        elif ran_id is None and amf_id is None:
            if seen.outcome == _INITIATING:
                if procedure in _ANSWERED_BY_GNB:
                    gnb.asked.setdefault(procedure, deque()).append(amf)
                return True
            # All AMFs were asked; the gNB gets the first answer.
            questions = gnb.asks.get((procedure, amf))
            if questions:
                question = questions.popleft()
                is_first, question.is_answered = not question.is_answered, True
                return is_first
        return True

    def to_gnb(self, gnb: Gnb, data: bytes, stream: int = 0) -> None:
        try:
            gnb.association.send(data, stream)
        except SctpError as error:
            log.warning("gNB %s: %s", gnb.name, error)

    # NG setup with AMFs that come and go

    def _introduce(self, gnb: Gnb, amf: AmfLink) -> None:
        amf.send(Frame(FrameType.UP, gnb.number, payload=gnb.name.encode()))
        if gnb.setup is not None:
            self._setup.ask(gnb, amf)
        else:
            self.flush(gnb, gnb.leg(amf))

    def flush(self, gnb: Gnb, leg: Leg) -> None:
        """The AMF serves the gNB (again): reset what it has lost, then send what has waited."""
        lost = gnb.lost.pop(leg.amf, None)
        if lost:
            self._reset_by_front(gnb, lost)
        while leg.waiting:
            stream, data = leg.waiting.popleft()
            leg.amf.send(Frame(FrameType.NGAP, gnb.number, stream, data))
        self.watch(gnb)

    def _reset_by_front(self, gnb: Gnb, lost: list[Ue]) -> None:
        """In the AMF's place (TS 38.413 clause 8.7.4.2.1): the connections are gone with the AMF's old connection."""
        self.counts["resets"] += 1
        log.info("gNB %s: %d UE connections are reset", gnb.name, len(lost))
        connections = tuple([UeIds(ue.amf_ue_ngap_id, ue.ran_ue_ngap_id) for ue in lost])
        gnb.asked.setdefault(_NG_RESET, deque()).append(None)
        self.to_gnb(gnb, encode(NgReset(connections, _AMF_LOST)))

    # What is not waited for without a limit

    def watch(self, gnb: Gnb) -> None:
        """Start or stop the timer of a gNB by whether something of it waits."""
        if gnb.is_waiting and gnb.number in self._gnbs:
            if gnb not in self._timers:
                reason = f"no AMF answered for {self._wait_s:g} s"
                self._timers[gnb] = self._loop.call_later(self._wait_s, self.give_up, gnb, reason)
        elif gnb in self._timers:
            self._timers.pop(gnb).cancel()

    def give_up(self, gnb: Gnb, reason: str) -> None:
        """Abort the association; its end comes as `association_down`."""
        self.counts["aborted"] += 1
        self.counts["discarded"] += gnb.waiting
        for leg in gnb.legs.values():
            leg.waiting.clear()
        log.warning("gNB %s is disconnected: %s", gnb.name, reason)
        gnb.association.abort(reason)
