# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host tells a container's resident init before it starts its process (src/await.c reads it)."""

from __future__ import annotations

import time
from pathlib import Path

from .. import paths


class AwaitTicket:
    """Has a resident init await a process, or wait, instead of starting its own.

    Args:
        key: what the init calls itself when it looks for its ticket.
    """

    def __init__(self, key: str) -> None:
        self._path = Path(paths.AWAIT, key)

    def permit(self, timeout_s: int) -> None:
        """Let the next start await, until ``timeout_s`` from now, unless the host is booted again before."""
        deadline = int(time.clock_gettime(time.CLOCK_BOOTTIME)) + timeout_s
        self._write(f"{deadline} {paths.BOOT_ID.read_text().strip()}")

    def permit_without_limit(self) -> None:
        """Let every start await until :meth:`revoke`: a cluster starts a container again whenever it ends.

        Until then the container is not healthy either.
        """
        self._write("await")

    def hold(self) -> None:
        """Let no start run its process until :meth:`revoke`, and have a process that runs not stopped."""
        self._write("hold")

    @property
    def is_hold(self) -> bool:
        try:
            return self._path.read_text().strip() == "hold"
        except FileNotFoundError:
            return False

    def _write(self, line: str) -> None:
        unfinished = self._path.with_name(f"{self._path.name}~")  # no await key has a tilde
        unfinished.write_text(f"{line}\n")
        unfinished.chmod(0o644)  # whatever the umask: the init may run as another user
        unfinished.replace(self._path)

    def revoke(self) -> None:
        self._path.unlink(missing_ok=True)
