# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a stopped container, for the one that takes its place: what was written before stays readable.

A container that comes back to a host where it was is made again, and with the old one its log would go. Docker appends
to a log file that is there (its log drivers json-file and local; others keep the log elsewhere).
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import IO

_LOCAL = "local-logs"


class KeptLog:
    """Holds the files of a log open, so that their content outlives their names.

    Args:
        directory: of the engine, for this container; it has the container's identity as its name. Empty: keeps nothing.
    """

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)
        self._files: list[tuple[str, IO[bytes]]] = []
        if directory:
            identity = self._directory.name
            for pattern in (f"{identity}-json.log*", f"{_LOCAL}/container.log*"):
                for path in sorted(self._directory.glob(pattern)):
                    with contextlib.suppress(FileNotFoundError):  # it was rotated
                        name = str(path.relative_to(self._directory)).replace(identity, "{}")
                        self._files.append((name, path.open("rb")))

    def give_to(self, identity: str) -> None:
        """Let it be the beginning of the log of a container that was made and not started yet; to be called once."""
        for name, file in self._files:
            path = self._directory.with_name(identity) / name.format(identity)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with file, open(path, "wb", opener=_open_private) as new:
                shutil.copyfileobj(file, new, 1 << 20)
        self._files = []

    def close(self) -> None:
        """Let it go; idempotent."""
        while self._files:
            self._files.pop()[1].close()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)
