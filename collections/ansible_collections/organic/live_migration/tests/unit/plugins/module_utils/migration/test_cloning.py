# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes that cannot have a clone beside them, or may part from it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.migration import cloning

NO_MOUNTS: Any = SimpleNamespace(mounts=())
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs CAP_NET_RAW")


def codes(pid: int, spec: Any = NO_MOUNTS, shared: tuple[str, ...] = ()) -> list[str]:
    return sorted(blocker.code for blocker in cloning.blockers([pid], spec, list(shared)))


def test_a_process_that_sleeps_between_its_packets_can_be_cloned(spawn: Any) -> None:
    pid = spawn.python("import socket; s = socket.create_server(('127.0.0.1', 0))").pid
    assert codes(pid) == []
    assert cloning.doubts([pid]) == []


@needs_root
def test_a_socket_that_is_bound_to_a_device_is_named_with_it(spawn: Any) -> None:
    pid = spawn.python("import socket; s = socket.socket(); s.setsockopt(1, 25, b'lo')").pid
    [blocker] = cloning.blockers([pid], NO_MOUNTS, [])
    assert blocker.code == "clone_bound_to_device"
    assert "the device lo" in blocker.message


@needs_root
def test_a_unix_socket_to_the_outside_is_named(spawn: Any, tmp_path: Path) -> None:
    pair = "import socket; s, t = socket.socketpair()"
    assert codes(spawn.python(pair).pid) == [], "both ends are the process's own"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "outside"))
        server.listen()
        connects = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(tmp_path / 'outside')!r})"
        process = spawn.python(connects)
        accepted, _peer = server.accept()
        with accepted:
            assert codes(process.pid) == ["clone_unix_socket"]


@needs_root
def test_raw_sockets_are_not_mirrored(spawn: Any) -> None:
    pid = spawn.python("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)").pid
    assert codes(pid) == ["clone_raw_socket"]


def test_a_thread_that_never_sleeps_is_named(spawn: Any) -> None:
    source = "import threading; threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()"
    pid = spawn.python(source).pid
    found = {blocker.code: blocker.message for blocker in cloning.blockers([pid], NO_MOUNTS, [])}
    assert f"of process {pid} " in found["clone_never_sleeps"]


def test_a_thread_that_waits_for_a_processor_is_no_busy_one(spawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state is that of one that runs, as here in place of a machine with too much load; it gets no time."""
    monkeypatch.setattr(cloning, "_runs", lambda _pid, _thread: True)
    monkeypatch.setattr(cloning, "_LONGEST_LOOK_S", 0.3)
    assert codes(spawn.python("pass").pid) == []


def test_a_volume_that_both_hosts_see_would_be_written_by_both(spawn: Any) -> None:
    pid = spawn.python("pass").pid

    def mount(destination: str, writable: bool = True, kind: str = "volume") -> Any:
        return SimpleNamespace(destination=destination, writable=writable, kind=kind)

    spec: Any = SimpleNamespace(
        mounts=(mount("/data"), mount("/read", writable=False), mount("/tmp", kind="tmpfs"), mount("/own"))
    )
    assert codes(pid, spec, ("/data", "/read", "/tmp")) == ["clone_volume"]


def test_several_threads_are_a_doubt(spawn: Any) -> None:
    pid = spawn.python(
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    ).pid
    assert codes(pid) == []
    [doubt] = cloning.doubts([pid])
    assert doubt.startswith("The process has 2 threads.")
