# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import undumpable

IPPROTO_SCTP, IPPROTO_MPTCP = 132, 262
IO_URING_SETUP = 425


def named(pid: int, overlay_device: int | None = None) -> list[str]:
    return [found.what for found in undumpable.undumpable(pid, overlay_device)]


def libc_has(call: Callable[[], int]) -> bool:
    descriptor = call()
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor >= 0


def io_uring() -> int:
    return int(ctypes.CDLL(None).syscall(IO_URING_SETUP, 4, ctypes.create_string_buffer(256)))


@pytest.mark.skipif(not libc_has(io_uring), reason="this kernel has no io_uring")
def test_io_uring_is_named_with_its_descriptor(spawn: Any) -> None:
    source = "import ctypes; ctypes.CDLL(None).syscall(425, 4, ctypes.create_string_buffer(256))"
    pid = spawn.python(source).pid
    assert named(pid) == [f"io_uring (descriptor 3 of process {pid})"]


def test_inotify_matters_on_an_overlay_alone(spawn: Any, tmp_path: Path) -> None:
    source = "import ctypes; c = ctypes.CDLL(None); c.inotify_add_watch(c.inotify_init1(0), sys.argv[1].encode(), 2)"
    pid = spawn.python(source, str(tmp_path)).pid
    device = os.stat(tmp_path).st_dev
    assert named(pid, device) == [f"inotify on the overlay file system (descriptor 3 of process {pid})"]
    assert named(pid, device + 1) == []
    assert named(pid) == []


def has_mptcp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_mptcp(), reason="this kernel has no MPTCP")
def test_mptcp_is_named_with_its_address(spawn: Any) -> None:
    source = "import socket; s = socket.socket(2, 1, 262); s.bind(('127.0.0.1', 0)); s.listen(); d = s.fileno()"
    pid = spawn.python(source).pid
    [found] = named(pid)
    assert found.startswith("MPTCP socket 127.0.0.1:")
    assert found.endswith(f"(descriptor 3 of process {pid})")


def test_sctp_is_named_with_its_address(spawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no SCTP (as in the lab), a TCP socket stands in, and only its protocol number is made up."""
    source = "import socket\ntry: s = socket.socket(2, 1, 132)\nexcept OSError: s = socket.socket(2, 1)\n"
    pid = spawn.python(source + "s.bind(('127.0.0.1', 0)); s.listen()").pid
    if undumpable._stream_protocol(pid, 3) != IPPROTO_SCTP:
        monkeypatch.setattr(undumpable, "_stream_protocol", lambda _pid, _descriptor: IPPROTO_SCTP)
    [found] = named(pid)
    assert found.startswith("SCTP socket 127.0.0.1:")
    assert found.endswith(f"(descriptor 3 of process {pid})")


def test_a_terminal_is_named_unless_a_process_that_moves_has_made_it(spawn: Any) -> None:
    pid = spawn.python("import pty; ours, theirs = pty.openpty(); name = os.ttyname(theirs)").pid
    assert any(found.startswith("terminal /dev/pts/") for found in named(pid))
    made = undumpable.made_terminals([pid])
    assert len(made) == 1
    assert undumpable.undumpable(pid, None, made) == []


def test_what_criu_can_dump_is_no_reason(spawn: Any) -> None:
    source = """
import mmap, select, socket, tempfile
kept = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        select.epoll(), tempfile.TemporaryFile(), *os.pipe(), *socket.socketpair(), os.eventfd(0)]
"""
    assert named(spawn.python(source).pid, os.stat("/").st_dev) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket needs root")
def test_sctp_in_user_space_is_no_reason(spawn: Any) -> None:
    """The way libusrsctp opens its sockets: raw, of protocol 132."""
    assert named(spawn.python("import socket; kept = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)").pid) == []


def test_a_process_that_has_ended_holds_nothing(spawn: Any) -> None:
    process = spawn.python("")
    process.kill()
    process.wait()
    assert named(process.pid) == []
