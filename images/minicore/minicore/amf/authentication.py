# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identification and 5G-AKA (TS 24.501 clauses 5.4.1.3 and 5.4.3, TS 33.501 clause 6.1.3.2)."""

from __future__ import annotations

import hmac
from functools import partial

from ..nas import MmCause, gmm
from ..nas.gmm import NO_KEY
from ..nas.identity import IdentityType, Suci
from ..security import keys
from .config import AmfConfig
from .consumers import Ausf, Challenge
from .counters import Counters
from .n1 import N1, ProcedureAborted
from .ue_context import UeContext

ABBA = b"\x00\x00"
"""TS 33.501 clause A.7.1: no security feature to protect from bidding down."""
TRIES = 3
"""A synchronisation failure or a key set identifier in use is answered with a new challenge; not without end."""


class AuthenticationRefused(ProcedureAborted):
    """The UE is not who it says, or the network is not its own; AUTHENTICATION REJECT was sent."""


class Authentication:
    def __init__(self, n1: N1, ausf: Ausf, config: AmfConfig, counters: Counters) -> None:
        self._n1 = n1
        self._ausf = ausf
        self._config = config
        self._counters = counters

    async def identify(self, ue: UeContext) -> str:
        """Ask for the SUCI."""
        request = gmm.IdentityRequest(identity_type=IdentityType.SUCI)
        response = await self._n1.exchange(
            ue, partial(self._n1.send, ue, request), self._config.t3570_s, gmm.IdentityResponse
        )
        if not isinstance(response.identity, Suci):
            raise ProcedureAborted("the UE has no SUCI")
        return str(response.identity)

    async def run(self, ue: UeContext, identity: str, is_guessed: bool) -> None:
        """Authenticate, then `ue` has SUPI, key set identifier and K_AMF.

        `is_guessed` says that the identity is the AMF's own knowledge by a GUTI: it may be another UE's. Where the UE
        fails then, it is asked for its SUCI (TS 24.501 clauses 5.4.1.3.5 and 5.4.1.3.7).
        """
        resynchronization: tuple[bytes, bytes] | None = None
        for _ in range(TRIES):
            challenge = await self._ausf.authenticate(identity, resynchronization)
            resynchronization = None
            ue.ng_ksi = (ue.ng_ksi + 1) % NO_KEY
            answer = await self._challenge(ue, challenge)
            if isinstance(answer, gmm.AuthenticationResponse):
                if await self._is_right(ue, challenge, answer.res_star or b""):
                    self._counters.authentications_total += 1
                    return
                if not is_guessed:
                    break
                identity, is_guessed = await self.identify(ue), False
            elif answer.cause == MmCause.SYNCH_FAILURE and answer.auts:
                self._counters.resynchronizations_total += 1
                resynchronization = (challenge.rand, answer.auts)
            elif answer.cause == MmCause.MAC_FAILURE and is_guessed:
                identity, is_guessed = await self.identify(ue), False
            elif answer.cause != MmCause.NGKSI_ALREADY_IN_USE:
                break
        self._counters.authentications_failed_total += 1
        self._n1.send(ue, gmm.AuthenticationReject())
        raise AuthenticationRefused(identity)

    async def _challenge(
        self, ue: UeContext, challenge: Challenge
    ) -> gmm.AuthenticationResponse | gmm.AuthenticationFailure:
        request = gmm.AuthenticationRequest(ngksi=ue.ng_ksi, abba=ABBA, rand=challenge.rand, autn=challenge.autn)
        return await self._n1.exchange(
            ue,
            partial(self._n1.send, ue, request),
            self._config.t3560_s,
            gmm.AuthenticationResponse,
            gmm.AuthenticationFailure,
        )

    async def _is_right(self, ue: UeContext, challenge: Challenge, res_star: bytes) -> bool:
        if not hmac.compare_digest(keys.hxres_star(challenge.rand, res_star), challenge.hxres_star):
            return False
        confirmation = await self._ausf.confirm(challenge, res_star)
        if confirmation.success:
            ue.supi = confirmation.supi
            ue.k_amf = keys.k_amf(confirmation.k_seaf, confirmation.supi, ABBA)
        return confirmation.success
