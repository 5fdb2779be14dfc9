# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line a step, with its duration: rewritten on a terminal, and a sign of life in a log."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

LOG_INTERVAL_S = 15.0


class StepDisplay:
    """Shows the steps of a run as they come."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._title = ""
        self._started = self._shown = 0.0

    def begin(self, title: str) -> None:
        """Open the line of a step."""
        self._title = title
        self._started = self._shown = time.monotonic()

    def detail(self, text: str) -> None:
        """Say what the step is doing now; called again and again while it does."""
        if self._terminal:
            self._write("..", text, "")
        elif time.monotonic() - self._shown >= LOG_INTERVAL_S:
            self._write("..", text, "\n")

    def end(self, state: str = "ok") -> None:
        """Close the line of the step, if one is open."""
        if self._title:
            self._write(state, "", "\n")
        self._title = ""

    def _write(self, state: str, detail: str, end: str) -> None:
        self._shown = time.monotonic()
        what = f"{self._title}: {detail}" if detail else self._title
        text = f"{state:>4} {self._shown - self._started:6.1f} s  {what}"
        if self._terminal:
            text = "\r\033[K" + text[: shutil.get_terminal_size().columns - 1]
        self._stream.write(text + end)
        self._stream.flush()
