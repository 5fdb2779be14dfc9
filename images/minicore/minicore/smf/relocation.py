# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions leave a UPF that asks for its release: first the new path, then the end of the former one.

TS 29.244 clause 6.2.7.3 for the request, TS 23.502 clause 4.3.5 for the change of a UPF under a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace

from ..pfcp.endpoint import Address
from .contexts import SmContext
from .events import Events, each
from .n4 import N4_FAILURES, NoUpf
from .sessions import Sessions

log = logging.getLogger(__name__)

PASS_S = 0.2
"""Between two looks at the sessions that could not move yet."""
OFFER_S = 10.0
"""How long a gNB, or a UE that is paged, may take to answer a setup request before the session moves all the same."""


class Relocation:
    def __init__(self, sessions: Sessions, events: Events) -> None:
        self._sessions = sessions
        self._events = events
        self._leaving: set[Address] = set()
        self.moved = 0

    def look(self) -> None:
        """An association has changed: begin what is due and not under way."""
        for upf, association in self._sessions.n4.associations.items():
            if association.up and association.is_releasing and upf not in self._leaving:
                self._leaving.add(upf)
                self._sessions.start(self._leave(upf))

    async def _leave(self, upf: Address) -> None:
        """Move all sessions, then release the association. Without another UPF they stay, and so does the request."""
        n4 = self._sessions.n4
        try:
            while (association := n4.associations.get(upf)) and association.up and association.is_releasing:
                with contextlib.suppress(NoUpf):
                    target = n4.choose_upf()
                    contexts = [context for context in self._sessions.contexts.of(upf) if context.n1n2 is not None]
                    await each(
                        (self._move(context, upf, target) for context in contexts), f"sessions of {upf[0]} moved"
                    )
                    if not any(context.up_seid for context in self._sessions.contexts.of(upf)):
                        await n4.release(upf)
                        return
                # Sessions without N1 and N2 parts have no way to tell their gNB: they end by themselves.
                await asyncio.sleep(PASS_S)
        except N4_FAILURES as error:
            log.warning("association with %s not released: %s", upf[0], error)
        finally:
            self._leaving.discard(upf)

    async def _move(self, context: SmContext, upf: Address, target: Address) -> None:
        async with context.lock:
            if context not in self._sessions.contexts or not context.up_seid or context.upf != upf:
                return
            offered = context.offered
            if offered is not None and asyncio.get_running_loop().time() - offered[1] < OFFER_S:
                # A gNB may send to this tunnel in a moment: its answer first.
                return
            former = context.up_seid
            is_idle = context.downlink is None
            plan = replace(self._sessions.plan(context), gnb=context.downlink, notifies=is_idle)
            try:
                context.up_seid, context.uplink = await self._sessions.n4.establish(target, context.cp_seid, plan)
            except N4_FAILURES as error:
                log.warning("%s/%d stays: %s", context.supi, context.pdu_session_id, error)
                return
            context.upf = target
        self.moved += 1
        if not is_idle:
            await self._events.change_tunnel(context)
        try:
            self._sessions.usage.add(await self._sessions.n4.delete(upf, former))
        except N4_FAILURES as error:
            log.warning("%s/%d: former N4 session not deleted: %s", context.supi, context.pdu_session_id, error)
