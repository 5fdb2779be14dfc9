# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers of threads that a freezer holds, set before they run again (ptrace(2)); x86-64 only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Mapping

from . import libc

_SEIZE, _INTERRUPT, _DETACH, _GETREGS, _SETREGS = 0x4206, 0x4207, 17, 12, 13
_EVENT_STOP = 128
_WALL = 0x40000000
_AX = 10
"""Place in user_regs_struct (sys/user.h)."""
_EINTR = (1 << 64) - 4
_STOP_TIMEOUT_S = 2.0
_POLL_INTERVAL_S = 0.0005

Registers = ctypes.c_ulonglong * 27
"""user_regs_struct."""


def thaw_with(new: Mapping[int, Mapping[int, int]], thaw: Callable[[], None]) -> None:
    """Let threads run again, with other registers where a system call of theirs would return EINTR.

    A thread that somebody else traces, or to which a signal has come, is left as it is.

    Args:
        new: values by their place in user_regs_struct, by TID on this host.
        thaw: opens the freezer.
    """
    seized = [tid for tid in new if _attempt(_SEIZE, tid)]
    try:
        seized = [tid for tid in seized if _attempt(_INTERRUPT, tid)]
    finally:
        thaw()
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    for tid in seized:
        with contextlib.suppress(OSError):
            _set(tid, new[tid], deadline)


def _set(tid: int, new: Mapping[int, int], deadline: float) -> None:
    status = 0
    while not os.WIFSTOPPED(status):
        found, status = os.waitpid(tid, os.WNOHANG | _WALL)
        if (not found and time.monotonic() > deadline) or (found and not os.WIFSTOPPED(status)):
            return  # it has ended, or is let go when this process ends
        if not found:
            time.sleep(_POLL_INTERVAL_S)
    came_by_signal = status >> 16 != _EVENT_STOP
    registers = Registers()
    if not came_by_signal and _attempt(_GETREGS, tid, registers) and registers[_AX] == _EINTR:
        for place, value in new.items():
            registers[place] = value
        _attempt(_SETREGS, tid, registers)
    _attempt(_DETACH, tid, ctypes.c_void_p(os.WSTOPSIG(status) if came_by_signal else 0))


def _attempt(request: int, tid: int, data: object = None) -> bool:
    """Whether the kernel did it; a thread may end at any moment."""
    try:
        libc.ptrace(request, tid, data)
    except OSError:
        return False
    return True
