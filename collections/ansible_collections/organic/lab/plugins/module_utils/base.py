# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts of the lab share: one exception, and commands that say why they failed."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, TypeVar

T = TypeVar("T")


class LabError(Exception):
    """The one exception of the lab; its text is for the user."""


def run(*command: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command and return its standard output; a failure carries the end of what it wrote."""
    try:
        done = subprocess.run(command, input=stdin, env=env, text=True, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed") from error
    if done.returncode:
        tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-20:])
        raise LabError(f"{' '.join(command)}: exit status {done.returncode}\n{tail}")
    return done.stdout


def wait_for(condition: Callable[[], T | None], deadline: float, interval_s: float = 0.02) -> T | None:
    """Ask until the condition gives something true or the deadline (time.monotonic) has passed."""
    while True:
        result = condition()
        if result or time.monotonic() > deadline:
            return result
        time.sleep(interval_s)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; the kernel gives it up when this process ends."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
