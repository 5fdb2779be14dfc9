# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each step of a migration took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


def now_ms() -> float:
    """Milliseconds on the monotonic clock."""
    return time.monotonic() * 1000


class Steps:
    """Durations of named steps, in milliseconds since this was made."""

    def __init__(self) -> None:
        self._start = now_ms()
        self.list: list[dict[str, object]] = []
        self.current = ""
        """Name of the step that is under way."""

    @property
    def elapsed_ms(self) -> float:
        return now_ms() - self._start

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block, also when it fails."""
        start = self.elapsed_ms
        self.current = name
        try:
            yield
        finally:
            self.list.append(
                {"name": name, "start_ms": round(start, 2), "duration_ms": round(self.elapsed_ms - start, 2)}
            )
