# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the AMF sends to gNBs about one UE (TS 38.413 clauses 8.2, 8.3, 8.6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from .. import ngap
from ..ngap.errors import Cause
from ..ngap.messages import DownlinkNasTransport, InitialContextSetupRequest, Message, UeContextReleaseCommand
from ..ngap.session_messages import (
    PduSessionResourceModifyRequest,
    PduSessionResourceReleaseCommand,
    PduSessionResourceSetupRequest,
)
from ..ngap.values import BitRate, Guami, SecurityCapabilities, SessionItem, SessionSetup, UeIds
from ..security import keys
from .config import AmfConfig
from .consumers import DEFAULT_AMBR
from .gnbs import Gnb
from .ue_context import Connection, UeContext, UeStore

log = logging.getLogger(__name__)


class N2:
    def __init__(self, config: AmfConfig, ues: UeStore) -> None:
        self._config = config
        self._ues = ues
        self.guami = Guami(config.mcc + config.mnc, config.region, config.set_id, config.pointer)

    def send(self, gnb: Gnb, message: Message, stream: int = 0) -> None:
        gnb.association.send(ngap.encode(message), stream)

    def downlink_nas(self, connection: Connection, nas: bytes) -> None:
        self._send(connection, DownlinkNasTransport(connection.amf_ue_id, connection.ran_ue_id, nas))

    def establish(self, connection: Connection, nas: bytes, sessions: Sequence[SessionSetup] = ()) -> None:
        """Bring a NAS message and the resources of sessions to a gNB, with the UE's context if it has none."""
        ue = connection.ue
        if not connection.has_context:
            connection.has_context = True
            self._send(
                connection,
                InitialContextSetupRequest(
                    connection.amf_ue_id,
                    connection.ran_ue_id,
                    self.guami,
                    ue.allowed_nssai,
                    security_capabilities(ue),
                    self._new_k_gnb(ue),
                    ambr=self._ambr(ue) if sessions else None,
                    sessions=tuple(sessions),
                    nas=nas,
                ),
            )
        elif sessions:
            self.set_up_sessions(connection, sessions, nas)
        else:
            self.downlink_nas(connection, nas)

    def set_up_sessions(
        self, connection: Connection, sessions: Sequence[SessionSetup], nas: bytes | None = None
    ) -> None:
        self._send(
            connection,
            PduSessionResourceSetupRequest(
                connection.amf_ue_id, connection.ran_ue_id, tuple(sessions), nas, self._ambr(connection.ue)
            ),
        )

    def modify_session(self, connection: Connection, psi: int, transfer: bytes) -> None:
        self._send(
            connection,
            PduSessionResourceModifyRequest(connection.amf_ue_id, connection.ran_ue_id, (SessionItem(psi, transfer),)),
        )

    def release_session(self, connection: Connection, psi: int, transfer: bytes, nas: bytes | None) -> None:
        self._send(
            connection,
            PduSessionResourceReleaseCommand(
                connection.amf_ue_id, connection.ran_ue_id, (SessionItem(psi, transfer),), nas
            ),
        )

    async def release(self, connection: Connection, cause: Cause) -> None:
        """UE context release (clause 8.3.3); it ends also when the gNB gives no answer."""
        if connection.release is not None:
            await asyncio.shield(connection.release)
            return
        connection.release = asyncio.get_running_loop().create_future()
        self._send(
            connection,
            UeContextReleaseCommand(UeIds(connection.amf_ue_id, connection.ran_ue_id), cause),
        )
        try:
            async with asyncio.timeout(self._config.release_s):
                await asyncio.shield(connection.release)
        except TimeoutError:
            log.info("no UE CONTEXT RELEASE COMPLETE for UE %d", connection.amf_ue_id)
            self.released(connection)

    def released(self, connection: Connection) -> None:
        """The gNB has nothing of the connection any more, by whatever cause."""
        self._ues.forget_connection(connection)
        if connection.release is None:
            connection.release = asyncio.get_running_loop().create_future()
        if not connection.release.done():
            connection.release.set_result(None)

    def _send(self, connection: Connection, message: Message) -> None:
        self.send(connection.gnb, message, connection.stream)

    def _new_k_gnb(self, ue: UeContext) -> bytes:
        """K_gNB of a UE that becomes connected, and the NH that a handover will need (TS 33.501 clause 6.9.2.1.1)."""
        assert ue.nas is not None
        key = ue.nas.k_gnb()
        ue.nh, ue.ncc = keys.nh(ue.k_amf, key), 1
        return key

    @staticmethod
    def _ambr(ue: UeContext) -> BitRate:
        return DEFAULT_AMBR if ue.subscription is None else ue.subscription.ambr


def security_capabilities(ue: UeContext) -> SecurityCapabilities:
    assert ue.capability is not None
    return SecurityCapabilities(*ue.capability.ngap_bits())
