# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An NF as a process: runs until SIGTERM or SIGINT, then leaves in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from typing import Protocol

from .readiness import notify_ready

log = logging.getLogger(__name__)

STOP_S = 1.8


class Nf(Protocol):
    nf_type: str

    async def start(self) -> object: ...

    async def stop(self) -> None: ...

    async def until_ready(self) -> None:
        """Return when other NFs may use it."""


async def until_terminated() -> None:
    """Return at the first SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, terminated.set)
    await terminated.wait()


async def serve(nf: Nf) -> None:
    """Start an NF, wait for the signal, stop it within two seconds."""
    waiting = asyncio.create_task(until_terminated())
    await nf.start()
    # Pages that the collector does not touch are not dirty again in each round of a pre-copy.
    gc.collect()
    gc.freeze()
    log.info("%s is up", nf.nf_type)
    announcing = asyncio.create_task(_announce(nf))
    await waiting
    announcing.cancel()
    try:
        async with asyncio.timeout(STOP_S):
            await nf.stop()
    except TimeoutError:
        log.warning("%s left without a farewell: not stopped within %s s", nf.nf_type, STOP_S)
    log.info("%s is down", nf.nf_type)


async def _announce(nf: Nf) -> None:
    """Once: an NF that has served is not less ready because its NRF is away, and must not be ended for that."""
    await nf.until_ready()
    notify_ready()
