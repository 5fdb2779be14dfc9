# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host tells a container's resident init before it starts its process (src/await.c reads it)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .. import paths

_AWAIT, _HOLD = "await", "hold"
_UNFINISHED = "~"
"""At the end of a name: no await key has a tilde."""


class AwaitTicket:
    """Has a resident init await a process, or wait, instead of starting its own.

    Args:
        key: what the init calls itself when it looks for its ticket.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._path = Path(paths.AWAIT, key)

    @classmethod
    def of_migrations(cls) -> dict[str, str]:
        """The tickets on this host that are valid until they are revoked: their keys, with the id of the migration."""
        names = sorted(path.name for path in Path(paths.AWAIT).glob("*") if not path.name.endswith(_UNFINISHED))
        found = {name: cls(name).migration_id for name in names}
        return {name: migration_id for name, migration_id in found.items() if migration_id}

    def permit(self, timeout_s: int) -> None:
        """Let the next start await, until ``timeout_s`` from now, unless the host is booted again before."""
        deadline = int(time.clock_gettime(time.CLOCK_BOOTTIME)) + timeout_s
        self._write(f"{deadline} {paths.BOOT_ID.read_text().strip()}")

    def permit_without_limit(self, migration_id: str = "") -> None:
        """Let every start await until :meth:`revoke`: a cluster starts a container again whenever it ends.

        Until then the container is not healthy either.
        """
        self._write(f"{_AWAIT} {migration_id}".rstrip())

    def hold(self, migration_id: str = "") -> None:
        """Let no start run its process until :meth:`revoke`, and have a process that runs not stopped."""
        self._write(f"{_HOLD} {migration_id}".rstrip())

    @property
    def is_hold(self) -> bool:
        return self._words()[:1] == [_HOLD]

    @property
    def migration_id(self) -> str:
        """The migration that it was written for; empty if it does not say so, or is not there."""
        words = self._words()
        return words[1] if len(words) == 2 and words[0] in (_AWAIT, _HOLD) else ""

    def _words(self) -> list[str]:
        try:
            return self._path.read_text().split()
        except FileNotFoundError:
            return []

    def _write(self, line: str) -> None:
        unfinished = self._path.with_name(f"{self._path.name}{_UNFINISHED}")
        with _locked():
            unfinished.write_text(f"{line}\n")
            unfinished.chmod(0o644)  # whatever the umask: the init may run as another user
            unfinished.replace(self._path)

    def revoke(self) -> None:
        self._path.unlink(missing_ok=True)

    def revoke_of(self, migration_id: str) -> None:
        """Revoke it, unless another migration has written it meanwhile."""
        with _locked():
            if self.migration_id == migration_id:
                self.revoke()


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Nobody else writes a ticket meanwhile."""
    descriptor = os.open(paths.AWAIT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
