# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGAP messages from gNBs (TS 38.413 clause 8), and the loss of their associations."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .. import ngap
from ..n2.link import Association
from ..ngap.errors import INCONSISTENT_UE_ID, UNKNOWN_UE_ID, WRONG_STATE, Cause, NgapError
from ..ngap.messages import (
    ErrorIndication,
    InitialContextSetupFailure,
    InitialContextSetupResponse,
    InitialUeMessage,
    Message,
    NgReset,
    NgResetAcknowledge,
    NgSetupFailure,
    NgSetupRequest,
    NgSetupResponse,
    UeContextReleaseComplete,
    UeContextReleaseRequest,
    UplinkNasTransport,
)
from ..ngap.session_messages import (
    PathSwitchRequest,
    PduSessionResourceModifyResponse,
    PduSessionResourceReleaseResponse,
    PduSessionResourceSetupResponse,
)
from ..ngap.values import CriticalityDiagnostics, PlmnSupport, ServedGuami, UeIds
from .config import AmfConfig
from .counters import Counters
from .gnbs import Gnb, GnbTable
from .handover import Handover
from .lifecycle import Lifecycle
from .n2 import N2
from .nas_handler import NasHandler
from .sessions import Sessions
from .tasks import Tasks
from .ue_context import Connection, UeStore

log = logging.getLogger(__name__)

UNKNOWN_PLMN = Cause("misc", "unknown-PLMN-or-SNPN")
UNSUPPORTED_SLICE = Cause("radioNetwork", "slice-not-supported")


class NgapHandler:
    """The N2Handler of the AMF: no message of one gNB or UE costs another one anything."""

    def __init__(
        self,
        config: AmfConfig,
        counters: Counters,
        gnbs: GnbTable,
        ues: UeStore,
        n2: N2,
        nas_handler: NasHandler,
        sessions: Sessions,
        handover: Handover,
        lifecycle: Lifecycle,
        tasks: Tasks,
    ) -> None:
        self._config = config
        self._counters = counters
        self._gnbs = gnbs
        self._ues = ues
        self._n2 = n2
        self._nas_handler = nas_handler
        self._sessions = sessions
        self._handover = handover
        self._lifecycle = lifecycle
        self._tasks = tasks
        self._of_gnb: dict[type[Message], Callable[[Gnb, int, Any], None]] = {
            NgSetupRequest: self._setup,
            NgReset: self._reset,
            ErrorIndication: self._error,
            InitialUeMessage: self._nas_handler.initial,
            PathSwitchRequest: self._path_switch,
        }
        self._of_ue: dict[type[Message], Callable[[Connection, Any], None]] = {
            UplinkNasTransport: self._uplink,
            InitialContextSetupResponse: self._set_up,
            InitialContextSetupFailure: self._not_set_up,
            PduSessionResourceSetupResponse: self._set_up,
            PduSessionResourceModifyResponse: self._modified,
            PduSessionResourceReleaseResponse: self._sessions_released,
            UeContextReleaseRequest: self._release_requested,
            UeContextReleaseComplete: self._released,
        }

    def association_up(self, association: Association) -> None:
        self._gnbs.add(association)

    def association_down(self, association: Association) -> None:
        """Its UEs are CM-IDLE (TS 23.501 clause 5.3.3.2.4)."""
        gnb = self._gnbs.remove(association)
        if gnb is not None:
            log.info("gNB %s (%s) is gone", gnb.gnb_id, association.peer)
            self._lose_all(gnb)

    def received(self, association: Association, stream: int, pdu: bytes) -> None:
        gnb = self._gnbs.get(association)
        if gnb is None:
            return
        try:
            self._dispatch(gnb, stream, ngap.decode(pdu))
        except NgapError as error:
            self._report(gnb, error)
        except Exception:
            self._counters.procedure_faults_total += 1
            log.exception("message of gNB %s", gnb.gnb_id)

    def _dispatch(self, gnb: Gnb, stream: int, message: Message) -> None:
        of_gnb = self._of_gnb.get(type(message))
        if not gnb.is_ready and not isinstance(message, (NgSetupRequest, ErrorIndication)):
            self._indicate(gnb, WRONG_STATE)
        elif of_gnb is not None:
            of_gnb(gnb, stream, message)
        elif type(message) in self._of_ue:
            connection = self._find(gnb, message)
            if connection is not None:
                self._of_ue[type(message)](connection, message)
        else:
            self._indicate(gnb, WRONG_STATE)

    def _find(self, gnb: Gnb, message: Any) -> Connection | None:
        """The connection that a message names; TS 38.413 clause 10.6 where there is none."""
        connection = self._ues.connection(message.amf_ue_ngap_id)
        if connection is None or connection.gnb is not gnb:
            self._indicate(gnb, UNKNOWN_UE_ID, message.amf_ue_ngap_id, message.ran_ue_ngap_id)
            return None
        if connection.ran_ue_id != message.ran_ue_ngap_id:
            self._indicate(gnb, INCONSISTENT_UE_ID, message.amf_ue_ngap_id, message.ran_ue_ngap_id)
            return None
        return connection

    def _report(self, gnb: Gnb, error: NgapError) -> None:
        log.debug("gNB %s: %s", gnb.gnb_id, error)
        if error.procedure_code == NgSetupRequest.PROCEDURE and error.triggering == "initiating-message":
            self._counters.ngap_errors_total += 1
            self._n2.send(gnb, NgSetupFailure(error.cause))
        elif error.is_reported:
            diagnostics = CriticalityDiagnostics(error.procedure_code, error.triggering)
            self._indicate(
                gnb,
                error.cause,
                error.amf_ue_ngap_id,
                error.ran_ue_ngap_id,
                None if error.procedure_code is None else diagnostics,
            )

    def _indicate(
        self,
        gnb: Gnb,
        cause: Cause,
        amf_ue_id: int | None = None,
        ran_ue_id: int | None = None,
        diagnostics: CriticalityDiagnostics | None = None,
    ) -> None:
        self._counters.ngap_errors_total += 1
        self._n2.send(gnb, ErrorIndication(cause, amf_ue_id, ran_ue_id, diagnostics))

    def _setup(self, gnb: Gnb, stream: int, message: NgSetupRequest) -> None:
        """Clause 8.7.1. A second NG setup erases what the first one had."""
        self._lose_all(gnb)
        gnb.is_ready = False
        plmn = self._config.mcc + self._config.mnc
        areas = {area.tac: support.slices for area in message.areas for support in area.plmns if support.plmn == plmn}
        slices = areas.get(self._config.tac)
        cause = None
        if slices is None:
            cause = UNKNOWN_PLMN
        elif not set(slices) & set(self._config.served):
            cause = UNSUPPORTED_SLICE
        if cause is not None:
            self._counters.ngap_errors_total += 1
            self._n2.send(gnb, NgSetupFailure(cause))
            return
        gnb.gnb_id = f"{message.gnb.plmn}-{message.gnb.gnb_id:x}"
        gnb.tacs = frozenset(areas)
        for former in list(self._gnbs):
            if former.gnb_id == gnb.gnb_id and former is not gnb:
                # The gNB has come back before the loss of its former association was noticed.
                former.is_ready = False
                self._lose_all(former)
        gnb.is_ready = True
        self._n2.send(
            gnb,
            NgSetupResponse(
                self._config.name,
                (ServedGuami(self._n2.guami),),
                (PlmnSupport(plmn, self._config.served),),
            ),
        )
        log.info("gNB %s (%s) is set up", gnb.gnb_id, gnb.association.peer)

    def _reset(self, gnb: Gnb, stream: int, message: NgReset) -> None:
        """Clause 8.7.4."""
        if message.connections is None:
            self._lose_all(gnb)
            self._n2.send(gnb, NgResetAcknowledge())
            return
        for ids in message.connections:
            connection = self._by_ids(gnb, ids)
            if connection is not None:
                self._lifecycle.lost(connection)
        self._n2.send(gnb, NgResetAcknowledge(message.connections))

    def _by_ids(self, gnb: Gnb, ids: UeIds) -> Connection | None:
        if ids.amf_ue_ngap_id is not None:
            connection = self._ues.connection(ids.amf_ue_ngap_id)
            return connection if connection is not None and connection.gnb is gnb else None
        mine = self._ues.connections_of(gnb)
        return next((connection for connection in mine if connection.ran_ue_id == ids.ran_ue_ngap_id), None)

    def _error(self, gnb: Gnb, stream: int, message: ErrorIndication) -> None:
        """Clause 8.7.5. It is never answered by another one; a UE that the gNB does not know is not connected."""
        log.info("gNB %s indicates an error: %s", gnb.gnb_id, message.cause)
        if message.amf_ue_ngap_id is not None and message.cause in (UNKNOWN_UE_ID, INCONSISTENT_UE_ID):
            connection = self._by_ids(gnb, UeIds(message.amf_ue_ngap_id))
            if connection is not None:
                self._lifecycle.lost(connection)

    def _path_switch(self, gnb: Gnb, stream: int, message: PathSwitchRequest) -> None:
        self._tasks.start(self._handover.run(gnb, stream, message))

    def _uplink(self, connection: Connection, message: UplinkNasTransport) -> None:
        tac = connection.ue.tac if message.location is None else message.location.tai.tac
        self._nas_handler.uplink(connection, message.nas, tac)

    def _set_up(
        self, connection: Connection, message: InitialContextSetupResponse | PduSessionResourceSetupResponse
    ) -> None:
        ue = connection.ue
        if message.sessions:
            self._tasks.start(self._sessions.n2_answer(ue, message.sessions, "PDU_RES_SETUP_RSP", True))
        if message.failed:
            self._tasks.start(self._sessions.n2_answer(ue, message.failed, "PDU_RES_SETUP_FAIL", False))

    def _not_set_up(self, connection: Connection, message: InitialContextSetupFailure) -> None:
        connection.has_context = False
        if message.failed:
            self._tasks.start(self._sessions.n2_answer(connection.ue, message.failed, "PDU_RES_SETUP_FAIL", False))
        self._tasks.start(self._lifecycle.release(connection, message.cause))

    def _modified(self, connection: Connection, message: PduSessionResourceModifyResponse) -> None:
        """Clause 8.2.3.3: a session that was not modified stays as it was."""
        self._tasks.start(self._sessions.n2_answer(connection.ue, message.sessions, "PDU_RES_MOD_RSP", True))
        self._tasks.start(self._sessions.n2_answer(connection.ue, message.failed, "PDU_RES_MOD_FAIL", True))

    def _sessions_released(self, connection: Connection, message: PduSessionResourceReleaseResponse) -> None:
        self._tasks.start(self._sessions.n2_answer(connection.ue, message.sessions, "PDU_RES_REL_RSP", False))

    def _release_requested(self, connection: Connection, message: UeContextReleaseRequest) -> None:
        self._tasks.start(self._lifecycle.release(connection, message.cause))

    def _released(self, connection: Connection, message: UeContextReleaseComplete) -> None:
        self._n2.released(connection)

    def _lose_all(self, gnb: Gnb) -> None:
        for connection in self._ues.connections_of(gnb):
            self._lifecycle.lost(connection)
