# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers the controller's calls (plugin_utils/host_code.py) in processes that have the code imported already."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable
from typing import Any

BACKLOG = 64
TAKEN = b"+"
"""Sent as soon as a call is read. A caller that does not get it makes the call itself."""
_LAST_CALLS_S = 0.01
"""After the socket is removed: who has connected before is still answered."""


def start(directory: str, idle_s: float, work: Callable[[Any], object]) -> None:
    """Leave a server at ``directory``/.socket, unless there is one. It ends when nobody has called for ``idle_s``.

    Args:
        directory: of the code, which only its owner can change.
        work: answers a request; it is run in a process of its own. Requests and answers are what JSON can hold.
    """
    lock = os.open(os.path.join(directory, ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return
    pid = os.fork()
    if pid:
        os.close(lock)
        os.waitpid(pid, 0)
        return
    try:
        _detach()
        path = os.path.join(directory, ".socket")
        server = _listen(path)
        if os.fork() == 0:
            server.settimeout(idle_s)
            _serve(server, path, lock, work)
    finally:
        os._exit(0)


def _detach() -> None:
    """The caller's connection ends with the caller."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.close(null)


def _listen(path: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    if os.path.lexists(path):
        os.unlink(path)
    server.bind(path)
    server.listen(BACKLOG)
    return server


def _serve(server: socket.socket, path: str, lock: int, work: Callable[[Any], object]) -> None:
    running: set[int] = set()
    while True:
        try:
            client, _peer = server.accept()
        except socket.timeout:  # another class than TimeoutError in Python 3.9
            running = _alive(running)
            if running:
                continue
            if not os.path.lexists(path):
                return
            os.unlink(path)
            server.settimeout(_LAST_CALLS_S)
            continue
        pid = os.fork()
        if pid:
            client.close()
            running = _alive(running | {pid})
            continue
        server.close()
        os.close(lock)
        try:
            _answer(client, work)
        finally:
            os._exit(0)


def _alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if os.waitpid(pid, os.WNOHANG)[0] == 0}


def _answer(client: socket.socket, work: Callable[[Any], object]) -> None:
    client.settimeout(None)
    # A daemon that the work leaves must not keep the connection: its end is the end of the answer.
    os.register_at_fork(after_in_child=client.close)
    with client:
        request = json.loads(b"".join(iter(lambda: client.recv(1 << 16), b"")))
        client.sendall(TAKEN)
        client.sendall(json.dumps(work(request)).encode())
