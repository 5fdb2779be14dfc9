# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest container: PID, mount, IPC and network namespaces of its own, with the resident init as PID 1."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAME = "smf"
TIMEOUT_S = 10.0
# A network namespace as well: the init of a test that fails must never set the addresses of this machine.
UNSHARE = ["unshare", "--pid", "--mount", "--ipc", "--net", "--fork", "--kill-child", "--mount-proc"]
# The compiled-in path of the await files is real: it lives on a tmpfs over /opt that only this container sees.
ENTRY = """
mount -t tmpfs tmpfs /opt
mkdir -p /opt/organic/resident
mkdir /opt/organic/resident/await
mount --bind "$AWAIT_DIRECTORY" /opt/organic/resident/await
exec "$@"
"""
# Not by a shell, which may reap its background child before it ends itself.
ORPHAN = """
import os, sys
child = os.fork()
if child == 0:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.setsid()
    os.execvp("sh", ["sh", "-c", sys.argv[1]])
print(child, flush=True)
os._exit(0)
"""
_libc = ctypes.CDLL(None, use_errno=True)


def until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    """Return when condition() is true; fail when it is not within timeout_s."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.002)


def boottime() -> float:
    """Seconds of CLOCK_BOOTTIME."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def sigqueue(pid: int, number: int, value: int = 0) -> None:
    """Queue a signal with sival_int = value (sigqueue(3))."""
    if _libc.sigqueue(pid, number, ctypes.c_void_p(value & 0xFFFFFFFF)) != 0:
        raise OSError(ctypes.get_errno(), "sigqueue")


def status_field(pid: int, field: str) -> str:
    """A field of /proc/PID/status, '' when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field + ":")), "")


def children(pid: int) -> list[int]:
    """Host PIDs of the children of a process."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Container:
    """Runs `init ARGUMENTS...` as PID 1; pid is its PID on the host."""

    def __init__(
        self,
        init: Path,
        await_directory: Path,
        arguments: Sequence[str],
        *,
        entry: str = ENTRY,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        pass_fds: Sequence[int] = (),
        preexec_fn: Callable[[], None] | None = None,
    ) -> None:
        self.init = init
        self._process = subprocess.Popen(
            [*UNSHARE, "sh", "-ec", entry, "sh", str(init), *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            preexec_fn=preexec_fn,
            env={**os.environ, "AWAIT_DIRECTORY": str(await_directory)},
        )
        self._pid = 0

    def __enter__(self) -> Container:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Host PID of the init, once it has taken over from the shell that set the scene."""
        if not self._pid:
            until(lambda: any(self._comm(pid).startswith("resident-") for pid in children(self._process.pid)))
            self._pid = children(self._process.pid)[0]
        return self._pid

    @staticmethod
    def _comm(pid: int) -> str:
        return status_field(pid, "Name")

    @property
    def state(self) -> str:
        """run, await or left."""
        return self._comm(self.pid).removeprefix("resident-")

    @property
    def main_child(self) -> int:
        """Host PID of the command, once it has been started and has its own program."""
        until(lambda: children(self.pid) and not self._comm(children(self.pid)[0]).startswith(("init", "resident-")))
        return children(self.pid)[0]

    def finish(self, timeout_s: float = TIMEOUT_S) -> tuple[int, str, str]:
        """Exit status of the container, what it wrote to stdout and to stderr."""
        out, err = self._process.communicate(timeout=timeout_s)
        return self._process.returncode, (out or b"").decode(), (err or b"").decode()

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the namespaces, as `docker exec` does."""
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "-p", "-m", "-i", *command], capture_output=True, text=True, check=False
        )

    def orphan(self, script: str) -> int:
        """Start a shell script that becomes a child of the init, as a restored process does; its PID in there."""
        result = self.inside(*python(ORPHAN), script)
        assert result.returncode == 0, result.stderr
        return int(result.stdout)

    def host_pid(self, inner: int) -> int:
        """Host PID of a child of the init, by its PID inside; 0 when there is none."""
        for pid in children(self.pid):
            if status_field(pid, "NSpid").split()[-1:] == [str(inner)]:
                return pid
        return 0

    def adopt(self, inner: int) -> None:
        sigqueue(self.pid, signal.SIGRTMIN, inner)

    def depart(self) -> None:
        sigqueue(self.pid, signal.SIGRTMIN + 1)

    def pause(self) -> None:
        """Stop the init, so that what is sent next is pending all at once when it goes on."""
        os.kill(self.pid, signal.SIGSTOP)
        until(lambda: status_field(self.pid, "State").startswith("T"))

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def python(source: str) -> list[str]:
    """A command that runs Python source."""
    return [sys.executable, "-ISc", source]
