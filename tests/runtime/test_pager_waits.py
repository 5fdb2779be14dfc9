# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's pager stops a process for a moment, which must not end a wait: no signal has come."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import SOURCES
from .test_pager import HERE, Pager, Target

PRELUDE = """
import ctypes, os, select, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
sem = libc.semget(0, 1, 0o1600)
def raise_it():
    sys.stdin.readline()
    libc.semop(sem, struct.pack("=Hhh", 0, 1, 0), 1)
print("ready", flush=True)
"""
WAITS = {
    "epoll_wait": """
epoll = select.epoll()
epoll.register(0, select.EPOLLIN)
result = libc.epoll_wait(epoll.fileno(), ctypes.create_string_buffer(64), 1, -1)
""",
    "semop": """
threading.Thread(target=raise_it, daemon=True).start()
result = libc.semop(sem, struct.pack("=Hhh", 0, -1, 0), 1) + 1
libc.semctl(sem, 0, 0)
""",
}


@pytest.mark.parametrize("wait", list(WAITS))
def test_a_wait_of_the_first_thread_goes_on(init: Path, wait: str) -> None:
    program = f"{PRELUDE}{WAITS[wait]}\nprint(result, ctypes.get_errno(), flush=True)\n"
    with subprocess.Popen(
        ["unshare", "--ipc", sys.executable, "-ISc", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "ready\n"
        await_sleep(process.pid)
        target = Target(1)
        pager = Pager(init.with_name("pager"), process.pid, target)
        try:
            for _round in range(2):
                pager.order("round", "round")
            await_sleep(process.pid)
            process.stdin.write("wake\n")
            process.stdin.flush()
            assert process.stdout.readline() == "1 0\n"
        finally:
            process.kill()
            pager.close()
            target.close()


@pytest.mark.parametrize("end", ["signal", "event"])
def test_a_signal_during_the_stop_ends_the_wait(tmp_path: Path, end: str) -> None:
    program = tmp_path / "stopped_wait"
    sources = [HERE / "stopped_wait.c", *(SOURCES / "pager" / name for name in ("tracer.c", "io.c"))]
    options = ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{SOURCES / 'pager'}", f"-I{SOURCES}"]
    subprocess.run(["gcc", *options, "-o", program, *sources], check=True)
    done = subprocess.run([program, end], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == f"{end}\n"


def await_sleep(pid: int) -> None:
    """Wait until the first thread sleeps."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < deadline, "it does not sleep"
        time.sleep(0.001)
