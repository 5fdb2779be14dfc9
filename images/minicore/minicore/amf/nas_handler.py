# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAS messages from UEs: what their protection is worth, and which procedure they are for (TS 24.501 clause 4.4.4)."""

from __future__ import annotations

import logging
from typing import TypeVar

from ..nas import MmCause, NasDecodeError, NasMessage, decode, gmm
from ..nas.identity import Guti5g, Identity, Suci
from ..nas.security import UNPROTECTED_UPLINK, HeaderType, NasSecurityError, header_type, split
from ..ngap.errors import NORMAL_RELEASE
from ..ngap.messages import InitialUeMessage
from ..security.algorithms import UPLINK
from .config import AmfConfig
from .counters import Counters
from .deregistration import Deregistration
from .gnbs import Gnb
from .lifecycle import Lifecycle
from .n1 import N1
from .registration import Registration
from .service_request import ServiceRequests
from .sessions import Sessions
from .tasks import Tasks
from .ue_context import Connection, UeContext, UeStore

log = logging.getLogger(__name__)

Initial = TypeVar("Initial", gmm.RegistrationRequest, gmm.ServiceRequest)


class NasHandler:
    def __init__(
        self,
        config: AmfConfig,
        counters: Counters,
        ues: UeStore,
        n1: N1,
        registration: Registration,
        service_requests: ServiceRequests,
        deregistration: Deregistration,
        sessions: Sessions,
        lifecycle: Lifecycle,
        tasks: Tasks,
    ) -> None:
        self._config = config
        self._counters = counters
        self._ues = ues
        self._n1 = n1
        self._registration = registration
        self._service_requests = service_requests
        self._deregistration = deregistration
        self._sessions = sessions
        self._lifecycle = lifecycle
        self._tasks = tasks

    def initial(self, gnb: Gnb, stream: int, message: InitialUeMessage) -> None:
        """The first message of a UE that becomes connected."""
        data = message.nas
        try:
            request = decode(_plain_of(data))
        except (NasDecodeError, NasSecurityError) as error:
            self._counters.nas_malformed_total += 1
            self._refuse(self._stranger(gnb, stream, message), data, error)
            return
        if isinstance(request, gmm.RegistrationRequest):
            self._begin_registration(gnb, stream, message, request)
        elif isinstance(request, gmm.ServiceRequest):
            self._begin_service(gnb, stream, message, request)
        elif isinstance(request, gmm.DeregistrationRequest):
            self._begin_deregistration(gnb, stream, message, request)
        else:
            self._counters.nas_ignored_total += 1
            self._dismiss(self._stranger(gnb, stream, message))

    def uplink(self, connection: Connection, data: bytes, tac: int) -> None:
        """A message of a UE that is connected."""
        message = self._open(connection, data)
        if message is None or self._n1.give(connection.ue, message):
            return
        ue = connection.ue
        if not connection.is_secured:
            self._counters.nas_ignored_total += 1
        elif isinstance(message, gmm.RegistrationRequest):
            self._lifecycle.begin(ue, self._registration.run(connection, message, tac, ""))
        elif isinstance(message, gmm.DeregistrationRequest):
            self._lifecycle.begin(ue, self._deregistration.run(connection, message))
        elif not ue.is_registered:
            self._counters.nas_ignored_total += 1
        elif isinstance(message, gmm.ServiceRequest):
            self._lifecycle.begin(ue, self._service_requests.run(connection, message))
        elif isinstance(message, gmm.UlNasTransport):
            self._tasks.start(self._sessions.uplink(ue, message))
        elif isinstance(message, (gmm.MmStatus, gmm.RegistrationComplete, gmm.ConfigurationUpdateComplete)):
            self._counters.nas_ignored_total += 1
        else:
            self._counters.nas_ignored_total += 1
            self._n1.send(ue, gmm.MmStatus(cause=MmCause.MESSAGE_TYPE_NOT_COMPATIBLE))

    def _open(self, connection: Connection, data: bytes) -> NasMessage | None:
        """The message if it may be processed."""
        ue = connection.ue
        try:
            if header_type(data) == HeaderType.PLAIN:
                message = decode(data)
                if connection.is_secured or not isinstance(message, UNPROTECTED_UPLINK):
                    self._counters.nas_ignored_total += 1
                    return None
                return message
            if ue.nas is None:
                return self._unverified(data)
            plain = self._verify(ue, data)
            return None if plain is None else decode(plain)
        except NasDecodeError as error:
            self._counters.nas_malformed_total += 1
            if connection.is_secured:
                self._n1.send(ue, gmm.MmStatus(cause=error.cause))
        except NasSecurityError:
            self._counters.nas_malformed_total += 1
        return None

    def _unverified(self, data: bytes) -> NasMessage | None:
        """Protected by keys that the AMF does not have, of a UE that is being authenticated."""
        if header_type(data) == HeaderType.INTEGRITY:
            message = decode(_plain_of(data))
            if isinstance(message, UNPROTECTED_UPLINK):
                return message
        self._counters.nas_ignored_total += 1
        return None

    def _verify(self, ue: UeContext, data: bytes) -> bytes | None:
        """The plain message if MAC and count are right."""
        assert ue.nas is not None
        try:
            plain = ue.nas.unprotect(data, UPLINK)
        except NasSecurityError as error:
            self._counters.nas_integrity_failures_total += 1
            log.debug("%s: %s", ue.supi, error)
            return None
        self._counters.nas_integrity_checked_total += 1
        return plain

    def _begin_registration(
        self, gnb: Gnb, stream: int, message: InitialUeMessage, request: gmm.RegistrationRequest
    ) -> None:
        known = self._known_by_guti(request.identity)
        connection = self._secured(gnb, stream, message, known)
        identity = ""
        if connection is not None and isinstance(request.identity, Guti5g):
            self._ues.used_tmsi(connection.ue, request.identity.tmsi)
            request = self._complete(connection, request)
        else:
            connection = self._stranger(gnb, stream, message)
            if isinstance(request.identity, Suci):
                identity = str(request.identity)
            elif known is not None:
                identity = known.supi
        self._lifecycle.begin(
            connection.ue, self._registration.run(connection, request, message.location.tai.tac, identity)
        )

    def _begin_service(self, gnb: Gnb, stream: int, message: InitialUeMessage, request: gmm.ServiceRequest) -> None:
        identity = request.s_tmsi
        known = None
        if (identity.amf_set, identity.amf_pointer) == (self._config.set_id, self._config.pointer):
            known = self._ues.by_tmsi(identity.tmsi)
        if known is not None and not known.is_registered:
            known = None
        connection = self._secured(gnb, stream, message, known)
        if connection is not None:
            self._ues.used_tmsi(connection.ue, identity.tmsi)
            request = self._complete(connection, request)
            self._lifecycle.begin(connection.ue, self._service_requests.run(connection, request))
            return
        stranger = self._stranger(gnb, stream, message)
        self._n1.send(stranger.ue, gmm.ServiceReject(cause=MmCause.UE_IDENTITY_CANNOT_BE_DERIVED))
        self._dismiss(stranger)

    def _begin_deregistration(
        self, gnb: Gnb, stream: int, message: InitialUeMessage, request: gmm.DeregistrationRequest
    ) -> None:
        connection = self._secured(gnb, stream, message, self._known_by_guti(request.identity))
        if connection is not None:
            self._lifecycle.begin(connection.ue, self._deregistration.run(connection, request))
        else:
            self._dismiss(self._stranger(gnb, stream, message))

    def _secured(self, gnb: Gnb, stream: int, message: InitialUeMessage, known: UeContext | None) -> Connection | None:
        """The new connection of a known UE, if the message is that UE's by its MAC and COUNT."""
        if known is None or known.nas is None or header_type(message.nas) != HeaderType.INTEGRITY:
            return None
        if self._verify(known, message.nas) is None:
            return None
        self._lifecycle.supersede(known)
        connection = self._ues.connect(gnb, message.ran_ue_ngap_id, stream, known)
        connection.is_secured = True
        return connection

    def _complete(self, connection: Connection, request: Initial) -> Initial:
        """The whole request, of which a part came ciphered (clause 4.4.6)."""
        assert connection.ue.nas is not None
        try:
            return connection.ue.nas.open_container(request)
        except NasDecodeError:
            self._counters.nas_malformed_total += 1
            return request

    def _known_by_guti(self, identity: Identity) -> UeContext | None:
        if not isinstance(identity, Guti5g) or identity != self._config.guti(identity.tmsi):
            return None
        return self._ues.by_tmsi(identity.tmsi)

    def _stranger(self, gnb: Gnb, stream: int, message: InitialUeMessage) -> Connection:
        """A connection of a UE that is not known, or has not proved that it is."""
        return self._ues.connect(gnb, message.ran_ue_ngap_id, stream, UeContext())

    def _refuse(self, connection: Connection, data: bytes, error: NasDecodeError | NasSecurityError) -> None:
        """Answer a malformed initial message (clause 7)."""
        cause = error.cause if isinstance(error, NasDecodeError) else MmCause.PROTOCOL_ERROR
        kind = data[9:10] if data[1:2] != b"\x00" else data[2:3]
        reply: gmm.RegistrationReject | gmm.ServiceReject | gmm.MmStatus
        if kind == bytes((gmm.RegistrationRequest.message_type,)):
            self._counters.registrations_rejected_total += 1
            reply = gmm.RegistrationReject(cause=cause)
        elif kind == bytes((gmm.ServiceRequest.message_type,)):
            reply = gmm.ServiceReject(cause=cause)
        else:
            reply = gmm.MmStatus(cause=cause)
        self._n1.send(connection.ue, reply)
        self._dismiss(connection)

    def _dismiss(self, connection: Connection) -> None:
        self._tasks.start(self._lifecycle.release(connection, NORMAL_RELEASE))


def _plain_of(data: bytes) -> bytes:
    """The message in an initial message, unchecked: it is never ciphered (clause 4.4.5)."""
    kind = header_type(data)
    if kind == HeaderType.PLAIN:
        return data
    if kind != HeaderType.INTEGRITY:
        raise NasSecurityError("an initial message that is ciphered")
    return split(data).payload
