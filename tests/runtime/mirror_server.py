# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server for the packet mirror's tests: each answer depends on all requests so far, over all of its sockets.

server.py THREADS DESCRIPTOR... : listening, connected and datagram sockets, inherited. With threads, each request goes
through several of them. A request has 16 bytes; the answer is its first 8 bytes and a checksum over all requests so
far. A request that begins with "random" is answered with random bytes, one with "clock" by the time, one with "ticks"
by how often a timer has fired since the last such request or the start, one with "busy" after 0.3 s of work, one with
"long" by 256 KiB, and one with "silent" not at all. One with "connect" has it open a connection to port 9001 of who
asked last by UDP, to whose port 9 it sends a datagram at SIGUSR1.
"""

from __future__ import annotations

import ctypes
import os
import queue
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import zlib

REQUEST_BYTES = 16
BUSY_S = 0.3
LONG_BYTES = 1 << 18
TICK_NS = 20_000
state = 0


def answer(request: bytes) -> bytes:
    global state
    state = zlib.crc32(request, state)
    if request.startswith(b"random"):
        return request[:8] + os.urandom(4).hex().encode()
    if request.startswith(b"clock"):
        return request[:8] + f"{time.time_ns() % 10**8:08d}".encode()
    if request.startswith(b"ticks"):
        return request[:8] + f"{fired():08d}".encode()
    if request.startswith(b"connect"):
        connect()
    if request.startswith(b"busy"):
        until = time.monotonic() + BUSY_S
        while time.monotonic() < until:
            pass
    if request.startswith(b"long"):
        return request[:8] * (LONG_BYTES // 8 - 1) + f"{state:08x}".encode()
    return b"" if request.startswith(b"silent") else request[:8] + f"{state:08x}".encode()


def start_timer() -> int:
    """A timer of 20 us. It runs from the start, so that the two copies never read the same number by chance."""
    libc = ctypes.CDLL(None, use_errno=True)
    made: int = libc.timerfd_create(time.CLOCK_MONOTONIC, 0)
    every = struct.pack("=qqqq", 0, TICK_NS, 0, TICK_NS)
    assert libc.timerfd_settime(made, 0, every, None) == 0
    return made


def fired() -> int:
    """How many times the timer has fired: ticks that nobody has read are merged (timerfd_create(2))."""
    return int.from_bytes(os.read(timer, 8), sys.byteorder)


def connect() -> None:
    """It is watched when it is connected, which is when the peer has said something."""
    _one, peer = spoken[0]
    made = socket.socket(_one.family, socket.SOCK_STREAM)
    made.setblocking(False)
    made.connect_ex((peer[0], 9001, *peer[2:]))
    sockets[made.fileno()] = made
    selector.register(made, selectors.EVENT_READ)


def answer_elsewhere(request: bytes) -> bytes:
    """The same, in one of the threads; the others are woken in turn before it is done."""
    done: queue.Queue[bytes] = queue.Queue()
    work.put((request, done, len(workers)))
    return done.get()


def do_work() -> None:
    while True:
        request, done, hops = work.get()
        if hops:
            work.put((request, done, hops - 1))
        else:
            done.put(answer(request))


def serve(one: socket.socket) -> bool:
    """Handle what a socket has; false when it has ended."""
    if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        watch(one.accept()[0])
        return True
    if one.type == socket.SOCK_DGRAM:
        request, peer = one.recvfrom(2048)
        spoken[:] = [(one, peer)]
        if said := reply(request):
            one.sendto(said, peer)
        return True
    one.setblocking(True)
    data = one.recv(1 << 16)
    while len(data) % REQUEST_BYTES:
        data += one.recv(REQUEST_BYTES - len(data) % REQUEST_BYTES)
    for at in range(0, len(data), REQUEST_BYTES):
        if said := reply(data[at : at + REQUEST_BYTES]):
            one.sendall(said)
    return bool(data)


def speak(_signal: int, _frame: object) -> None:
    for one, peer in spoken:
        one.sendto(b"spontaneous", (peer[0], 9, *peer[2:]))


def watch(one: socket.socket) -> None:
    one.setblocking(True)
    sockets[one.fileno()] = one
    selector.register(one, selectors.EVENT_READ)


timer = start_timer()
spoken: list[tuple[socket.socket, tuple[str, ...]]] = []
signal.signal(signal.SIGUSR1, speak)
selector = selectors.DefaultSelector()
sockets: dict[int, socket.socket] = {}
work: queue.Queue[tuple[bytes, queue.Queue[bytes], int]] = queue.Queue()
workers = [threading.Thread(target=do_work, daemon=True) for _thread in range(int(sys.argv[1]))]
for worker in workers:
    worker.start()
reply = answer_elsewhere if workers else answer
for text in sys.argv[2:]:
    watch(socket.socket(fileno=int(text)))
print("ready", flush=True)
while True:
    for key, _events in selector.select():
        one = sockets[key.fd]
        if not serve(one):
            selector.unregister(one)
            sockets.pop(key.fd).close()
