# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers are as programs: options, figures in milliseconds, the end by a signal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..process import until_terminated

Summary = TypeVar("Summary")


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """Type of an option that is a number above 0."""

    def parse(text: str) -> float:
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not positive")
        return value

    return parse


def milliseconds(seconds: float) -> float:
    """As summaries have it."""
    return round(seconds * 1000, 3)


async def until_signal(drive: Callable[[asyncio.Task[None]], Awaitable[Summary]]) -> Summary:
    """Run a driver, which is given what ends with SIGTERM or SIGINT."""
    terminated = asyncio.create_task(until_terminated())
    try:
        return await drive(terminated)
    finally:
        terminated.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await terminated
