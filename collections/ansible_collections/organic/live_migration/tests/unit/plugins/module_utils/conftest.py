# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several tests share: processes, network namespaces and a directory for records of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths

DEADLINE_S = 20.0


@pytest.fixture
def until() -> Callable[[Callable[[], object], str], None]:
    """Await a condition."""

    def wait(condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"not within {DEADLINE_S:.0f} s: {what}"
            time.sleep(0.002)

    return wait


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the migration records, an empty one."""
    monkeypatch.setattr(paths, "STATE", tmp_path / "organic")
    return paths.journals()


class Processes:
    """Starts Python programs and knows when they are ready; all have ended when the test does."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def python(self, source: str, *arguments: str) -> subprocess.Popen[str]:
        """Run Python source that prints a line when it is ready, and then lives until it is killed."""
        program = f"import os, signal, sys\n{source}\nprint('ready', flush=True)\nsignal.pause()\n"
        return self.start([sys.executable, "-ISc", program, *arguments])

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._stack.callback(self._end, process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()


@pytest.fixture
def spawn() -> Iterator[Processes]:
    with ExitStack() as stack:
        yield Processes(stack)


@pytest.fixture
def as_root() -> None:
    if os.geteuid():
        pytest.skip("namespaces and cgroups need root")


@dataclass(frozen=True)
class Wire:
    """Two network namespaces and a cable: process ``here`` has interface nf0, ``there`` has peer0."""

    here: int
    there: int
    interface: str = "nf0"
    here_address: str = "192.0.2.1"
    there_address: str = "192.0.2.2"
    here_mac: str = "02:00:00:00:00:01"
    there_mac: str = "02:00:00:00:00:02"

    def inside(self, pid: int, *command: str) -> str:
        done = subprocess.run(
            ["nsenter", "--target", str(pid), "--net", *command], capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture
def wire(as_root: None, spawn: Processes) -> Wire:
    program = "import signal; print('ready', flush=True); signal.pause()"
    command = ["unshare", "--net", sys.executable, "-ISc", program]
    ends = Wire(spawn.start(command).pid, spawn.start(command).pid)
    ends.inside(
        ends.here, "ip", "link", "add", "nf0", "address", ends.here_mac, "type", "veth",
        "peer", "name", "peer0", "address", ends.there_mac, "netns", str(ends.there),
    )  # fmt: skip
    for pid, name, address in ((ends.here, "nf0", ends.here_address), (ends.there, "peer0", ends.there_address)):
        ends.inside(pid, "ip", "address", "add", f"{address}/24", "dev", name)
        ends.inside(pid, "ip", "link", "set", name, "up")
    return ends
