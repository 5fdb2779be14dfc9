# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which AMF serves a UE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ...ngap.peek import Peek
from .amf_link import AmfLink
from .gnb import Gnb, Ue


class UeTable:
    """UE-associated connections by their ids.

    The RAN UE NGAP ID is unique in a gNB, the AMF UE NGAP ID within an AMF set (TS 38.401 clause 6.2.1); of the latter
    only the path switch depends, in which a gNB shows no id of its own that is known.
    """

    def __init__(self) -> None:
        self._by_amf_id: dict[tuple[AmfLink, int], Ue] = {}
        self.load: Counter[AmfLink] = Counter()
        """UEs of each AMF."""

    def find(self, gnb: Gnb, seen: Peek) -> Ue | None:
        amf_id, ran_id = seen.amf_ue_ngap_id, seen.ran_ue_ngap_id
        ue = None if ran_id is None else gnb.ues.get(ran_id)
        if amf_id is None or (ue is not None and ue.amf_ue_ngap_id in (None, amf_id)):
            return ue
        for amf in list(self.load):
            found = self._by_amf_id.get((amf, amf_id))
            if found is not None:
                return found
        return ue

    def begin(self, gnb: Gnb, ran_id: int, amf: AmfLink) -> None:
        """A UE appears at a gNB; its AMF has given it no id yet."""
        former = gnb.ues.get(ran_id)
        if former is not None:
            self.forget([former])
        gnb.ues[ran_id] = Ue(gnb, ran_id, amf)
        self.load[amf] += 1

    def refused(self, gnb: Gnb, ran_id: int) -> None:
        """The path switch to a gNB failed: the UE's connection is where it was."""
        ue = gnb.ues.get(ran_id)
        if ue is not None and ue.amf_ue_ngap_id is None:
            self.forget([ue])

    def learn(self, gnb: Gnb, amf: AmfLink, ran_id: int, amf_id: int) -> None:
        """A message of the AMF shows both ids of a UE."""
        ue = gnb.ues.get(ran_id)
        if ue is not None and ue.amf_ue_ngap_id == amf_id:
            return
        former = self._by_amf_id.get((amf, amf_id))
        if former is not None:
            # The UE was at another gNB, or had another connection.
            self.forget([former])
        if ue is None or ue.amf is not amf:
            self.begin(gnb, ran_id, amf)
            ue = gnb.ues[ran_id]
        elif ue.amf_ue_ngap_id is not None:
            del self._by_amf_id[amf, ue.amf_ue_ngap_id]
        ue.amf_ue_ngap_id = amf_id
        self._by_amf_id[amf, amf_id] = ue

    def forget(self, ues: Iterable[Ue]) -> None:
        for ue in ues:
            if ue.gnb.ues.get(ue.ran_ue_ngap_id) is ue:
                del ue.gnb.ues[ue.ran_ue_ngap_id]
                self.load[ue.amf] -= 1
            if ue.amf_ue_ngap_id is not None:
                self._by_amf_id.pop((ue.amf, ue.amf_ue_ngap_id), None)

    def __len__(self) -> int:
        return sum(self.load.values())
