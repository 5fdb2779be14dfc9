# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration (TS 24.501 clause 5.5.1, TS 23.502 clause 4.2.2.2)."""

from __future__ import annotations

import asyncio
import logging

from ..nas import MmCause, NasDecodeError, gmm
from ..nas.gmm import NO_KEY
from ..nas.identity import Suci
from ..nas.slice import RejectedSlice
from ..nas.values import Tai
from ..ngap.errors import NORMAL_RELEASE, Cause
from ..ngap.values import SessionSetup, Snssai
from ..sbi.message import Refused, SbiError
from . import slices
from .admission import Admission, Congestion
from .authentication import Authentication, AuthenticationRefused
from .callbacks import Callbacks
from .config import AmfConfig
from .consumers import Nssf, Pcf, Subscription, Udm
from .counters import Counters
from .deliveries import Deliveries
from .lifecycle import Lifecycle
from .n1 import N1, NoAnswer, ProcedureAborted
from .n2 import N2
from .security_mode import NoCommonAlgorithm, SecurityMode
from .sessions import Sessions
from .ue_context import Connection, UeContext, UeStore

log = logging.getLogger(__name__)

AUTHENTICATION_FAILURE = Cause("nas", "authentication-failure")


BACK_OFF_S = 10
"""T3346 of a UE that is rejected because of congestion: without it the UE may come again at once."""


class RegistrationRejected(ProcedureAborted):
    def __init__(self, cause: MmCause, slices: tuple[RejectedSlice, ...] | None = None) -> None:
        super().__init__(f"5GMM cause {cause}")
        self.cause = cause
        self.slices = slices


class Registration:
    def __init__(
        self,
        config: AmfConfig,
        counters: Counters,
        ues: UeStore,
        n1: N1,
        n2: N2,
        authentication: Authentication,
        security_mode: SecurityMode,
        sessions: Sessions,
        deliveries: Deliveries,
        lifecycle: Lifecycle,
        udm: Udm,
        pcf: Pcf,
        nssf: Nssf,
        callbacks: Callbacks,
    ) -> None:
        self._config = config
        self._counters = counters
        self._ues = ues
        self._n1 = n1
        self._n2 = n2
        self._authentication = authentication
        self._security_mode = security_mode
        self._sessions = sessions
        self._deliveries = deliveries
        self._lifecycle = lifecycle
        self._udm = udm
        self._pcf = pcf
        self._nssf = nssf
        self._callbacks = callbacks
        self._admission = Admission(config.registrations_at_once)

    async def run(self, connection: Connection, request: gmm.RegistrationRequest, tac: int, identity: str) -> None:
        """Register the UE of a connection.

        A connection that is secured has a UE whose message was verified: it is not authenticated again. Otherwise
        `identity` is the SUCI of the request, or the SUPI that the AMF knows for its GUTI, or empty.
        """
        ue = connection.ue
        try:
            await self._register(connection, request, tac, identity)
        except RegistrationRejected as rejection:
            await self._reject(connection, rejection.cause, rejection.slices)
        except Congestion:
            await self._reject(connection, MmCause.CONGESTION)
        except NoCommonAlgorithm:
            await self._reject(connection, MmCause.SECURITY_CAPABILITIES_MISMATCH)
        except AuthenticationRefused:
            await self._lifecycle.release(connection, AUTHENTICATION_FAILURE)
        except NoAnswer as error:
            log.info("registration of %s: no answer: %s", ue.supi or "a UE", error)
            await self._lifecycle.release(connection, NORMAL_RELEASE)
        except ProcedureAborted as error:
            log.info("registration of %s: %s", ue.supi or "a UE", error)
            await self._lifecycle.release(connection, NORMAL_RELEASE)
        except Refused as error:
            log.info("registration of %s: %s", ue.supi or identity, error)
            await self._reject(connection, _cause_of(error))
        except SbiError as error:
            log.warning("registration of %s: %s", ue.supi or identity, error)
            await self._reject(connection, MmCause.CONGESTION)

    async def _register(
        self, connection: Connection, request: gmm.RegistrationRequest, tac: int, identity: str
    ) -> None:
        ue = connection.ue
        if tac != self._config.tac:
            raise RegistrationRejected(MmCause.TRACKING_AREA_NOT_ALLOWED)
        if request.registration_type == gmm.RegistrationType.EMERGENCY:
            raise RegistrationRejected(MmCause.SERVICES_NOT_ALLOWED)
        if not connection.is_secured:
            async with self._admission.place():
                request = await self._authenticate(connection, request, identity)
        ue.tac = tac
        is_initial = request.registration_type == gmm.RegistrationType.INITIAL or not ue.is_registered
        if is_initial:
            await self._sessions.release(ue, list(ue.sessions.values()), "REL_DUE_TO_REACTIVATION")
        elif request.sessions is not None:
            gone = [session for psi, session in ue.sessions.items() if psi not in request.sessions]
            await self._sessions.release(ue, gone, "REL_DUE_TO_PS_TO_CS_HO")
        self._deliveries.reached(ue)
        await self._subscribe(ue, request, is_initial)
        await self._accept(connection, request)

    async def _authenticate(
        self, connection: Connection, request: gmm.RegistrationRequest, identity: str
    ) -> gmm.RegistrationRequest:
        """Authenticate and take the new keys into use; return the request that came protected by them."""
        ue = connection.ue
        if not request.security_capability:
            raise RegistrationRejected(MmCause.INVALID_MANDATORY_INFORMATION)
        ue.capability = request.security_capability
        # The next identifier is the one after that of the UE's own key set: it would refuse the same one (cause #71).
        ue.ng_ksi = request.ngksi & NO_KEY
        is_guessed = bool(identity) and not isinstance(request.identity, Suci)
        await self._authentication.run(ue, identity or await self._authentication.identify(ue), is_guessed)
        complete = await self._security_mode.run(ue)
        connection.is_secured = True
        older = self._ues.adopt(ue)
        if older is not None:
            await self._lifecycle.replace(older, ue)
        if not complete:
            return request
        try:
            return gmm.RegistrationRequest.decode(complete)
        except NasDecodeError as error:
            raise RegistrationRejected(error.cause) from error

    async def _subscribe(self, ue: UeContext, request: gmm.RegistrationRequest, is_initial: bool) -> None:
        """Become the serving AMF, get the subscription, choose the slices, have a policy (steps 14 to 16)."""
        if ue.is_registered and ue.subscription is not None and not is_initial:
            if set(slices.from_nas(request.requested_slices)) - set(ue.allowed_nssai):
                ue.allowed_nssai = await self._select(ue.subscription, request)
            return
        supi = ue.supi
        _, subscription, _ = await asyncio.gather(
            self._udm.register(supi, self._callbacks.deregistration(supi), is_initial),
            self._udm.subscription(supi),
            self._subscribe_to_changes(ue),
        )
        ue.subscription = subscription
        ue.allowed_nssai, _ = await asyncio.gather(self._select(subscription, request), self._have_policy(ue))

    async def _subscribe_to_changes(self, ue: UeContext) -> None:
        if not ue.sdm_subscription:
            ue.sdm_subscription = await self._udm.subscribe(ue.supi, self._callbacks.subscriber_data(ue.supi))

    async def _have_policy(self, ue: UeContext) -> None:
        if not ue.policy:
            ue.policy = await self._pcf.create(ue.supi, self._callbacks.policy(ue.supi))

    async def _select(self, subscription: Subscription, request: gmm.RegistrationRequest) -> tuple[Snssai, ...]:
        allowed = await self._nssf.select(slices.from_nas(request.requested_slices), subscription)
        served = tuple(snssai for snssai in allowed if snssai in self._config.served)
        if not served:
            refused = slices.rejected(request.requested_slices, ())
            raise RegistrationRejected(MmCause.NO_NETWORK_SLICES_AVAILABLE, refused)
        return served

    async def _accept(self, connection: Connection, request: gmm.RegistrationRequest) -> None:
        """REGISTRATION ACCEPT with a new 5G-GUTI, until the UE has confirmed it (clause 5.5.1.2.4)."""
        ue = connection.ue
        setups = self._deliveries.take_setups(ue)
        waiting = {setup.session_id for setup in setups}
        activated, failed = await self._sessions.activate(ue, (request.uplink_data or frozenset()) - waiting)
        setups += activated
        self._ues.allocate_tmsi(ue)
        has_status = request.sessions is not None
        accept = gmm.RegistrationAccept(
            guti=self._config.guti(ue.tmsi or 0),
            tais=(Tai(self._config.mcc + self._config.mnc, self._config.tac),),
            allowed_slices=slices.to_nas(ue.allowed_nssai),
            rejected_slices=slices.rejected(request.requested_slices, ue.allowed_nssai),
            sessions=frozenset(ue.sessions) if has_status else None,
            reactivation_result=frozenset(failed) if request.uplink_data is not None else None,
            t3512_s=self._config.t3512_s,
        )
        ue.is_registered = True

        def send() -> None:
            nonlocal setups
            if ue.connection is connection:
                self._n2.establish(connection, self._n1.protect(ue, accept), setups)
                setups = list[SessionSetup]()

        await self._n1.exchange(ue, send, self._config.t3550_s, gmm.RegistrationComplete)
        self._ues.confirm_tmsi(ue)
        self._counters.registrations_total += 1
        self._deliveries.flush(ue)
        if request.registration_type == gmm.RegistrationType.PERIODIC and not request.follow_on:
            # Nothing else is to come (clause 5.5.1.3.4); other UEs are released by their gNB's inactivity timer.
            ue.procedure = None
            await self._lifecycle.release(connection, NORMAL_RELEASE)

    async def _reject(
        self, connection: Connection, cause: MmCause, refused: tuple[RejectedSlice, ...] | None = None
    ) -> None:
        """REGISTRATION REJECT; a UE that was not registered before is forgotten."""
        ue = connection.ue
        self._counters.registrations_rejected_total += 1
        back_off_s = BACK_OFF_S if cause == MmCause.CONGESTION else None
        self._n1.send(ue, gmm.RegistrationReject(cause=cause, t3346_s=back_off_s, rejected_slices=refused))
        if cause not in TEMPORARY:
            ue.is_registered = False
        await self._lifecycle.release(connection, NORMAL_RELEASE)


TEMPORARY = (MmCause.CONGESTION, MmCause.INVALID_MANDATORY_INFORMATION)
"""Causes after which a registered UE stays registered (clause 5.5.1.3.5)."""


def _cause_of(error: Refused) -> MmCause:
    """What the refusal of an NF is to the UE."""
    if error.status in (403, 404):
        return MmCause.ILLEGAL_UE
    return MmCause.CONGESTION
