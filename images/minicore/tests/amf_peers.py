# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gNB and UEs that do one step at a time, as a test says: over the TCP link of the N2 front."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from minicore import nas, ngap
from minicore.n2 import gnb_link
from minicore.nas import NasMessage, gmm
from minicore.nas.capability import Algorithms, SecurityCapability
from minicore.nas.identity import Guti5g, Suci
from minicore.nas.security import HeaderType, NasSecurityContext, header_type
from minicore.ngap import messages, session_messages
from minicore.ngap.values import GlobalGnbId, NrCgi, PlmnSupport, SessionItem, Snssai, SupportedTa, Tai, UserLocation
from minicore.security import keys
from minicore.security.algorithms import DOWNLINK, UPLINK
from minicore.security.milenage import Milenage
from minicore.security.suci import suci_of

from images.minicore.tests.amf_core import OPC, SNN, K

M = TypeVar("M")
PLMN = "00101"
TIMEOUT_S = 30.0
CAPABILITY = SecurityCapability.of((0, 1, 2), (0, 1, 2))
LOCATION = UserLocation(NrCgi(PLMN, 0x10), Tai(PLMN, 1))


class ScriptedGnb:
    def __init__(self, gnb_id: int = 1, tac: int = 1, plmn: str = PLMN) -> None:
        self.gnb_id = gnb_id
        self.tac = tac
        self.plmn = plmn
        self.ran_ue_ids = itertools.count(1)
        self._inbox: list[ngap.Message] = []
        self._arrived = asyncio.Event()
        self._link: gnb_link.GnbLink | None = None

    async def connect(self, port: int, address: str = "127.0.0.1") -> None:
        self._link = await gnb_link.connect(
            "tcp", [address], port=port, on_received=self._received, on_lost=lambda reason: None
        )

    async def set_up(self, port: int, address: str = "127.0.0.1") -> messages.NgSetupResponse:
        await self.connect(port, address)
        self.send(self.setup_request())
        return await self.expect(messages.NgSetupResponse)

    def setup_request(self) -> messages.NgSetupRequest:
        areas = (SupportedTa(self.tac, (PlmnSupport(self.plmn, (Snssai(1),)),)),)
        return messages.NgSetupRequest(GlobalGnbId(self.plmn, self.gnb_id), areas, "gnb")

    async def close(self) -> None:
        if self._link is not None:
            await self._link.close()

    def send(self, message: ngap.Message, stream: int = 0) -> None:
        self.send_raw(ngap.encode(message), stream)

    def send_raw(self, pdu: bytes, stream: int = 0) -> None:
        assert self._link is not None
        self._link.send(pdu, stream)

    async def expect(self, kind: type[M], where: Callable[[Any], bool] = lambda message: True) -> M:
        """The first message of a kind; others stay for later."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                for message in self._inbox:
                    if isinstance(message, kind) and where(message):
                        self._inbox.remove(message)
                        return message
                self._arrived.clear()
                await self._arrived.wait()

    def waiting(self, kind: type[M]) -> list[M]:
        return [message for message in self._inbox if isinstance(message, kind)]

    def _received(self, stream: int, pdu: bytes) -> None:
        self._inbox.append(ngap.decode(pdu))
        self._arrived.set()


class ScriptedUe:
    def __init__(self, gnb: ScriptedGnb, number: int = 1) -> None:
        self.supi = f"imsi-001010000{number:06d}"
        self.gnb = gnb
        self.ran_id = 0
        self.amf_id = 0
        self.security: NasSecurityContext | None = None
        self.guti: Guti5g | None = None
        self.k = K
        self.location = LOCATION
        self.sqn = 0
        """The highest SQN that it accepted."""
        self.sent: bytes = b""
        self.contexts: list[messages.InitialContextSetupRequest] = []

    # NAS to the AMF

    def start(self, data: bytes) -> None:
        """Become connected with a NAS message."""
        self.ran_id = next(self.gnb.ran_ue_ids)
        self.amf_id = 0
        self.gnb.send(messages.InitialUeMessage(self.ran_id, data, self.location), 1)

    def uplink(self, message: NasMessage, header: HeaderType = HeaderType.CIPHERED) -> None:
        plain = message.encode()
        if self.security is None or header == HeaderType.PLAIN:
            self.uplink_raw(plain)
        else:
            self.uplink_raw(self.security.protect(plain, header, UPLINK))

    def uplink_raw(self, data: bytes) -> None:
        self.sent = data
        self.gnb.send(messages.UplinkNasTransport(self.amf_id, self.ran_id, data, self.location), 1)

    def registration_request(self, kind: int = gmm.RegistrationType.INITIAL, **more: Any) -> gmm.RegistrationRequest:
        identity = self.guti or Suci.parse(suci_of(self.supi))
        return gmm.RegistrationRequest(
            ngksi=gmm.NO_KEY if self.security is None else self.security.ngksi,
            follow_on=False,
            registration_type=kind,
            identity=identity,
            security_capability=CAPABILITY,
            **more,
        )

    def start_protected(self, request: gmm.RegistrationRequest | gmm.ServiceRequest) -> None:
        assert self.security is not None
        self.start(self.security.protect_initial(request))

    def service_request(self, **more: Any) -> gmm.ServiceRequest:
        assert self.security is not None and self.guti is not None
        return gmm.ServiceRequest(
            service_type=gmm.ServiceType.DATA, ngksi=self.security.ngksi, s_tmsi=self.guti.s_tmsi, **more
        )

    # NAS from the AMF

    async def downlink(self, kind: type[M]) -> M:
        """The next NAS message; it must be of that kind."""
        message = await self.gnb.expect(
            object,
            lambda message: (
                getattr(message, "ran_ue_ngap_id", None) == self.ran_id
                and isinstance(message, (messages.DownlinkNasTransport, messages.InitialContextSetupRequest))
            ),
        )
        assert isinstance(message, (messages.DownlinkNasTransport, messages.InitialContextSetupRequest))
        self.amf_id = message.amf_ue_ngap_id
        if isinstance(message, messages.InitialContextSetupRequest):
            self.contexts.append(message)
        return self.read(kind, message.nas or b"")

    def read(self, kind: type[M], data: bytes) -> M:
        if header_type(data) != HeaderType.PLAIN:
            assert self.security is not None
            data = self.security.unprotect(data, DOWNLINK)
        message = nas.decode(data)
        assert isinstance(message, kind), message
        return message

    # procedures

    async def authenticate(self) -> bytes:
        """Answer a challenge; return K_AMF."""
        challenge = await self.downlink(gmm.AuthenticationRequest)
        response, k_amf = self.answer(challenge)
        self.uplink(response, HeaderType.PLAIN)
        return k_amf

    def answer(self, challenge: gmm.AuthenticationRequest) -> tuple[gmm.AuthenticationResponse, bytes]:
        rand, autn = challenge.rand or b"", challenge.autn or b""
        milenage = Milenage(self.k, OPC)
        res, ck, ik, ak = milenage.f2345(rand)
        sqn = bytes(a ^ b for a, b in zip(autn[:6], ak, strict=True))
        self.sqn = int.from_bytes(sqn, "big")
        k_seaf = keys.k_seaf(keys.k_ausf(ck, ik, SNN, autn[:6]), SNN)
        k_amf = keys.k_amf(k_seaf, self.supi, challenge.abba)
        self.ngksi = challenge.ngksi
        return gmm.AuthenticationResponse(res_star=keys.res_star(ck, ik, SNN, rand, res)), k_amf

    async def secure(self, k_amf: bytes, request: gmm.RegistrationRequest) -> None:
        """Security mode, with the whole registration request in the answer."""
        message = await self.gnb.expect(
            messages.DownlinkNasTransport, lambda message: message.ran_ue_ngap_id == self.ran_id
        )
        command = gmm.SecurityModeCommand.decode(message.nas[7:])
        assert command.security_capability == CAPABILITY
        self.security = NasSecurityContext(command.ngksi, k_amf, Algorithms(*command.algorithms))
        assert self.security.unprotect(message.nas, DOWNLINK) == message.nas[7:]
        self.uplink(gmm.SecurityModeComplete(nas_container=request.encode()), HeaderType.CIPHERED_NEW_CONTEXT)

    async def register(self, **more: Any) -> gmm.RegistrationAccept:
        """Initial registration of a UE without a security context."""
        self.security = None
        request = self.registration_request(**more)
        self.start(request.encode())
        await self.secure(await self.authenticate(), request)
        return await self.accepted()

    async def accepted(self) -> gmm.RegistrationAccept:
        before = len(self.contexts)
        accept = await self.downlink(gmm.RegistrationAccept)
        self.guti = accept.guti
        if len(self.contexts) > before:
            self.context_ready()
        self.uplink(gmm.RegistrationComplete())
        return accept

    def context_ready(self) -> None:
        """The gNB has set up the context and all its sessions."""
        sessions = tuple(SessionItem(setup.session_id, b"tunnel") for setup in self.contexts[-1].sessions)
        self.gnb.send(messages.InitialContextSetupResponse(self.amf_id, self.ran_id, sessions), 1)

    async def become_idle(self) -> None:
        """Release by the gNB's inactivity timer."""
        self.gnb.send(messages.UeContextReleaseRequest(self.amf_id, self.ran_id, ngap.errors.USER_INACTIVITY), 1)
        await self.released()

    async def released(self) -> messages.UeContextReleaseCommand:
        command = await self.gnb.expect(
            messages.UeContextReleaseCommand, lambda message: message.ids.ran_ue_ngap_id == self.ran_id
        )
        self.amf_id = command.ids.amf_ue_ngap_id or 0
        self.gnb.send(messages.UeContextReleaseComplete(self.amf_id, self.ran_id), 1)
        return command

    async def request_session(self, psi: int = 1, payload: bytes = b"\x2e\x01\x01\xc1establish", **more: Any) -> None:
        self.uplink(
            gmm.UlNasTransport(payload=payload, pdu_session_id=psi, request_type=gmm.RequestType.INITIAL, **more)
        )

    def session_ready(self, setup: session_messages.PduSessionResourceSetupRequest) -> None:
        sessions = tuple(SessionItem(item.session_id, b"tunnel") for item in setup.sessions)
        self.gnb.send(session_messages.PduSessionResourceSetupResponse(self.amf_id, self.ran_id, sessions), 1)
