# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long threads have waited, and that they go on when their registers are set."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import registers, waits

LATE_MS = 500
"""Beside other tests."""
POLL = """
import ctypes, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
print("ready", flush=True)
def wait():
    print(threading.get_native_id(), flush=True)
    began = time.monotonic()
    result = libc.poll(None, 0, int(sys.argv[1]))
    print(result, ctypes.get_errno() if result else 0, (time.monotonic() - began) * 1000, flush=True)
thread = threading.Thread(target=wait)
thread.start()
thread.join()
"""


def poll(spawn: Any, limit_ms: int, until: Callable[..., None]) -> tuple[Any, int, float]:
    """A process with a thread in poll; returns both, and when that began at the latest."""
    process = spawn.start([sys.executable, "-c", POLL, str(limit_ms)])
    tid = int(process.stdout.readline())
    until(lambda: Path(f"/proc/{tid}/syscall").read_text().startswith(f"{waits.POLL} "), "it waits")
    return process, tid, time.monotonic() * 1000


def test_what_a_thread_has_waited_is_known(as_root: None, spawn: Any, until: Callable[..., None]) -> None:
    process, tid, began_ms = poll(spawn, 60_000, until)
    reader = waits.WaitReader(os.getpid())
    reader.read([process.pid])
    reader.frozen_at_ms = began_ms + 5000
    waited_ms = reader.waited_ms(tid, waits.POLL, (0, 0, 60_000))
    assert waited_ms is not None
    assert 5000 - LATE_MS <= waited_ms <= 5000 + LATE_MS


@pytest.mark.parametrize("other", [(waits.POLL, (0, 0, 1)), (waits.EPOLL_WAIT, (0, 0, 60_000))])
def test_nothing_is_known_of_a_wait_that_began_later(
    as_root: None, spawn: Any, until: Callable[..., None], other: tuple[int, tuple[int, ...]]
) -> None:
    process, tid, _began = poll(spawn, 60_000, until)
    reader = waits.WaitReader(os.getpid())
    reader.read([process.pid])
    assert reader.waited_ms(tid, *other) is None
    assert reader.waited_ms(tid + 1, waits.POLL, (0, 0, 60_000)) is None


def test_a_thread_without_an_interrupted_call_keeps_its_registers(
    as_root: None, spawn: Any, until: Callable[..., None]
) -> None:
    """It goes on waiting, as after any stop: only EINTR is replaced."""
    process, tid, _began = poll(spawn, 700, until)
    thawed: list[int] = []
    registers.thaw_with({tid: {10: 1}, 999_999_999: {10: 1}}, lambda: thawed.append(1))
    result, error, lasted_ms = process.stdout.readline().split()
    assert thawed == [1]
    assert (int(result), int(error)) == (0, 0)
    assert float(lasted_ms) >= 699
