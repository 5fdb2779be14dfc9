# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has threads with attributes of their own, and wants a signal that ends it when its parent ends."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from pathlib import Path

from answering import serve

PR_SET_PDEATHSIG = 1
SYS_IOPRIO_SET, SYS_IOPRIO_GET, IOPRIO_WHO_PROCESS, IDLE = 251, 252, 1, 3 << 13
libc = ctypes.CDLL(None, use_errno=True)
is_set = threading.Event()
thread = 0


def work() -> None:
    global thread
    thread = threading.get_native_id()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, thread, 7)
    assert libc.syscall(SYS_IOPRIO_SET, IOPRIO_WHO_PROCESS, 0, IDLE) == 0
    is_set.set()
    threading.Event().wait()


threading.Thread(target=work, daemon=True).start()
is_set.wait()
Path("/proc/self/timerslack_ns").write_text("70000")
Path("/proc/self/coredump_filter").write_text("0x7f")
assert libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0


def look() -> dict[str, object]:
    return {
        "affinity": sorted(os.sched_getaffinity(thread)),
        "policy": os.sched_getscheduler(thread),
        "nice": os.getpriority(os.PRIO_PROCESS, thread),
        "io priority": libc.syscall(SYS_IOPRIO_GET, IOPRIO_WHO_PROCESS, thread),
        "timer slack": Path("/proc/self/timerslack_ns").read_text(),
        "core filter": Path("/proc/self/coredump_filter").read_text(),
        "thread": thread,
        "token": TOKEN,
    }


TOKEN = os.urandom(8).hex()
"""Another one if it was started a second time."""
serve(look)
