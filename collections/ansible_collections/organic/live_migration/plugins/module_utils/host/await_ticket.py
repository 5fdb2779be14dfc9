# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permission for a container's resident init to await a process (src/await.c reads it)."""

from __future__ import annotations

import time
from pathlib import Path

from .. import paths


class AwaitTicket:
    """Lets one resident init, for one start, await a process instead of starting its own.

    Args:
        key: what the init calls itself when it looks for its ticket.
    """

    def __init__(self, key: str) -> None:
        self._path = Path(paths.AWAIT, key)

    def permit(self, timeout_s: int) -> None:
        """Let the next start await, until ``timeout_s`` from now, unless the host is booted again before."""
        deadline = int(time.clock_gettime(time.CLOCK_BOOTTIME)) + timeout_s
        self._path.write_text(f"{deadline} {paths.BOOT_ID.read_text().strip()}\n")
        self._path.chmod(0o644)  # whatever the umask: the init may run as another user

    def revoke(self) -> None:
        self._path.unlink(missing_ok=True)
