# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds is counted as the kernel shows it."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.organic.live_migration.plugins.module_utils.host.holdings import Holdings

PROGRAM = """
import ctypes, mmap, socket, sys, threading
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
for attached in (True, False):
    segment = libc.shmget(0, 3 << 20, 0o1600)
    address = libc.shmat(segment, None, 0)
    ctypes.memset(ctypes.c_void_p(address), 1, 3 << 20)
    if not attached:
        libc.shmdt(ctypes.c_void_p(address))
for _number in range(3):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
memory = mmap.mmap(-1, 2 << 20)
memory[:] = bytes([1]) * (2 << 20)
listener = socket.create_server(("127.0.0.1", 0))
pairs = [(socket.create_connection(listener.getsockname()), listener.accept()) for _number in range(4)]
print("ready", flush=True)
sys.stdin.read()
"""


def test_threads_connections_and_shared_memory_are_counted(as_root: None) -> None:
    command = [
        "unshare",
        "--net",
        "--ipc",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "-",
        sys.executable,
        "-c",
        PROGRAM,
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert Holdings.of([process.pid]) == Holdings(
            processes=1, threads=3, connections=8, shared_bytes=2 << 20, system_v_bytes=6 << 20
        )
