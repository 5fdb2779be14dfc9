# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AMF, SMF and UPF by a script: what the gNB driver needs of a core, and faults that a real one does not make."""

from __future__ import annotations

import asyncio
import itertools
import os
from dataclasses import dataclass
from typing import Any

from minicore import gtpu, ip, nas, ngap
from minicore.n2.link import Association, N2Server
from minicore.nas import gmm, gsm
from minicore.nas.capability import Algorithms
from minicore.nas.identity import Guti5g, Suci
from minicore.nas.qos import PduAddress, QosRule, SessionAmbr
from minicore.nas.security import HeaderType, NasSecurityContext, header_type
from minicore.ngap import messages as m
from minicore.ngap import session_messages as sm
from minicore.ngap import transfers
from minicore.ngap.errors import NORMAL_RELEASE, Cause
from minicore.ngap.values import (
    BitRate,
    FiveGSTmsi,
    Guami,
    PlmnSupport,
    QosFlow,
    SecurityContext,
    ServedGuami,
    SessionItem,
    SessionSetup,
    Snssai,
    Tai,
    Tunnel,
    UeIds,
)
from minicore.security import keys
from minicore.security.algorithms import DOWNLINK, UPLINK
from minicore.security.milenage import Milenage

K = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc")
OPC = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")
SNN = keys.serving_network_name("001", "01")
SLICE = Snssai(1)
RATE = BitRate(10**9, 10**9)


@dataclass(eq=False)
class Ue:
    supi: str
    association: Association
    amf_id: int
    ran_id: int
    rand: bytes = b""
    xres_star: bytes = b""
    k_amf: bytes = b""
    security: NasSecurityContext | None = None
    guti: Guti5g | None = None
    registered: bool = False
    connected: bool = True
    session: bool = False
    ue_address: str = ""
    teid: int = 0
    gnb_teid: int = 0


class UserPlane(asyncio.DatagramProtocol):
    """Answers pings, and brings a ping for another UE to that UE, which it has paged before if it is idle."""

    def __init__(self, amf: ScriptedAmf) -> None:
        self._amf = amf
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        echo = ip.read_echo(gtpu.decode(data).payload)
        assert echo is not None
        ue = next((ue for ue in self._amf.ues.values() if ue.ue_address == echo.destination), None)
        if ue is None:
            sender = next(ue for ue in self._amf.ues.values() if ue.ue_address == echo.source)
            reply = bytearray(
                ip.echo_request(echo.destination, echo.source, echo.identifier, echo.sequence, echo.payload)
            )
            reply[20] = ip.ECHO_REPLY
            reply[22:24] = bytes(2)
            reply[22:24] = ip.checksum(bytes(reply[20:])).to_bytes(2, "big")
            self.send(sender, bytes(reply))
            return
        packet = ip.echo_request(echo.source, echo.destination, echo.identifier, echo.sequence, echo.payload)
        if ue.gnb_teid:
            self.send(ue, packet)
        else:
            self._amf.page(ue, packet)

    def send(self, ue: Ue, packet: bytes) -> None:
        assert self.transport is not None
        port = self._amf.gtpu_port
        self.transport.sendto(gtpu.g_pdu(ue.gnb_teid, packet, uplink=False), ("127.0.0.1", port))


class ScriptedAmf:
    """`sqn` is the next sequence number of all subscribers; `faults` names what goes wrong, each entry once."""

    def __init__(self, gtpu_port: int = 2152, sqn: int = 33) -> None:
        self.gtpu_port = gtpu_port
        self.sqn = sqn
        self.faults: list[str] = []
        self.ues: dict[int, Ue] = {}
        self.gnbs: list[Association] = []
        self.seen: list[str] = []
        self.resets = 0
        self.releases: list[str] = []
        self.buffered: dict[str, bytes] = {}
        self.answering = True
        self.held: list[tuple[Association, int, bytes]] = []
        self._milenage = Milenage(K, OPC)
        self._ids = itertools.count(1)
        self._server = N2Server(self)
        self._user_plane = UserPlane(self)

    async def start(self) -> tuple[int, int]:
        """Ports of N2 and of GTP-U."""
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self._user_plane, ("127.0.0.1", 0)
        )
        self._user_plane.transport = transport
        return await self._server.start("127.0.0.1", 0), transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        assert self._user_plane.transport is not None
        self._user_plane.transport.close()
        await self._server.stop()

    def go_on(self) -> None:
        """Handle what has arrived while `answering` was false."""
        self.answering = True
        held, self.held = self.held, []
        for arguments in held:
            self.received(*arguments)

    def association_up(self, association: Association) -> None:
        self.gnbs.append(association)

    def association_down(self, association: Association) -> None:
        self.gnbs.remove(association)

    def received(self, association: Association, stream: int, pdu: bytes) -> None:
        if not self.answering:
            self.held.append((association, stream, pdu))
            return
        message = ngap.decode(pdu)
        match message:
            case m.NgSetupRequest():
                self._setup(association, message)
            case m.NgReset():
                self.resets += 1
                association.send(ngap.encode(m.NgResetAcknowledge(message.connections or ())), 0)
            case m.InitialUeMessage():
                self._initial(association, message)
            case m.UplinkNasTransport():
                ue = self.ues[message.amf_ue_ngap_id]
                self._on_nas(ue, self._open(ue, message.nas))
            case m.InitialContextSetupResponse() | sm.PduSessionResourceSetupResponse():
                # The UE may have come again, paged and by itself.
                if message.amf_ue_ngap_id in self.ues:
                    self._set_up(self.ues[message.amf_ue_ngap_id], message.sessions)
            case m.UeContextReleaseRequest():
                self.releases.append(str(message.cause))
                self._release(self.ues[message.amf_ue_ngap_id], Cause("radioNetwork", "user-inactivity"))
            case sm.PathSwitchRequest():
                self._switch(association, message)

    def page(self, ue: Ue, packet: bytes) -> None:
        assert ue.guti is not None
        self.buffered[ue.supi] = packet
        tmsi = FiveGSTmsi(ue.guti.amf_set, ue.guti.amf_pointer, ue.guti.tmsi)
        for association in self.gnbs:
            association.send(ngap.encode(m.Paging(tmsi, (Tai("00101", 1),))), 0)

    def answer_late(self, supi: str) -> None:
        """Accept a service request that was not answered."""
        ue = next(ue for ue in self.ues.values() if ue.supi == supi and ue.connected)
        self._establish_context(ue, gmm.ServiceAccept())

    def _fault(self, name: str) -> bool:
        if name in self.faults:
            self.faults.remove(name)
            return True
        return False

    def _setup(self, association: Association, message: m.NgSetupRequest) -> None:
        if self._fault("ng setup"):
            association.send(ngap.encode(m.NgSetupFailure(Cause("misc", "unknown-PLMN-or-SNPN"))), 0)
            return
        guami = ServedGuami(Guami("00101", 1, 1, 0))
        association.send(ngap.encode(m.NgSetupResponse("amf", (guami,), (PlmnSupport("00101", (SLICE,)),))), 0)

    def _initial(self, association: Association, message: m.InitialUeMessage) -> None:
        if header_type(message.nas) == HeaderType.PLAIN:
            request = nas.decode(message.nas)
            assert isinstance(request, gmm.RegistrationRequest) and isinstance(request.identity, Suci)
            ue = Ue(f"imsi-{request.identity.plmn}{request.identity.output}", association, 0, 0)
        else:
            assert message.tmsi is not None
            ue = next(ue for ue in self.ues.values() if ue.guti and ue.guti.tmsi == message.tmsi.tmsi)
            del self.ues[ue.amf_id]
        ue.association, ue.amf_id, ue.ran_id, ue.connected = association, next(self._ids), message.ran_ue_ngap_id, True
        self.ues[ue.amf_id] = ue
        if ue.security is None:
            self.seen.append("registration")
            self._challenge(ue)
            return
        plain = ue.security.unprotect(message.nas, UPLINK)
        opened = nas.decode(plain)
        assert isinstance(opened, (gmm.RegistrationRequest, gmm.ServiceRequest))
        self._on_nas(ue, ue.security.open_container(opened))

    def _open(self, ue: Ue, pdu: bytes) -> nas.NasMessage:
        if ue.security is not None:
            return nas.decode(ue.security.unprotect(pdu, UPLINK))
        return nas.decode(pdu)

    def _challenge(self, ue: Ue) -> None:
        ue.rand = os.urandom(16)
        res, ck, ik, ak = self._milenage.f2345(ue.rand)
        sqn = self.sqn.to_bytes(6, "big")
        concealed = bytes(a ^ b for a, b in zip(sqn, ak, strict=True))
        mac = self._milenage.f1(ue.rand, sqn, b"\x80\x00")
        if self._fault("mac"):
            mac = bytes(8)
        ue.xres_star = keys.res_star(ck, ik, SNN, ue.rand, res)
        ue.k_amf = keys.k_amf(keys.k_seaf(keys.k_ausf(ck, ik, SNN, concealed), SNN), ue.supi, b"\0\0")
        self._send(ue, gmm.AuthenticationRequest(abba=b"\0\0", rand=ue.rand, autn=concealed + b"\x80\x00" + mac))

    def _on_nas(self, ue: Ue, message: Any) -> None:
        self.seen.append(type(message).__name__)
        match message:
            case gmm.AuthenticationResponse():
                assert message.res_star == ue.xres_star
                self._command_security(ue)
            case gmm.AuthenticationFailure(cause=nas.MmCause.SYNCH_FAILURE):
                self._resynchronise(ue, message.auts or b"")
            case gmm.AuthenticationFailure():
                self._challenge(ue)
            case gmm.SecurityModeComplete():
                assert gmm.RegistrationRequest.decode(message.nas_container or b"").requested_slices
                self._accept(ue)
            case gmm.RegistrationRequest():
                self._send(ue, gmm.RegistrationAccept())
                self._release(ue, NORMAL_RELEASE)
            case gmm.ServiceRequest():
                if self._fault("service"):
                    self._send(ue, gmm.ServiceReject(cause=nas.MmCause.CONGESTION))
                    self._release(ue, NORMAL_RELEASE)
                elif not self._fault("service silence"):
                    self._establish_context(ue, gmm.ServiceAccept())
            case gmm.DeregistrationRequest():
                self._send(ue, gmm.DeregistrationAccept())
                ue.registered, ue.session, ue.ue_address = False, False, ""
                self._release(ue, Cause("nas", "deregister"))
            case gmm.UlNasTransport():
                self._on_session(ue, nas.decode(message.payload))

    def _resynchronise(self, ue: Ue, auts: bytes) -> None:
        ak = self._milenage.f5_star(ue.rand)
        sqn = bytes(a ^ b for a, b in zip(auts[:6], ak, strict=True))
        assert self._milenage.f1_star(ue.rand, sqn, bytes(2)) == auts[6:]
        self.sqn = int.from_bytes(sqn, "big") + 1
        self._challenge(ue)

    def _command_security(self, ue: Ue) -> None:
        ue.security = NasSecurityContext(1, ue.k_amf, Algorithms(2, 2))
        capability = gmm.SecurityModeCommand(
            algorithms=Algorithms(2, 2),
            ngksi=1,
            security_capability=nas.capability.SecurityCapability.of((0, 2), (0, 2)),
            imeisv_request=1,
            additional=2,
        )
        self._send(ue, capability, HeaderType.INTEGRITY_NEW_CONTEXT)
        self.sqn += 1

    def _accept(self, ue: Ue) -> None:
        ue.guti = Guti5g("00101", 1, 1, 0, 0x1000 + ue.amf_id)
        ue.registered = True
        self._establish_context(ue, gmm.RegistrationAccept(guti=ue.guti))

    def _establish_context(self, ue: Ue, accept: gmm.MmMessage) -> None:
        assert ue.security is not None
        key = ue.security.k_gnb()
        if self._fault("key"):
            key = bytes(32)
        setups = (self._session_setup(ue, None),) if ue.session else ()
        pdu = ue.security.protect(accept.encode(), HeaderType.CIPHERED, DOWNLINK)
        capabilities = m.SecurityCapabilities(0x4000, 0x4000)
        request = m.InitialContextSetupRequest(
            ue.amf_id, ue.ran_id, Guami("00101", 1, 1, 0), (SLICE,), capabilities, key, RATE, setups, pdu
        )
        ue.association.send(ngap.encode(request), 1)

    def _on_session(self, ue: Ue, message: nas.NasMessage) -> None:
        match message:
            case gsm.PduSessionEstablishmentRequest():
                ue.session, ue.teid = True, 0x100 + ue.amf_id
                ue.ue_address = f"10.45.{1 + ue.amf_id // 250 % 250}.{1 + ue.amf_id % 250}"
                accept = gsm.PduSessionEstablishmentAccept(
                    pdu_session_id=1,
                    pti=message.pti,
                    session_type=1,
                    qos_rules=(QosRule(1, 1),),
                    ambr=SessionAmbr(10**9, 10**9),
                    address=PduAddress(ue.ue_address),
                )
                assert ue.security is not None
                pdu = ue.security.protect(self._transport(accept).encode(), HeaderType.CIPHERED, DOWNLINK)
                setups = (self._session_setup(ue, pdu),)
                ue.association.send(
                    ngap.encode(sm.PduSessionResourceSetupRequest(ue.amf_id, ue.ran_id, setups, ambr=RATE)), 1
                )
            case gsm.PduSessionReleaseRequest():
                ue.session, ue.ue_address, ue.gnb_teid = False, "", 0
                command = gsm.PduSessionReleaseCommand(pdu_session_id=1, pti=message.pti, cause=36)
                assert ue.security is not None
                pdu = ue.security.protect(self._transport(command).encode(), HeaderType.CIPHERED, DOWNLINK)
                items = (SessionItem(1, transfers.ReleaseCommandTransfer(NORMAL_RELEASE).encode()),)
                ue.association.send(
                    ngap.encode(sm.PduSessionResourceReleaseCommand(ue.amf_id, ue.ran_id, items, pdu)), 1
                )

    @staticmethod
    def _transport(message: nas.NasMessage) -> gmm.DlNasTransport:
        return gmm.DlNasTransport(payload=message.encode(), pdu_session_id=1)

    @staticmethod
    def _session_setup(ue: Ue, pdu: bytes | None) -> SessionSetup:
        transfer = transfers.SetupRequestTransfer(Tunnel("127.0.0.1", ue.teid), (QosFlow(1, 9),), ambr=RATE)
        return SessionSetup(1, SLICE, transfer.encode(), pdu)

    def _set_up(self, ue: Ue, items: tuple[SessionItem, ...]) -> None:
        for item in items:
            ue.gnb_teid = transfers.SetupResponseTransfer.decode(item.transfer).downlink.teid
            packet = self.buffered.pop(ue.supi, None)
            if packet is not None:
                self._user_plane.send(ue, packet)

    def _release(self, ue: Ue, cause: Cause) -> None:
        ue.connected, ue.gnb_teid = False, 0
        ue.association.send(ngap.encode(m.UeContextReleaseCommand(UeIds(ue.amf_id, ue.ran_id), cause)), 1)

    def _switch(self, association: Association, message: sm.PathSwitchRequest) -> None:
        ue = self.ues[message.amf_ue_ngap_id]
        if self._fault("path switch"):
            transfer = transfers.SwitchUnsuccessfulTransfer(NORMAL_RELEASE).encode()
            failure = sm.PathSwitchRequestFailure(ue.amf_id, message.ran_ue_ngap_id, (SessionItem(1, transfer),))
            association.send(ngap.encode(failure), 1)
            return
        ue.association, ue.ran_id = association, message.ran_ue_ngap_id
        ue.gnb_teid = transfers.PathSwitchRequestTransfer.decode(message.sessions[0].transfer).downlink.teid
        items = (SessionItem(1, transfers.PathSwitchAcknowledgeTransfer().encode()),)
        acknowledge = sm.PathSwitchRequestAcknowledge(
            ue.amf_id, ue.ran_id, SecurityContext(1, bytes(32)), (SLICE,), items
        )
        association.send(ngap.encode(acknowledge), 1)

    def _send(self, ue: Ue, message: gmm.MmMessage, kind: HeaderType = HeaderType.CIPHERED) -> None:
        pdu = message.encode()
        if ue.security is not None:
            pdu = ue.security.protect(pdu, kind, DOWNLINK)
        ue.association.send(ngap.encode(m.DownlinkNasTransport(ue.amf_id, ue.ran_id, pdu)), 1)
