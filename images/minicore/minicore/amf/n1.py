# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAS to a UE: protection, retransmission, and the answer that a procedure waits for (TS 24.501 clause 4.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ..nas import MmMessage, NasMessage
from ..nas.security import HeaderType
from ..security.algorithms import DOWNLINK
from .counters import Counters
from .n2 import N2
from .ue_context import UeContext

RETRANSMISSIONS = 4
"""On the fifth expiry of its timer a procedure ends (TS 24.501 clauses 5.4.1.3.7, 5.4.2.7, 5.5.1.2.8)."""

Answer = TypeVar("Answer")


class ProcedureAborted(Exception):
    """A procedure that cannot go on; its UE is no worse than before."""


class NoAnswer(ProcedureAborted):
    """The UE did not answer, nor the retransmissions."""


class N1:
    def __init__(self, n2: N2, counters: Counters) -> None:
        self._n2 = n2
        self._counters = counters

    def protect(self, ue: UeContext, message: MmMessage) -> bytes:
        """Encode for a UE that has a security context: integrity protected and ciphered."""
        assert ue.nas is not None
        return ue.nas.protect(message.encode(), HeaderType.CIPHERED, DOWNLINK)

    def send(self, ue: UeContext, message: MmMessage) -> None:
        """Send protected where the UE has secure exchange on its connection, else plain; nothing if it has none."""
        connection = ue.connection
        if connection is not None:
            data = self.protect(ue, message) if connection.is_secured else message.encode()
            self._n2.downlink_nas(connection, data)

    async def exchange(
        self, ue: UeContext, send: Callable[[], None], timer_s: float, *expected: type[Answer]
    ) -> Answer:
        """Send, and wait for one of the expected messages; send again when the timer expires, or raise NoAnswer."""
        ue.expected = expected
        waiting = ue.answer = asyncio.get_running_loop().create_future()
        try:
            for attempt in range(1 + RETRANSMISSIONS):
                self._counters.nas_retransmissions_total += attempt > 0
                send()
                done, _ = await asyncio.wait((waiting,), timeout=timer_s)
                if done:
                    answer: Answer = waiting.result()
                    return answer
        finally:
            if ue.answer is waiting:
                ue.expected, ue.answer = (), None
        raise NoAnswer(", ".join(kind.__name__ for kind in expected))

    @staticmethod
    def give(ue: UeContext, message: NasMessage) -> bool:
        """Hand a received message to the procedure that waits for it; False when none does."""
        if ue.answer is None or ue.answer.done() or not isinstance(message, ue.expected):
            return False
        ue.answer.set_result(message)
        return True
