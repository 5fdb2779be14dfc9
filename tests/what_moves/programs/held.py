# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds one thing that the preflight must name; the environment variable HOLD says which."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Callable

from answering import serve

FILE = "/held"
DELETED_BYTES = 20 << 20


def stop_a_child() -> object:
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        signal.pause()
    os.waitpid(child, os.WUNTRACED)
    return child


def take_a_write_lease() -> object:
    file = os.open(FILE, os.O_RDWR | os.O_CREAT)
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    return file


def rename_an_open_file() -> object:
    file = os.open(FILE, os.O_RDWR | os.O_CREAT)
    os.link(FILE, f"{FILE}.other")
    os.unlink(FILE)
    return file


def delete_a_large_file() -> object:
    file = os.open(FILE, os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, DELETED_BYTES)
    os.unlink(FILE)
    return file


def make_a_semaphore() -> object:
    return os.eventfd(1, os.EFD_SEMAPHORE)


def run_from_memory() -> object:
    """Only a child runs from there; this program must be able to answer."""
    program = os.memfd_create("program", 0)
    with open(sys.executable, "rb") as file:
        os.sendfile(program, file.fileno(), 0, os.fstat(file.fileno()).st_size)
    command = ["python3", "-Sc", "import signal; signal.pause()"]
    return os.posix_spawn(f"/proc/self/fd/{program}", command, {**os.environ, "PYTHONHOME": sys.prefix})


HOLDS: dict[str, Callable[[], object]] = {
    "stopped": stop_a_child,
    "lease": take_a_write_lease,
    "renamed": rename_an_open_file,
    "deleted": delete_a_large_file,
    "semaphore": make_a_semaphore,
    "memory": run_from_memory,
    "nothing": lambda: None,
}

kept = HOLDS[os.environ["HOLD"]]()
serve(lambda: [os.environ["HOLD"], kept is None, sys.platform])
