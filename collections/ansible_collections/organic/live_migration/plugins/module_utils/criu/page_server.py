# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRIU's page server on the target host."""

from __future__ import annotations

import os
import signal
import socket
import subprocess

from .. import paths
from ..errors import CriuFailed, MigrationError
from ..host import commands
from .log import failure_lines


class PageServer:
    """``criu page-server`` on the target host: writes the pages that come over a socket into the images.

    These are the pages that the pager does not move: of sealed memfds, and of private mappings of files.
    """

    def __init__(self, images: int, pages: socket.socket) -> None:
        self.command = [*paths.CRIU, "page-server", "--images-dir", f"/proc/self/fd/{images}",
                        "--ps-socket", str(pages.fileno()), "-v2"]  # fmt: skip
        self._log = os.memfd_create("page-server.log", os.MFD_CLOEXEC)  # the images' file system may be full
        commands.log(self.command)
        self._process = subprocess.Popen(
            self.command,
            pass_fds=[images, pages.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )

    def wait(self, timeout_s: float) -> None:
        """Wait until all pages are in the images.

        Raises:
            CriuFailed: the stream broke, or the images' file system is full.
        """
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise MigrationError(f"the pages did not arrive within {timeout_s:.0f} s") from None
        if status:
            ended = (
                f"it was ended by {signal.Signals(-status).name}" if status < 0 else f"it ended with status {status}"
            )
            raise CriuFailed("receive pages on the target host", self._error_lines() or [ended])

    @property
    def fault(self) -> CriuFailed | None:
        """The errors in its log; None without one."""
        lines = self._error_lines()
        return CriuFailed("receive pages on the target host", lines) if lines else None

    def _error_lines(self) -> list[str]:
        text = os.pread(self._log, 1 << 20, 0).decode(errors="replace")
        return failure_lines(text)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
