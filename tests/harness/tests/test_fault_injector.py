# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.fault_injector import TracedCriu, has_dumped_memory

DUMP = """
import pathlib, socket, sys, time
theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
ours.send(b"answer")
ours.send(b"answer")
sys.stdin.readline()
theirs.recv(1, socket.MSG_PEEK | socket.MSG_TRUNC)
pathlib.Path(sys.argv[1], "mm-7.img").write_bytes(b"")
theirs.recv(6)
theirs.recv(1, socket.MSG_PEEK | socket.MSG_TRUNC)
"""
"""As CRIU does: it looks for an answer, writes images, and looks for the next answer."""


@pytest.mark.skipif(os.geteuid() != 0, reason="it traces another process")
def test_criu_is_stopped_where_it_asks_after_its_images(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-ISc", DUMP, str(tmp_path)], stdin=subprocess.PIPE) as program:
        criu = TracedCriu(program.pid)
        assert program.stdin is not None
        program.stdin.write(b"\n")
        program.stdin.flush()
        assert criu.run_until(criu.asks)
        assert not has_dumped_memory(tmp_path)
        assert criu.run_until(lambda _call: has_dumped_memory(tmp_path))
        assert criu.run_until(criu.asks)
        program.kill()
