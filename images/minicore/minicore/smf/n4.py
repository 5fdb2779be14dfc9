# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMF's side of N4: keeps associations with the UPFs, and makes, changes and deletes their sessions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from ..pfcp.association import Association, Heartbeats
from ..pfcp.codec import CodecError, Ie, IeType, Message, MessageType
from ..pfcp.endpoint import N1, T1_S, Address, PfcpEndpoint, PfcpTimeout
from ..pfcp.ies import (
    ApplyAction,
    Cause,
    Interface,
    Seid,
    Teid,
    apply_action,
    f_seid,
    f_teid,
    group,
    node_id,
    number,
    outer_header_creation,
    read_f_seid,
    read_f_teid,
    read_number,
    ue_ip_address,
)

log = logging.getLogger(__name__)

UPLINK_PDR, DOWNLINK_PDR = 1, 2
UPLINK_FAR, DOWNLINK_FAR = 1, 2
PRECEDENCE = 255
# Outer Header Removal: GTP-U/UDP/IPv4 (clause 8.2.64).
REMOVE_GTPU = 0

RETRY_S = 1.0
DISCOVERY_S = 10.0
RELEASE_S = 0.5


class N4Error(Exception):
    """The UPF refused; `cause` is the PFCP cause."""

    def __init__(self, text: str, cause: int) -> None:
        super().__init__(f"{text}: cause {cause}")
        self.cause = cause


class NoUpf(Exception):
    """No association is up."""


class N4Client:
    """`find_upfs` gives the addresses of the UPFs; `on_lost` hears of each association that went down."""

    def __init__(
        self,
        address: str,
        recovery_time_stamp: int,
        heartbeat_s: float,
        find_upfs: Callable[[], Awaitable[list[Address]]],
        on_lost: Callable[[Address], None],
        t1_s: float = T1_S,
        n1: int = N1,
    ) -> None:
        self._address = address
        self.recovery_time_stamp = recovery_time_stamp
        self._find_upfs = find_upfs
        self._on_lost = on_lost
        self.endpoint = PfcpEndpoint(self._handle, t1_s, n1)
        self._heartbeats = Heartbeats(self.endpoint, recovery_time_stamp, heartbeat_s, self._lost)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.associations: dict[Address, Association] = {}

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_associated())

    async def stop(self) -> None:
        """Release the associations, without insisting."""
        if self._task is not None:
            self._task.cancel()
        self._heartbeats.stop()
        up = [association.peer for association in self.associations.values() if association.up]
        try:
            async with asyncio.timeout(RELEASE_S):
                for peer in up:
                    await self.endpoint.request(peer, MessageType.ASSOCIATION_RELEASE_REQUEST, [node_id(self._address)])
        except TimeoutError:
            log.warning("association not released: no answer within %s s", RELEASE_S)
        self.endpoint.stop()

    def choose_upf(self) -> Address:
        """A UPF whose association is up, or NoUpf."""
        for association in self.associations.values():
            if association.up:
                return association.peer
        raise NoUpf

    async def establish(self, upf: Address, cp_seid: int, ue_address: str) -> tuple[int, Teid]:
        """Make a session, its downlink buffered until the gNB is known; return the UPF's SEID and uplink tunnel."""
        response = await self._session_request(
            upf,
            MessageType.SESSION_ESTABLISHMENT_REQUEST,
            0,
            [
                node_id(self._address),
                f_seid(Seid(cp_seid, self._address)),
                group(
                    IeType.CREATE_PDR,
                    number(IeType.PDR_ID, UPLINK_PDR),
                    number(IeType.PRECEDENCE, PRECEDENCE),
                    group(
                        IeType.PDI,
                        number(IeType.SOURCE_INTERFACE, Interface.ACCESS),
                        f_teid(None),
                        ue_ip_address(ue_address, destination=False),
                    ),
                    number(IeType.OUTER_HEADER_REMOVAL, REMOVE_GTPU),
                    number(IeType.FAR_ID, UPLINK_FAR),
                ),
                group(
                    IeType.CREATE_PDR,
                    number(IeType.PDR_ID, DOWNLINK_PDR),
                    number(IeType.PRECEDENCE, PRECEDENCE),
                    group(
                        IeType.PDI,
                        number(IeType.SOURCE_INTERFACE, Interface.CORE),
                        ue_ip_address(ue_address, destination=True),
                    ),
                    number(IeType.FAR_ID, DOWNLINK_FAR),
                ),
                group(
                    IeType.CREATE_FAR,
                    number(IeType.FAR_ID, UPLINK_FAR),
                    apply_action(ApplyAction.FORWARD),
                    group(IeType.FORWARDING_PARAMETERS, number(IeType.DESTINATION_INTERFACE, Interface.CORE)),
                ),
                group(IeType.CREATE_FAR, number(IeType.FAR_ID, DOWNLINK_FAR), apply_action(ApplyAction.BUFFER)),
            ],
        )
        tunnel = read_f_teid(response.need(IeType.CREATED_PDR).need(IeType.F_TEID))
        if tunnel is None:
            raise CodecError("Created PDR without a TEID")
        return read_f_seid(response.need(IeType.F_SEID)).seid, tunnel

    async def set_downlink(self, upf: Address, up_seid: int, gnb: Teid | None) -> None:
        """Forward the downlink to the gNB's tunnel, or buffer it."""
        update: list[Ie]
        if gnb is None:
            update = [apply_action(ApplyAction.BUFFER)]
        else:
            update = [
                apply_action(ApplyAction.FORWARD),
                group(
                    IeType.UPDATE_FORWARDING_PARAMETERS,
                    number(IeType.DESTINATION_INTERFACE, Interface.ACCESS),
                    outer_header_creation(gnb),
                ),
            ]
        await self._session_request(
            upf,
            MessageType.SESSION_MODIFICATION_REQUEST,
            up_seid,
            [group(IeType.UPDATE_FAR, number(IeType.FAR_ID, DOWNLINK_FAR), *update)],
        )

    async def delete(self, upf: Address, up_seid: int) -> None:
        await self._session_request(upf, MessageType.SESSION_DELETION_REQUEST, up_seid, [])

    async def _session_request(self, upf: Address, kind: MessageType, seid: int, ies: list[Ie]) -> Message:
        association = self.associations.get(upf)
        if association is None or not association.up:
            raise NoUpf
        response = await self.endpoint.request(upf, kind, ies, seid)
        cause = read_number(response.need(IeType.CAUSE))
        if cause != Cause.ACCEPTED:
            raise N4Error(kind.name, cause)
        return response

    def _handle(self, peer: Address, message: Message) -> Message | None:
        if message.type == MessageType.HEARTBEAT_REQUEST:
            return self._heartbeats.on_request(self.associations.get(peer), message)
        return None

    def _lost(self, association: Association, reason: str) -> None:
        self._on_lost(association.peer)
        self._changed.set()

    async def _keep_associated(self) -> None:
        """Associate with every UPF that is found, and again with those that were lost."""
        while True:
            for peer in await self._find_upfs():
                known = self.associations.get(peer)
                if known is None or not known.up:
                    await self._associate(peer)
            self._changed.clear()
            some_up = any(association.up for association in self.associations.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DISCOVERY_S if some_up else RETRY_S):
                    await self._changed.wait()

    async def _associate(self, peer: Address) -> None:
        try:
            response = await self.endpoint.request(
                peer,
                MessageType.ASSOCIATION_SETUP_REQUEST,
                [node_id(self._address), number(IeType.RECOVERY_TIME_STAMP, self.recovery_time_stamp)],
            )
            cause = read_number(response.need(IeType.CAUSE))
            if cause != Cause.ACCEPTED:
                raise N4Error("association set-up", cause)
            association = Association(peer, read_number(response.need(IeType.RECOVERY_TIME_STAMP)))
        except (PfcpTimeout, CodecError, N4Error) as error:
            log.warning("no association with %s: %s", peer[0], error)
            return
        self.associations[peer] = association
        self._heartbeats.watch(association)
        log.info("association with %s set up", peer[0])
