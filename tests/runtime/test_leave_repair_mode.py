# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preload.so: what CRIU did to a process is undone before CRIU waits for the word that it may go on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TALK = """
import ctypes, os, socket, sys

TCP_REPAIR = 19
libc = ctypes.CDLL(None)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
theirs.send(b"go on")
with socket.create_server(("127.0.0.1", 0)) as server:
    client = socket.create_connection(server.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    libc.recv(ours.fileno(), ctypes.create_string_buffer(8), 8, socket.MSG_PEEK)
    print(client.getsockopt(socket.IPPROTO_TCP, TCP_REPAIR))
    libc.recv(ours.fileno(), None, 0, socket.MSG_PEEK | socket.MSG_TRUNC)
    print(client.getsockopt(socket.IPPROTO_TCP, TCP_REPAIR))
"""


@pytest.mark.parametrize(("switch", "word"), [("freezer.state", "FROZEN"), ("cgroup.freeze", "1")])
def test_connections_and_freezer(init: Path, tmp_path: Path, switch: str, word: str) -> None:
    (tmp_path / switch).touch()
    script = f"import os\nos.dup2(os.open({str(tmp_path)!r}, os.O_RDONLY), 50)\n{TALK}"
    environment = {"LD_PRELOAD": str(init.with_name("preload.so")), "CRIU_FREEZER": "50"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]
    assert (tmp_path / switch).read_text() == word


def test_nothing_is_undone_where_nothing_is_dumped(init: Path) -> None:
    environment = {"LD_PRELOAD": str(init.with_name("preload.so"))}
    done = subprocess.run([sys.executable, "-c", TALK], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]
