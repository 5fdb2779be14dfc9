# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all procedures on PDU sessions share: their contexts, addresses, N4 sessions, usage and end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from ..nas.qos import PduSessionType
from ..pfcp.ies import UeAddress
from ..sbi.message import SbiError
from .consumers import Consumers
from .contexts import AddressPool, ContextStore, PoolExhausted, PrefixPool, SmContext
from .n4 import N4_FAILURES, N4Client
from .n4_rules import SessionPlan, Usage, UsagePlan

log = logging.getLogger(__name__)

_WITH_IPV4 = frozenset({PduSessionType.IPV4, PduSessionType.IPV4V6})
_WITH_IPV6 = frozenset({PduSessionType.IPV6, PduSessionType.IPV4V6})


@dataclass(slots=True)
class UsageTotals:
    """What the UPFs have reported, of all sessions that are and were."""

    uplink_bytes: int = 0
    downlink_bytes: int = 0
    reports: int = 0

    def add(self, reports: Iterable[Usage]) -> None:
        for usage in reports:
            self.uplink_bytes += usage.uplink
            self.downlink_bytes += usage.downlink
            self.reports += 1


class Sessions:
    def __init__(
        self,
        contexts: ContextStore,
        pool: AddressPool,
        prefixes: PrefixPool,
        n4: N4Client,
        consumers: Consumers,
        root: Callable[[], str],
        usage_plan: UsagePlan,
    ) -> None:
        self.contexts = contexts
        self.n4 = n4
        self.consumers = consumers
        self.root = root
        self.usage_plan = usage_plan
        self.usage = UsageTotals()
        self._pool = pool
        self._prefixes = prefixes
        self._tasks: set[asyncio.Task[None]] = set()
        self._deregistering: dict[tuple[str, int], asyncio.Task[None]] = {}

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that no answer waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for context in self.contexts.by_ref.values():
            if context.n1n2 is not None and context.n1n2.releasing is not None:
                context.n1n2.releasing.cancel()

    def counts(self) -> dict[str, int]:
        """Sessions by type."""
        return dict(Counter(context.pdu_type for context in self.contexts.by_ref.values()))

    def allocate(self, session_type: PduSessionType) -> UeAddress:
        """Addresses for a session of a type; PoolExhausted if there are none."""
        # The prefix first, and back without an IPv4 address: a refused session keeps nothing.
        prefix = self._prefixes.allocate() if session_type in _WITH_IPV6 else b""
        try:
            return UeAddress(self._pool.allocate() if session_type in _WITH_IPV4 else "", prefix)
        except PoolExhausted:
            self.give_back(UeAddress("", prefix))
            raise

    def give_back(self, address: UeAddress) -> None:
        if address.ipv4:
            self._pool.release(address.ipv4)
        if address.prefix:
            self._prefixes.release(address.prefix)

    def plan(self, context: SmContext) -> SessionPlan:
        """The N4 session of a context."""
        address = UeAddress(context.ue_address, context.ue_prefix)
        if context.n1n2 is None:
            return SessionPlan(address)
        ethernet = context.pdu_type == PduSessionType.ETHERNET.name
        return SessionPlan(address, ethernet, context.n1n2.qos.rates, usage=self.usage_plan)

    async def end_n4(self, context: SmContext) -> None:
        """Delete the N4 session, whose lock is held; one that cannot be deleted is left to the UPF."""
        if not context.up_seid:
            return
        seid, context.up_seid = context.up_seid, 0
        try:
            self.usage.add(await self.n4.delete(context.upf, seid))
        except N4_FAILURES as error:
            log.warning("N4 session %s not deleted: %s", seid, error)

    async def drop(self, context: SmContext, is_replaced: bool = False) -> None:
        """End everything that belongs to a context that is not in the store any more.

        The UDM's registration stays where another context of the same session has replaced it, or follows it.
        """
        async with context.lock:
            await self.end_n4(context)
        self.give_back(UeAddress(context.ue_address, context.ue_prefix))
        state = context.n1n2
        if state is None:
            return
        if state.releasing is not None:
            state.releasing.cancel()
        work: list[Awaitable[None]] = [self.consumers.end_policy(state.policy_uri)] if state.policy_uri else []
        if state.is_registered and not is_replaced and self.contexts.find(context.key) is None:
            work.append(self._deregister(context))
        for error in await asyncio.gather(*work, return_exceptions=True):
            note(error, context)

    async def register(self, context: SmContext) -> None:
        """Register at the UDM, after a former session of the same id was deregistered."""
        former = self._deregistering.get(context.key)
        if former is not None:
            await asyncio.wait([former])
        await self.consumers.register(context, context.slice_json())

    def _deregister(self, context: SmContext) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self.consumers.deregister(context))
        self._deregistering[context.key] = task
        task.add_done_callback(lambda _: self._deregistering.pop(context.key))
        return task

    async def end(self, context: SmContext) -> None:
        """The session is released: forget it, and say so to the AMF (TS 29.502 clause 5.2.2.5)."""
        if not self.contexts.remove(context):
            return
        await self.drop(context)
        state = context.n1n2
        if state is not None and state.status_uri:
            try:
                await self.consumers.notify_released(state.status_uri)
            except SbiError as error:
                note(error, context)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a procedure failed", exc_info=task.exception())


def note(error: BaseException | None, context: SmContext) -> None:
    """What must not keep a session from its end: log it, unless it is a bug."""
    if isinstance(error, SbiError):
        log.warning("%s/%d: %s", context.supi, context.pdu_session_id, error)
    elif error is not None:
        raise error
