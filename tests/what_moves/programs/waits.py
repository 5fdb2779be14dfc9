# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads in waits that a migration must not end; each says how its wait ended, if it did.

Each wait is made by libc itself, as Python would begin one again that ends with EINTR.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import threading
import time

from answering import serve

LONG_S = 3600
libc = ctypes.CDLL(None, use_errno=True)
ended: dict[str, str] = {}


class Time(ctypes.Structure):
    _fields_ = [("s", ctypes.c_long), ("ns", ctypes.c_long)]


class Poll(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


def wait(name: str, function: str, *arguments: object) -> None:
    result = libc[function](*arguments)
    number = ctypes.get_errno() if result < 0 else result
    ended[name] = errno.errorcode.get(number, str(result))


silent, _other = os.pipe()
polled = Poll(silent, select.POLLIN, 0)
epoll = select.epoll()
epoll.register(silent, select.EPOLLIN)
events = ctypes.create_string_buffer(64)
semaphore = ctypes.create_string_buffer(64)
libc.sem_init(semaphore, 0, 0)
end = Time(int(time.time()) + LONG_S, 0)
sleep, left = Time(LONG_S, 0), Time(0, 0)
WAITS: dict[str, tuple[object, ...]] = {
    "poll": ("poll", ctypes.byref(polled), 1, -1),
    "epoll_wait": ("epoll_wait", epoll.fileno(), events, 1, -1),
    "sem_timedwait": ("sem_timedwait", semaphore, ctypes.byref(end)),
    "nanosleep": ("nanosleep", ctypes.byref(sleep), ctypes.byref(left)),
    "sleep": ("sleep", LONG_S),
    "poll with a time limit": ("poll", ctypes.byref(polled), 1, LONG_S * 1000),
    "epoll_wait with a time limit": ("epoll_wait", epoll.fileno(), events, 1, LONG_S * 1000),
    "usleep": ("usleep", 2_000_000_000),
    "nanosleep without a rest": ("nanosleep", ctypes.byref(sleep), None),
}
TIMED_MS = 2000
LATE_MS = 1000
TIMED: dict[str, tuple[object, ...]] = {
    "poll": ("poll", ctypes.byref(polled), 1, TIMED_MS),
    "epoll_wait": ("epoll_wait", epoll.fileno(), events, 1, TIMED_MS),
    "usleep": ("usleep", TIMED_MS * 1000),
}
wrong: list[str] = []


def wait_again_and_again(name: str, function: str, *arguments: object) -> None:
    while True:
        began = time.monotonic()
        result = libc[function](*arguments)
        lasted_ms = (time.monotonic() - began) * 1000
        if result or not TIMED_MS - 1 <= lasted_ms <= TIMED_MS + LATE_MS:
            wrong.append(f"{name}: {result} after {lasted_ms:.0f} ms (errno {ctypes.get_errno()})")


for name, (function, *arguments) in WAITS.items():
    threading.Thread(target=wait, args=(name, function, *arguments), daemon=True).start()
for name, (function, *arguments) in TIMED.items():
    threading.Thread(target=wait_again_and_again, args=(name, function, *arguments), daemon=True).start()
time.sleep(0.5)
serve(lambda: {"ended": ended, "waits": sorted(WAITS), "wrong": wrong})
