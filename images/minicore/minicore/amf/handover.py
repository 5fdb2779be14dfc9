# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Xn handover: the path switch (TS 23.502 clause 4.9.1.2, TS 38.413 clause 8.4.4)."""

from __future__ import annotations

from collections.abc import Iterable

from ..ngap.errors import UNKNOWN_UE_ID
from ..ngap.session_messages import PathSwitchRequest, PathSwitchRequestAcknowledge, PathSwitchRequestFailure
from ..ngap.transfers import SwitchUnsuccessfulTransfer
from ..ngap.values import SecurityContext, SessionItem
from ..security import keys
from .counters import Counters
from .gnbs import Gnb
from .n2 import N2, security_capabilities
from .sessions import Sessions
from .ue_context import Connection, UeStore


class Handover:
    def __init__(self, counters: Counters, ues: UeStore, n2: N2, sessions: Sessions) -> None:
        self._counters = counters
        self._ues = ues
        self._n2 = n2
        self._sessions = sessions

    async def run(self, gnb: Gnb, stream: int, request: PathSwitchRequest) -> None:
        connection = self._ues.connection(request.amf_ue_ngap_id)
        if connection is None or not connection.has_context or connection.release is not None:
            self._fail(gnb, stream, request)
            return
        connection.is_switching = True
        try:
            await self._switch(connection, gnb, stream, request)
        finally:
            connection.is_switching = False

    async def _switch(self, connection: Connection, gnb: Gnb, stream: int, request: PathSwitchRequest) -> None:
        ue = connection.ue
        switched = await self._sessions.switch(ue, request.sessions, request.failed)
        released = [item.session_id for item in request.sessions if item.session_id not in switched]
        if not switched:
            self._fail(gnb, stream, request)
            return
        if self._ues.connection(connection.amf_ue_id) is not connection or connection.release is not None:
            # Lost or released while the SMF was asked: the target gNB would hold a UE that the AMF takes for idle.
            self._fail(gnb, stream, request)
            if ue.connection is None:
                await self._sessions.deactivate(ue)
            return
        connection.gnb, connection.ran_ue_id, connection.stream = gnb, request.ran_ue_ngap_id, stream
        ue.ncc = (ue.ncc + 1) % 8
        ue.nh = keys.nh(ue.k_amf, ue.nh)
        own = security_capabilities(ue)
        self._n2.send(
            gnb,
            PathSwitchRequestAcknowledge(
                connection.amf_ue_id,
                connection.ran_ue_id,
                SecurityContext(ue.ncc, ue.nh),
                ue.allowed_nssai,
                sessions=tuple(SessionItem(psi, transfer) for psi, transfer in switched.items()),
                released=_released(released),
                # What the source gNB passed on is not what the UE said (TS 33.501 clause 6.7.3.1).
                capabilities=None if request.capabilities in (None, own) else own,
            ),
            stream,
        )
        self._counters.path_switches_total += 1

    def _fail(self, gnb: Gnb, stream: int, request: PathSwitchRequest) -> None:
        released = _released(item.session_id for item in request.sessions)
        self._n2.send(gnb, PathSwitchRequestFailure(request.amf_ue_ngap_id, request.ran_ue_ngap_id, released), stream)


def _released(psis: Iterable[int]) -> tuple[SessionItem, ...]:
    transfer = SwitchUnsuccessfulTransfer(UNKNOWN_UE_ID).encode()
    return tuple(SessionItem(psi, transfer) for psi in psis)
