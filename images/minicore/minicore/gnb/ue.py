# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A UE: its NAS layer answers the network at once, procedures await what it becomes (TS 24.501)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .. import nas
from ..nas import gmm, gsm
from ..nas.capability import SecurityCapability
from ..nas.causes import MmCause
from ..nas.identity import Guti5g, IdentityType, NoIdentity, Pei, Suci
from ..nas.message import NasMessage
from ..nas.security import (
    UNPROTECTED_DOWNLINK,
    HeaderType,
    NasSecurityContext,
    NasSecurityError,
    cleartext,
    header_type,
    split,
)
from ..nas.slice import SNssai
from ..ngap.values import FiveGSTmsi, SecurityCapabilities
from ..security import keys
from ..security.algorithms import DOWNLINK, UPLINK
from .connection import Connection, Network
from .hosts import Host
from .session import SESSION_ID, UeSession
from .station import Gnb
from .usim import MacFailureError, SynchFailureError, Usim

CAPABILITY = SecurityCapability.of((0, 2), (0, 2))
"""Null algorithms and AES, for ciphering and for integrity."""
NGAP_CAPABILITY = SecurityCapabilities(*CAPABILITY.ngap_bits())
_MM_CAPABILITY = b"\x00"
_ACKNOWLEDGE = 1
_RINMR = 2
_ACCESS_3GPP = 1
_IMEISV_REQUESTED = 1


class ProcedureError(Exception):
    """A procedure has failed; the text is the reason that the summary counts."""


@dataclass(slots=True)
class Counters:
    """What all UEs of a run have seen."""

    authentications: int = 0
    reauthentications: int = 0
    """Of UEs that were registered and had offered a security context."""
    resynchronisations: int = 0
    wrong_keys: int = 0
    """K_gNB that a gNB got and the UE does not have."""
    count_jumps: int = 0
    """Downlink messages whose NAS COUNT was not the next one."""
    nas_errors: int = 0
    """Messages that did not decode, failed their integrity check or were replayed."""
    pagings: int = 0
    network_deregistrations: int = 0


class Ue:
    """One UE with at most one PDU session. `gnb` is where it camps or is connected."""

    def __init__(self, index: int, supi: str, network: Network, usim: Usim, gnb: Gnb, counters: Counters) -> None:
        self.index = index
        self.supi = supi
        self.gnb = gnb
        self.network = network
        self.connection: Connection | None = None
        self.session: UeSession | None = None
        self.registered = False
        self.updating = False
        """A registration or service request is not answered yet."""
        self.accepted_session = False
        self.guti: Guti5g | None = None
        self.busy = False
        self.rests_idle = False
        """Between its procedures."""
        self.on_paged: Callable[[Ue], None] | None = None
        self.data = 0
        """Packets that the network has sent by itself."""
        self.usim = usim
        self._counters = counters
        digits = supi.removeprefix("imsi-")
        self._suci = Suci(network.plmn, digits[len(network.plmn) :])
        self._snn = keys.serving_network_name(network.plmn[:3], network.plmn[3:])
        self._slice = SNssai(network.slice.sst, network.slice.sd or None)
        self._security: NasSecurityContext | None = None
        self._is_exchange_secure = False
        """The network has used the security context since the UE became connected (clause 4.4.2.5)."""
        self._k_amf = b""
        """Of the last authentication; taken into use by a security mode command."""
        self._request: gmm.RegistrationRequest | None = None
        self._pti = 0
        self._condition: Callable[[], bool] | None = None
        self._reached: asyncio.Future[None] | None = None
        self._failure = ""

    # What procedures call.

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Return when `condition` holds; ProcedureError if the procedure failed, or not within the time-out."""
        if self._failure:
            raise ProcedureError(self._failure)
        if condition():
            return
        loop = asyncio.get_running_loop()
        self._condition, self._reached = condition, loop.create_future()
        timer = loop.call_later(timeout_s, self.fail, f"{what}: no answer within {timeout_s:g} s")
        try:
            await self._reached
        finally:
            timer.cancel()
            self._condition = self._reached = None
        if self._failure:
            raise ProcedureError(self._failure)

    def begin_procedure(self) -> None:
        """What failed before has no meaning for the next procedure."""
        self._failure = ""

    def request_registration(self, kind: gmm.RegistrationType) -> None:
        """Registration request: with SUCI where the UE has no security context, else with 5G-GUTI (clause 5.5.1)."""
        identity = self.guti if self._security is not None else None
        request = gmm.RegistrationRequest(
            ngksi=gmm.NO_KEY if self._security is None else self._security.ngksi,
            registration_type=kind,
            identity=identity or self._suci,
            mm_capability=_MM_CAPABILITY,
            security_capability=CAPABILITY,
            requested_slices=(self._slice,),
        )
        self._request = request
        self.updating, self._is_exchange_secure = True, False
        if self._security is None:
            self.gnb.begin(self, cleartext(request).encode(), "mo-Signalling", None)
        else:
            self.gnb.begin(self, self._security.protect_initial(request), "mo-Signalling", self._s_tmsi())

    def request_service(self, kind: gmm.ServiceType) -> None:
        """Service request of an idle UE, with the user plane of its session (clause 5.6.1)."""
        assert self.guti is not None and self._security is not None
        sessions = frozenset((SESSION_ID,)) if self.session is not None else None
        request = gmm.ServiceRequest(
            service_type=kind,
            ngksi=self._security.ngksi,
            s_tmsi=self.guti.s_tmsi,
            uplink_data=sessions,
            sessions=sessions or frozenset(),
        )
        self.updating, self._is_exchange_secure = True, False
        cause = "mt-Access" if kind == gmm.ServiceType.MOBILE_TERMINATED else "mo-Data"
        self.gnb.begin(self, self._security.protect_initial(request), cause, self._s_tmsi())

    def request_deregistration(self) -> None:
        """Clause 5.5.2.2."""
        assert self.guti is not None and self._security is not None
        self._send(gmm.DeregistrationRequest(ngksi=self._security.ngksi, access=_ACCESS_3GPP, identity=self.guti))

    def request_session(self, host: Host) -> None:
        """A PDU session of the type that the host needs (clause 6.4.1)."""
        self.session = UeSession(self.index, host)
        self.accepted_session = False
        request = gsm.PduSessionEstablishmentRequest(
            pdu_session_id=SESSION_ID, pti=self._next_pti(), session_type=host.session_type, ssc_mode=1
        )
        self._send(
            gmm.UlNasTransport(
                payload=request.encode(),
                pdu_session_id=SESSION_ID,
                request_type=gmm.RequestType.INITIAL,
                slice=self._slice,
                dnn=self.network.dnn,
            )
        )

    def request_session_release(self) -> None:
        """Clause 6.4.3."""
        self._send_sm(gsm.PduSessionReleaseRequest(pdu_session_id=SESSION_ID, pti=self._next_pti()))

    def forget_network(self) -> None:
        """Switch off and on: only the USIM remembers."""
        if self.connection is not None:
            self.connection.gnb.abandon(self.connection)
        self._forget_registration()

    # What the gNB calls.

    def changed(self) -> None:
        if self._condition is not None and self._reached is not None and self._condition():
            self._end_wait()

    def fail(self, reason: str) -> None:
        self._failure = reason
        self._end_wait()

    def check_key(self, k_gnb: bytes) -> None:
        """The AMF has given this key to the gNB (TS 33.501 clause 6.8.1.2)."""
        if self._security is None or self._security.k_gnb() != k_gnb:
            self._counters.wrong_keys += 1

    def paged(self) -> None:
        self._counters.pagings += 1
        if self.on_paged is not None:
            self.on_paged(self)

    def downlink_data(self) -> None:
        """The network has sent a packet that the UE did not ask for."""
        self.data += 1
        self.changed()

    def receive(self, pdu: bytes) -> None:
        """Take a NAS message and answer it."""
        try:
            message = self._unprotect(pdu)
            if message is not None:
                self._on_message(message)
        except (nas.NasDecodeError, NasSecurityError) as error:
            self._counters.nas_errors += 1
            self.fail(f"NAS: {error}")
            return
        self.changed()

    # NAS.

    def _unprotect(self, pdu: bytes) -> NasMessage | None:
        """The plain message; None if it has to be ignored (clause 4.4.4.2)."""
        kind = header_type(pdu)
        if kind == HeaderType.PLAIN:
            message = nas.decode(pdu)
            if not isinstance(message, UNPROTECTED_DOWNLINK):
                raise NasSecurityError(f"{type(message).__name__} without protection")
            return message
        if kind == HeaderType.INTEGRITY_NEW_CONTEXT:
            return self._take_context(pdu)
        if self._security is None:
            raise NasSecurityError("protected message, and no security context")
        expected = self._security.dl_count
        plain = self._security.unprotect(pdu, DOWNLINK)
        self._is_exchange_secure = True
        if self._security.dl_count != expected + 1:
            self._counters.count_jumps += 1
        return nas.decode(plain)

    def _take_context(self, pdu: bytes) -> gmm.SecurityModeCommand:
        """A security mode command is checked by the keys that it takes into use (clause 5.4.2)."""
        command = gmm.SecurityModeCommand.decode(split(pdu).payload)
        k_amf = self._k_amf or (self._security.k_amf if self._security is not None else b"")
        context = NasSecurityContext(command.ngksi, k_amf, command.algorithms)
        context.unprotect(pdu, DOWNLINK)
        self._security, self._is_exchange_secure = context, True
        return command

    def _on_message(self, message: NasMessage) -> None:
        match message:
            case gmm.AuthenticationRequest():
                self._authenticate(message)
            case gmm.SecurityModeCommand():
                self._complete_security_mode(message)
            case gmm.RegistrationAccept():
                self._on_accept(message)
            case gmm.ServiceAccept():
                self.updating = False
            case gmm.DlNasTransport():
                self._on_transport(message)
            case gmm.IdentityRequest():
                self._identify(message)
            case gmm.ConfigurationUpdateCommand():
                self.guti = message.guti or self.guti
                if (message.indication or 0) & _ACKNOWLEDGE:
                    self._send(gmm.ConfigurationUpdateComplete())
            case gmm.DeregistrationAccept():
                self._forget_registration()
            case gmm.NetworkDeregistrationRequest():
                self._counters.network_deregistrations += 1
                self._send(gmm.NetworkDeregistrationAccept())
                self._forget_registration()
                self.fail("deregistered by the network")
            case gmm.RegistrationReject() | gmm.ServiceReject() | gmm.MmStatus():
                self._on_reject(message)
            case gmm.AuthenticationReject():
                self._forget_registration()
                self.fail("authentication rejected")
            case _:
                raise NasSecurityError(f"{type(message).__name__} is not expected")

    def _authenticate(self, request: gmm.AuthenticationRequest) -> None:
        """5G-AKA (TS 33.501 clause 6.1.3.2)."""
        self._counters.authentications += 1
        if self.registered:
            self._counters.reauthentications += 1
        rand, autn = request.rand or b"", request.autn or b""
        try:
            answer = self.usim.answer(rand, autn)
        except MacFailureError:
            self._send(gmm.AuthenticationFailure(cause=MmCause.MAC_FAILURE), is_plain=True)
            self.fail("authentication: MAC failure")
        except SynchFailureError as failure:
            self._counters.resynchronisations += 1
            self._send(gmm.AuthenticationFailure(cause=MmCause.SYNCH_FAILURE, auts=failure.auts), is_plain=True)
        else:
            k_ausf = keys.k_ausf(answer.ck, answer.ik, self._snn, answer.sqn_xor_ak)
            self._k_amf = keys.k_amf(keys.k_seaf(k_ausf, self._snn), self.supi, request.abba)
            res_star = keys.res_star(answer.ck, answer.ik, self._snn, rand, answer.res)
            self._send(gmm.AuthenticationResponse(res_star=res_star), is_plain=True)

    def _complete_security_mode(self, command: gmm.SecurityModeCommand) -> None:
        if command.security_capability.octets[:2] != CAPABILITY.octets:
            self._send(gmm.SecurityModeReject(cause=MmCause.SECURITY_CAPABILITIES_MISMATCH))
            self.fail("security mode: other capabilities came back")
            return
        imeisv = None
        if command.imeisv_request == _IMEISV_REQUESTED:
            imeisv = Pei(f"35{self.supi[-12:]:0>12}00")
        whole = self._request.encode() if self._request is not None else None
        self._send(gmm.SecurityModeComplete(imeisv=imeisv, nas_container=whole), HeaderType.CIPHERED_NEW_CONTEXT)

    def _on_accept(self, accept: gmm.RegistrationAccept) -> None:
        self.registered, self.updating = True, False
        if accept.guti is not None:
            self.guti = accept.guti
            self._send(gmm.RegistrationComplete())

    def _on_transport(self, message: gmm.DlNasTransport) -> None:
        if message.cause is not None:
            self.session = None
            self.fail(f"PDU session: not forwarded, 5GMM cause {message.cause}")
            return
        content = nas.decode(message.payload)
        match content:
            case gsm.PduSessionEstablishmentAccept():
                wrong = "" if self.session is None else self.session.accept(content.session_type, content.address)
                self.accepted_session = not wrong
                if wrong:
                    self.fail(f"PDU session: {wrong}")
            case gsm.PduSessionEstablishmentReject():
                self.session = None
                self.fail(f"PDU session: rejected, 5GSM cause {content.cause}")
            case gsm.PduSessionReleaseCommand():
                self._send_sm(gsm.PduSessionReleaseComplete(pdu_session_id=content.pdu_session_id, pti=content.pti))
                self.session = None
            case gsm.PduSessionReleaseReject() | gsm.SmStatus():
                self.fail(f"PDU session: {type(content).__name__}, 5GSM cause {content.cause}")

    def _identify(self, request: gmm.IdentityRequest) -> None:
        identity = self._suci if request.identity_type == IdentityType.SUCI else NoIdentity()
        self._send(gmm.IdentityResponse(identity=identity), is_plain=self._security is None)

    def _on_reject(self, message: gmm.RegistrationReject | gmm.ServiceReject | gmm.MmStatus) -> None:
        if message.cause in (MmCause.UE_IDENTITY_CANNOT_BE_DERIVED, MmCause.IMPLICITLY_DEREGISTERED):
            self._forget_registration()
        self.updating = False
        self.fail(f"{type(message).__name__}, 5GMM cause {message.cause}")

    def _forget_registration(self) -> None:
        self.registered = self.updating = False
        self._security, self.guti, self.session = None, None, None
        self._k_amf = b""

    def _send_sm(self, message: nas.SmMessage) -> None:
        self._send(gmm.UlNasTransport(payload=message.encode(), pdu_session_id=message.pdu_session_id))

    def _send(self, message: nas.MmMessage, kind: HeaderType = HeaderType.CIPHERED, *, is_plain: bool = False) -> None:
        connection = self.connection
        if connection is None:
            self.fail("the connection was released")
            return
        pdu = message.encode()
        if self._security is not None:
            # A network that has lost the context can read what is not ciphered (clause 4.4.5).
            if not self._is_exchange_secure:
                kind = HeaderType.INTEGRITY
            pdu = self._security.protect(pdu, kind, UPLINK)
        elif not is_plain:
            raise NasSecurityError(f"{type(message).__name__} needs a security context")
        connection.gnb.uplink(connection, pdu)

    def _s_tmsi(self) -> FiveGSTmsi | None:
        if self.guti is None:
            return None
        return FiveGSTmsi(self.guti.amf_set, self.guti.amf_pointer, self.guti.tmsi)

    def _next_pti(self) -> int:
        self._pti = self._pti % 254 + 1
        return self._pti

    def _end_wait(self) -> None:
        if self._reached is not None and not self._reached.done():
            self._reached.set_result(None)
