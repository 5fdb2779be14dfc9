# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line a step, with its duration: rewritten on a terminal, and a sign of life in a log."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

TERMINAL_INTERVAL_S = 0.5
LOG_INTERVAL_S = 15.0


class StepDisplay:
    """Shows the steps of a run as they come; a context manager, as it owns the thread that keeps the line alive."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._title = self._detail = ""
        self._started = 0.0
        self._thread = threading.Thread(target=self._keep_alive, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join()

    def begin(self, title: str) -> None:
        """Open the line of a step."""
        with self._lock:
            self._title, self._detail, self._started = title, "", time.monotonic()
            self._rewrite()

    def detail(self, text: str) -> None:
        """Say what the step is doing now."""
        with self._lock:
            self._detail = text
            self._rewrite()

    def end(self, state: str = "ok") -> None:
        """Close the line of the step, if one is open."""
        with self._lock:
            if self._title:
                self._write(state, "", "\n")
            self._title = ""

    def _keep_alive(self) -> None:
        while not self._closed.wait(TERMINAL_INTERVAL_S if self._terminal else LOG_INTERVAL_S):
            with self._lock:
                if self._title and not self._terminal:
                    self._write("..", self._detail, "\n")
                self._rewrite()

    def _rewrite(self) -> None:
        if self._title and self._terminal:
            self._write("..", self._detail, "")

    def _write(self, state: str, detail: str, end: str) -> None:
        what = f"{self._title}: {detail}" if detail else self._title
        text = f"{state:>4} {time.monotonic() - self._started:6.1f} s  {what}"
        if self._terminal:
            text = "\r\033[K" + text[: shutil.get_terminal_size().columns - 1]
        self._stream.write(text + end)
        self._stream.flush()
