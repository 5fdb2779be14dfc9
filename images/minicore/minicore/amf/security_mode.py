# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security mode control (TS 24.501 clause 5.4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from ..nas import gmm
from ..nas.capability import Algorithms
from ..nas.security import HeaderType, NasSecurityContext
from ..security.algorithms import DOWNLINK
from .authentication import ABBA
from .config import AmfConfig
from .n1 import N1, ProcedureAborted
from .n2 import N2
from .ue_context import UeContext

INITIAL_MESSAGE_REQUESTED = 2
"""RINMR of the additional 5G security information (TS 24.501 clause 9.11.3.12)."""


class NoCommonAlgorithm(ProcedureAborted):
    """The UE can do none of the algorithms that are configured."""


class SecurityModeRejected(ProcedureAborted):
    """The UE refused, for instance because the replayed capabilities are not its own."""


class SecurityMode:
    def __init__(self, n1: N1, n2: N2, config: AmfConfig) -> None:
        self._n1 = n1
        self._n2 = n2
        self._config = config

    async def run(self, ue: UeContext) -> bytes:
        """Take the new key set into use; return the complete initial NAS message that the UE sends with its answer."""
        capability = ue.capability
        assert capability is not None
        algorithms = Algorithms(
            self._choose(self._config.ciphering_algorithms, capability.can_cipher),
            self._choose(self._config.integrity_algorithms, capability.can_protect),
        )
        ue.nas = NasSecurityContext(ue.ng_ksi, ue.k_amf, algorithms)
        command = gmm.SecurityModeCommand(
            algorithms=algorithms,
            ngksi=ue.ng_ksi,
            security_capability=capability,
            additional=INITIAL_MESSAGE_REQUESTED,
            abba=ABBA,
        )
        answer: gmm.SecurityModeComplete | gmm.SecurityModeReject = await self._n1.exchange(
            ue,
            partial(self._send, ue, command),
            self._config.t3560_s,
            gmm.SecurityModeComplete,
            gmm.SecurityModeReject,
        )
        if isinstance(answer, gmm.SecurityModeReject):
            raise SecurityModeRejected(f"5GMM cause {answer.cause}")
        return answer.nas_container or b""

    def _send(self, ue: UeContext, command: gmm.SecurityModeCommand) -> None:
        """Integrity protected by the new context, not ciphered (clause 5.4.2.2)."""
        if ue.connection is not None and ue.nas is not None:
            protected = ue.nas.protect(command.encode(), HeaderType.INTEGRITY_NEW_CONTEXT, DOWNLINK)
            self._n2.downlink_nas(ue.connection, protected)

    @staticmethod
    def _choose(preferred: Iterable[int], is_supported: Callable[[int], bool]) -> int:
        for algorithm in preferred:
            if is_supported(algorithm):
                return algorithm
        raise NoCommonAlgorithm
