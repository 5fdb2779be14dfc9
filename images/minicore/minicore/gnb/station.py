# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gNB on N2: NG setup, UE-associated connections, PDU session resources, path switch, paging (TS 38.413)."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Literal

from .. import ngap
from ..n2.gnb_link import GnbLink, connect
from ..ngap import messages as m
from ..ngap import session_messages as sm
from ..ngap import transfers
from ..ngap.errors import UNKNOWN_UE_ID, USER_INACTIVITY, Cause, NgapError
from ..ngap.values import (
    FiveGSTmsi,
    GlobalGnbId,
    NrCgi,
    PlmnSupport,
    SecurityCapabilities,
    SessionItem,
    SessionSetup,
    SupportedTa,
    Tai,
    Tunnel,
    UeIds,
    UserLocation,
)
from ..pfcp.ies import Teid
from .connection import ConnectedUe, Connection, Network
from .session import SESSION_ID, UeSession

log = logging.getLogger(__name__)

UE_STREAM = 1
_PROBE = Cause("misc", "om-intervention")
RADIO_LOST = Cause("radioNetwork", "radio-connection-with-ue-lost")
SETUP_S = 5.0
_QFI = (1,)
_CELL_BITS = 14
_LAST_UE = (1 << 40) - 1
PROBE_NUMBERS = 1 << 16
"""No UE has one of so many last AMF UE NGAP IDs: the reset of its connection changes nothing, and is acknowledged."""


class GnbError(Exception):
    """The AMF refuses the gNB, or does not answer it."""


class Gnb:
    """One gNB. `address` is that of its user plane; `find_tmsi` gives the UE that a paging means, if it is here."""

    def __init__(
        self,
        number: int,
        network: Network,
        address: str,
        find_tmsi: Callable[[FiveGSTmsi], ConnectedUe | None],
    ) -> None:
        self.number = number
        self._network = network
        self._address = address
        self._find_tmsi = find_tmsi
        self._link: GnbLink | None = None
        self._ids = itertools.count(1)
        self._setup: asyncio.Future[None] | None = None
        self.connections: dict[int, Connection] = {}
        self.modified = 0
        """PDU sessions whose uplink tunnel the core has changed."""
        self.errors = 0
        """Error indications, and messages of the AMF that cannot be used."""
        self.on_probe: Callable[[int], None] | None = None
        self.on_lost: Callable[[], None] | None = None
        self._location = UserLocation(NrCgi(network.plmn, (number + 1) << _CELL_BITS), Tai(network.plmn, network.tac))

    async def start(
        self, transport: Literal["sctp", "tcp"], host: str, port: int, local: str, timeout_s: float = SETUP_S
    ) -> None:
        """Connect and set the NG interface up, or raise GnbError or N2LinkError."""
        self._setup = asyncio.get_running_loop().create_future()
        self._link = await connect(
            transport,
            [host],
            on_received=self._received,
            on_lost=self._on_lost,
            local=[local],
            port=port,
            timeout_s=timeout_s,
        )
        network = self._network
        area = SupportedTa(network.tac, (PlmnSupport(network.plmn, (network.slice,)),))
        name = f"minicore-gnb-{self.number + 1}"
        self._send(m.NgSetupRequest(GlobalGnbId(network.plmn, self.number + 1), (area,), name), 0)
        try:
            async with asyncio.timeout(timeout_s):
                await self._setup
        except (TimeoutError, GnbError) as error:
            await self.stop()
            raise GnbError(str(error) or f"no answer to NG SETUP REQUEST within {timeout_s:g} s") from error

    async def stop(self) -> None:
        if self._link is not None:
            await self._link.close()
            self._link = None

    def probe(self, number: int) -> None:
        """Have the AMF acknowledge a reset that changes nothing; `on_probe` gets the number back."""
        self._send(m.NgReset((UeIds(_LAST_UE - number),), _PROBE), 0)

    def begin(self, ue: ConnectedUe, nas: bytes, cause: str, tmsi: FiveGSTmsi | None) -> None:
        """First message of a UE that was idle; it is connected from now on."""
        connection = Connection(self, next(self._ids), ue)
        self.connections[connection.ran_id] = connection
        ue.connection = connection
        self._send(
            m.InitialUeMessage(connection.ran_id, nas, self._location, cause, tmsi, context_requested=True), UE_STREAM
        )

    def uplink(self, connection: Connection, nas: bytes) -> None:
        self._send(m.UplinkNasTransport(*self._ids_of(connection), nas, self._location), UE_STREAM)

    def request_release(self, connection: Connection) -> None:
        """AN release: the UE is inactive (TS 23.502 clause 4.2.6)."""
        assert connection.amf_id is not None
        session = connection.ue.session
        active = (SESSION_ID,) if session is not None and session.active else ()
        self._send(m.UeContextReleaseRequest(connection.amf_id, connection.ran_id, USER_INACTIVITY, active), UE_STREAM)

    def take_over(self, source: Connection, capabilities: SecurityCapabilities) -> None:
        """The UE has moved here from `source` by Xn: have the path switched."""
        ue, session = source.ue, source.ue.session
        assert session is not None and source.amf_id is not None
        target = Connection(self, next(self._ids), ue, source.amf_id, context=True)
        self.connections[target.ran_id] = target
        transfer = transfers.PathSwitchRequestTransfer(self._new_tunnel(session), _QFI).encode()
        self._send(
            sm.PathSwitchRequest(
                target.ran_id, source.amf_id, (SessionItem(SESSION_ID, transfer),), self._location, capabilities
            ),
            UE_STREAM,
        )

    def abandon(self, connection: Connection) -> None:
        """The radio connection with the UE is lost: the AMF hears so, as soon as its id is known."""
        self._detach(connection)
        connection.is_abandoned = True
        if connection.amf_id is not None:
            self._request_abandoned(connection)

    def _request_abandoned(self, connection: Connection) -> None:
        self._send(m.UeContextReleaseRequest(*self._ids_of(connection), RADIO_LOST), UE_STREAM)

    def _forget(self, connection: Connection) -> None:
        """The connection is not there any more."""
        self.connections.pop(connection.ran_id, None)
        self._detach(connection)

    @staticmethod
    def _detach(connection: Connection) -> None:
        ue = connection.ue
        if ue.connection is connection:
            ue.connection = None
            if ue.session is not None:
                ue.session.active = False
            ue.changed()

    def _new_tunnel(self, session: UeSession) -> Tunnel:
        return Tunnel(self._address, session.next_downlink_teid())

    def _send(self, message: m.Message, stream: int) -> None:
        if self._link is not None:
            self._link.send(ngap.encode(message), stream)

    def _on_lost(self, reason: str) -> None:
        self._link = None
        if self._setup is not None and not self._setup.done():
            self._setup.set_exception(GnbError(reason))
            return
        log.warning("gNB %d: association lost: %s", self.number + 1, reason)
        for connection in list(self.connections.values()):
            connection.ue.fail("N2 association lost")
            self._forget(connection)
        if self.on_lost is not None:
            self.on_lost()

    def _received(self, stream: int, pdu: bytes) -> None:
        try:
            self._on_message(ngap.decode(pdu))
        except NgapError as error:
            self.errors += 1
            log.warning("gNB %d: %s", self.number + 1, error)

    def _on_message(self, message: m.Message) -> None:
        match message:
            case m.NgResetAcknowledge():
                self._on_acknowledge(message)
            case m.NgSetupResponse() | m.NgSetupFailure():
                self._on_setup(message)
            case m.Paging():
                ue = self._find_tmsi(message.tmsi)
                if ue is not None and ue.connection is None:
                    ue.paged()
            case m.ErrorIndication():
                self._on_error(message)
            case m.UeContextReleaseCommand():
                self._on_release(message)
            case m.AmfStatusIndication():
                log.warning("gNB %d: the AMF announces that it is unavailable", self.number + 1)
            case _:
                self._on_ue_message(message)

    def _on_acknowledge(self, message: m.NgResetAcknowledge) -> None:
        number = message.connections[0].amf_ue_ngap_id if message.connections else None
        if number is not None and self.on_probe is not None:
            self.on_probe(_LAST_UE - number)

    def _on_setup(self, message: m.NgSetupResponse | m.NgSetupFailure) -> None:
        if self._setup is None or self._setup.done():
            return
        if isinstance(message, m.NgSetupFailure):
            self._setup.set_exception(GnbError(f"NG setup refused: {message.cause}"))
        else:
            self._setup.set_result(None)

    def _on_error(self, message: m.ErrorIndication) -> None:
        self.errors += 1
        log.warning("gNB %d: error indication: %s", self.number + 1, message)
        connection = self.connections.get(message.ran_ue_ngap_id or 0)
        if connection is not None:
            connection.ue.fail(f"error indication: {message.cause}")

    def _on_release(self, message: m.UeContextReleaseCommand) -> None:
        """Clause 8.3.3: the UE is idle from now on."""
        connection = self._connection(message.ids)
        if connection is None:
            self.errors += 1
            return
        assert connection.amf_id is not None
        session = connection.ue.session
        active = (SESSION_ID,) if session is not None and session.active else ()
        self._send(m.UeContextReleaseComplete(connection.amf_id, connection.ran_id, self._location, active), UE_STREAM)
        self._forget(connection)

    def _connection(self, ids: UeIds) -> Connection | None:
        if ids.ran_ue_ngap_id is not None:
            connection = self.connections.get(ids.ran_ue_ngap_id)
        else:
            connection = next((c for c in self.connections.values() if c.amf_id == ids.amf_ue_ngap_id), None)
        if connection is not None and connection.amf_id is None:
            connection.amf_id = ids.amf_ue_ngap_id
        return connection

    def _on_ue_message(self, message: m.Message) -> None:
        connection = self.connections.get(getattr(message, "ran_ue_ngap_id", 0))
        if connection is None:
            log.warning("gNB %d: %s for an unknown UE", self.number + 1, message.NAME)
            self._refuse(UeIds(getattr(message, "amf_ue_ngap_id", None), getattr(message, "ran_ue_ngap_id", None)))
            return
        if connection.amf_id is None:
            connection.amf_id = getattr(message, "amf_ue_ngap_id", None)
            if connection.is_abandoned:
                self._request_abandoned(connection)
        if connection.is_abandoned:
            return
        match message:
            case m.DownlinkNasTransport():
                connection.ue.receive(message.nas)
            case m.InitialContextSetupRequest():
                self._on_context(connection, message)
            case sm.PduSessionResourceSetupRequest():
                items = self._set_up(connection, message.sessions)
                self._send(sm.PduSessionResourceSetupResponse(*self._ids_of(connection), items), UE_STREAM)
                self._deliver(connection, message.nas, message.sessions)
            case sm.PduSessionResourceModifyRequest():
                self._on_modify(connection, message)
            case sm.PduSessionResourceReleaseCommand():
                self._on_session_release(connection, message)
            case sm.PathSwitchRequestAcknowledge():
                self._on_switched(connection, message)
            case sm.PathSwitchRequestFailure():
                del self.connections[connection.ran_id]
                connection.ue.fail("path switch refused")
            case _:
                self.errors += 1
                log.warning("gNB %d: %s is not served", self.number + 1, message.NAME)

    @staticmethod
    def _ids_of(connection: Connection) -> tuple[int, int]:
        assert connection.amf_id is not None
        return connection.amf_id, connection.ran_id

    def _refuse(self, ids: UeIds) -> None:
        """Clause 10.6: a message for a UE that is not here."""
        self.errors += 1
        self._send(m.ErrorIndication(UNKNOWN_UE_ID, ids.amf_ue_ngap_id, ids.ran_ue_ngap_id), UE_STREAM)

    @staticmethod
    def _active_sessions(connection: Connection) -> tuple[int, ...]:
        session = connection.ue.session
        return (SESSION_ID,) if session is not None and session.active else ()

    def _on_context(self, connection: Connection, message: m.InitialContextSetupRequest) -> None:
        """Clause 8.3.1."""
        connection.context = True
        connection.ue.check_key(message.security_key)
        items = self._set_up(connection, message.sessions)
        self._send(m.InitialContextSetupResponse(*self._ids_of(connection), items), UE_STREAM)
        self._deliver(connection, message.nas, message.sessions)

    def _set_up(self, connection: Connection, setups: tuple[SessionSetup, ...]) -> tuple[SessionItem, ...]:
        """Take the UPF's tunnels over and give own ones."""
        items = []
        for setup in setups:
            request = transfers.SetupRequestTransfer.decode(setup.transfer)
            session = connection.ue.session
            if session is None:
                continue
            session.uplink = Teid(request.uplink.teid, request.uplink.address)
            session.active = True
            flows = tuple(flow.qfi for flow in request.flows)
            transfer = transfers.SetupResponseTransfer(self._new_tunnel(session), flows).encode()
            items.append(SessionItem(setup.session_id, transfer))
        return tuple(items)

    @staticmethod
    def _deliver(connection: Connection, nas: bytes | None, setups: tuple[SessionSetup, ...]) -> None:
        for message in (nas, *(setup.nas for setup in setups)):
            if message is not None:
                connection.ue.receive(message)
        connection.ue.changed()

    def _on_modify(self, connection: Connection, message: sm.PduSessionResourceModifyRequest) -> None:
        """Clause 8.2.3: the UPF's end of the tunnel is another one from now on."""
        modified, failed = [], []
        session = connection.ue.session
        for item in message.sessions:
            request = transfers.ModifyRequestTransfer.decode(item.transfer)
            if session is None or not session.active or not session.owns(request.downlink.teid):
                unknown = Cause("radioNetwork", "unknown-PDU-session-ID")
                transfer = transfers.ModifyUnsuccessfulTransfer(unknown).encode()
                failed.append(SessionItem(item.session_id, transfer))
                continue
            session.uplink = Teid(request.uplink.teid, request.uplink.address)
            self.modified += 1
            transfer = transfers.ModifyResponseTransfer(request.downlink, request.uplink).encode()
            modified.append(SessionItem(item.session_id, transfer))
        response = sm.PduSessionResourceModifyResponse(*self._ids_of(connection), tuple(modified), tuple(failed))
        self._send(response, UE_STREAM)
        connection.ue.changed()

    def _on_session_release(self, connection: Connection, message: sm.PduSessionResourceReleaseCommand) -> None:
        """Clause 8.2.2."""
        if connection.ue.session is not None:
            connection.ue.session.active = False
        transfer = transfers.ReleaseResponseTransfer().encode()
        items = tuple(SessionItem(item.session_id, transfer) for item in message.sessions)
        self._send(sm.PduSessionResourceReleaseResponse(*self._ids_of(connection), items, self._location), UE_STREAM)
        self._deliver(connection, message.nas, ())

    def _on_switched(self, connection: Connection, message: sm.PathSwitchRequestAcknowledge) -> None:
        """Clause 8.4.4.2: the source forgets the UE."""
        ue = connection.ue
        connection.amf_id = message.amf_ue_ngap_id
        for item in message.sessions:
            uplink = transfers.PathSwitchAcknowledgeTransfer.decode(item.transfer).uplink
            if uplink is not None and ue.session is not None:
                ue.session.uplink = Teid(uplink.teid, uplink.address)
        source, ue.connection = ue.connection, connection
        if source is not None and source is not connection:
            source.gnb.connections.pop(source.ran_id, None)
        ue.changed()
