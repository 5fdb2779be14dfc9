# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1, run as a program; as it is not really PID 1 here, it is made the reaper of its descendants."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.organic.lab.plugins.module_utils import host_init

# prctl(PR_SET_CHILD_SUBREAPER, 1), then the program.
REAPER = f"""
import ctypes, runpy
ctypes.CDLL(None).prctl(36, 1)
runpy.run_path({host_init.__file__!r}, run_name="__main__")
"""


def eventually(condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    """Await a condition, at most for timeout_s seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Running:
    """An init with services that are shell scripts."""

    def __init__(self, directory: Path, services: dict[str, tuple[str, str | None]]) -> None:
        self.directory = directory
        entries = [
            {"name": name, "command": ["sh", "-c", f"cd {directory}; {script}"], "after": after}
            for name, (script, after) in services.items()
        ]
        (directory / "services.json").write_text(json.dumps(entries), encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-c", REAPER, str(directory / "services.json"), str(directory), str(directory)]
        )

    def lines(self, name: str) -> list[str]:
        """Lines of a file that a service wrote."""
        file = self.directory / name
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    def children(self) -> list[int]:
        """PIDs of its children."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """One long service, one that ends at once, one that leaves an orphan, one that waits for a socket."""
    return Running(
        tmp_path,
        {
            "long": ("echo start >>long; exec sleep 1000", None),
            "short": ("echo start >>short", None),
            "parent": ("(sleep 0.2; echo end >>orphan) & exec sleep 1000", None),
            "late": ("echo start >>late; exec sleep 1000", str(tmp_path / "socket")),
        },
    )


def test_life(running: Running, tmp_path: Path) -> None:
    """Starts, restarts, reaps, waits for a socket, and stops on SIGTERM."""
    try:
        assert eventually(lambda: len(running.lines("short")) >= 2)
        assert running.lines("long") == ["start"]
        assert eventually(lambda: running.lines("orphan") == ["end"])
        assert running.lines("late") == []
        assert not any(blocked_or_ignored(pid) for pid in running.children())
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "socket"))
            listener.listen()
            assert eventually(lambda: running.lines("late") == ["start"])
        assert eventually(lambda: all("\nState:\tZ" not in status(pid) for pid in running.children()))
        children = running.children()
        assert len(children) >= 3
        assert {int(line) for name in ("long", "parent", "late") for line in running.lines(f"{name}.pid")} <= {
            *children
        }
        assert len(running.lines("long.pid")) == 1
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)
        assert not list(tmp_path.glob("*.pid"))
    finally:
        running.process.kill()
        running.process.wait()


def status(pid: int) -> str:
    """/proc/PID/status, empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return ""


def blocked_or_ignored(pid: int) -> int:
    """Mask of the signals 1 to 31 that a process blocks or ignores (32 and 33 are the C library's own)."""
    fields = dict(line.split(":", 1) for line in status(pid).splitlines())
    return (int(fields.get("SigBlk", "0"), 16) | int(fields.get("SigIgn", "0"), 16)) & 0x7FFFFFFF
