# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The N2 front as a process: SCTP to the gNBs, TCP to the AMFs, its state by HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from ...sbi.message import SbiError
from ...sbi.producers import Producers
from ...sbi.router import Router
from ...sbi.server import SbiServer
from ...settings import SBI_PORT, Environment, Settings, SettingsError
from ...state import StateResource
from .. import N2_PORT
from ..sctp import Choice, SctpError, SctpListener, SctpStack, open_stack
from .amf_link import AmfLink
from .gnb import Gnb, LegState
from .relay import Relay

log = logging.getLogger(__name__)

DISCOVERY_S = 5.0
WAIT_S = 30.0
"""Default of MINICORE_N2_WAIT_S."""


class Front:
    """Not an NF of 3GPP: the NRF does not know it. Its gNBs set N2 up again when it has been restarted."""

    nf_type = "FRONT"

    def __init__(
        self, settings: Settings, environment: Environment, sbi_port: int = SBI_PORT, stack: SctpStack | None = None
    ) -> None:
        """`stack` for tests, else by MINICORE_SCTP."""
        self.settings = settings
        self._sbi_port = sbi_port
        self._choice: Choice = "auto"
        match environment.choice("SCTP", ("auto", "kernel", "usrsctp"), "auto"):
            case "kernel":
                self._choice = "kernel"
            case "usrsctp":
                self._choice = "usrsctp"
        self._port = environment.integer("N2_PORT", N2_PORT)
        self._wait_s = environment.number("N2_WAIT_S", WAIT_S)
        more = environment.text("N2_ADDRESSES").replace(",", " ").split()
        self._addresses = list(dict.fromkeys([settings.n2_address, *more]))
        self._fixed = [_amf_address(text) for text in environment.text("AMF").replace(",", " ").split()]
        if not self._fixed and not settings.nrf:
            raise SettingsError("MINICORE_AMF: no address of an AMF, and no MINICORE_NRF to find one")
        self._producers = Producers(settings.nrf, self.nf_type)
        self._stack = stack
        self._listener: SctpListener | None = None
        self._server: SbiServer | None = None
        self._discovery: asyncio.Task[None] | None = None
        self.relay: Relay | None = None

    async def start(self) -> int:
        """Listen; return the port of SCTP. SettingsError where SCTP or an address is not there."""
        relay = self.relay = Relay(self._wait_s)
        router = Router()
        StateResource(self.nf_type, self.settings.instance_id, self.state).add_routes(router)
        self._server = SbiServer(router)
        await self._server.start(self.settings.address, self._sbi_port)
        try:
            if self._stack is None:
                self._stack = open_stack(self._choice)
            self._listener = self._stack.listen(self._addresses, self._port, relay)
        except SctpError as error:
            raise SettingsError(f"MINICORE_SCTP={self._choice}: {error}") from error
        log.info("N2 on %s, port %d, by %s", ", ".join(self._addresses), self._listener.port, self._stack.name)
        if self._fixed:
            for address, port in self._fixed:
                self._add(relay, address, port)
        else:
            self._discovery = asyncio.create_task(self._discover(relay))
        return self._listener.port

    async def until_ready(self) -> None:
        """No NF of 3GPP, so that it is not registered: gNBs may connect as soon as it listens."""

    async def stop(self) -> None:
        """End the associations, so that the gNBs know; then the connections to the AMFs."""
        if self._discovery is not None:
            self._discovery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._discovery
        if self._stack is not None:
            await self._stack.stop()
        if self.relay is not None:
            for amf in self.relay.amfs:
                await amf.stop()
        if self._server is not None:
            await self._server.drain()
        self._producers.close()

    def _add(self, relay: Relay, address: str, port: int) -> None:
        amf = AmfLink(address, port, relay, f"front {self.settings.n2_address}")
        relay.amfs.append(amf)
        amf.start()

    async def _discover(self, relay: Relay) -> None:
        """Follow what the NRF knows of AMFs; one that is connected stays, whatever the NRF says."""
        while True:
            try:
                wanted = {n2_address(profile) for profile in await self._producers.instances("AMF")}
            except SbiError as error:
                log.debug("AMF discovery: %s", error)
            else:
                known = {amf.address for amf in relay.amfs}
                for address in sorted(wanted - known - {""}):
                    self._add(relay, address, N2_PORT)
                for amf in [amf for amf in relay.amfs if not amf.is_up and amf.address not in wanted]:
                    if any(amf.address != other.address for other in relay.amfs):
                        relay.drop(amf)
                        await amf.stop()
            await asyncio.sleep(DISCOVERY_S)

    def state(self) -> dict[str, Any]:
        relay = self.relay
        if relay is None:
            return {}
        gnbs = relay.gnbs
        return {
            "sctp": "" if self._stack is None else self._stack.name,
            "gnbs": sum(gnb.is_answered for gnb in gnbs),
            "associations": [_describe(gnb) for gnb in gnbs],
            "amfs": [
                {
                    "address": amf.address,
                    "name": amf.name,
                    "up": amf.is_up,
                    "connections": amf.connections,
                    "capacity": amf.capacity,
                    "ues": relay.ues.load[amf],
                }
                for amf in relay.amfs
            ],
            "ues": len(relay.ues),
            "counts": dict(relay.counts),
        }


def _describe(gnb: Gnb) -> dict[str, Any]:
    return {
        "peer": gnb.name,
        "addresses": list(gnb.association.peers),
        "set_up": gnb.is_answered,
        "amfs": sum(leg.state is LegState.READY for leg in gnb.legs.values()),
        "ues": len(gnb.ues),
        "waiting": gnb.waiting,
    }


def _amf_address(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    single = Environment({"MINICORE_AMF": address, "MINICORE_AMF_PORT": port or str(N2_PORT)})
    return single.ipv4("AMF"), single.integer("AMF_PORT", N2_PORT)


def n2_address(profile: dict[str, Any]) -> str:
    """Where the AMF takes N2 (TS 29.510 clause 6.1.6.2.11: n2InterfaceAmfInfo), else its first address."""
    interface = profile.get("amfInfo", {}).get("n2InterfaceAmfInfo")
    named = interface.get("ipv4EndpointAddress") if isinstance(interface, dict) else None
    # The NRF does not look into it, and one profile must not end the discovery of the others.
    addresses = [*(named if isinstance(named, list) else ()), *profile.get("ipv4Addresses", ())]
    return str(addresses[0]) if addresses else ""
