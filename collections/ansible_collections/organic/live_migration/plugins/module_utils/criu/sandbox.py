# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces like those of a container, without an engine, with the resident init as PID 1."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from .. import paths
from ..errors import MigrationError
from ..host import commands, libc

_CLONE_NEWNS = 0x00020000
_CLONE_NEWIPC = 0x08000000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def bind(source: str, target: str) -> None:
    """Bind-mount source at target; see mount(2)."""
    _check(_libc.mount(source.encode(), target.encode(), None, _MS_BIND, None), f"bind {source} to {target}")


def leave_mount_namespace(further: int = 0) -> None:
    """Give this process a mount namespace of its own, and ``further`` namespaces; see unshare(2)."""
    _check(_libc.unshare(_CLONE_NEWNS | further), "unshare")
    _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "make / private")


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def until(condition: Callable[[], bool], what: str, timeout_s: float = 10) -> None:
    """Wait until the condition holds.

    Raises:
        MigrationError: it does not within the time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise MigrationError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(0.001)


class Sandbox:
    """``init ARGUMENTS...`` as PID 1 of mount, network, IPC and PID namespaces of its own.

    Args:
        directory: where this sandbox keeps its private /run and its await files; on a tmpfs.
        arguments: of the resident init.
    """

    def __init__(self, directory: Path, arguments: list[str]) -> None:
        self._run = directory / "run"
        self.awaits = directory / "await"
        for path in (directory, self._run, self.awaits):
            path.mkdir(exist_ok=True)
        self._arguments = arguments

    def __enter__(self) -> Sandbox:
        command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", paths.INIT, *self._arguments]
        commands.log(command)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=self._furnish,
        )
        self.pid = 0
        until(self._started, "The resident init starts in a sandbox")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def _furnish(self) -> None:
        leave_mount_namespace(libc.CLONE_NEWNET | _CLONE_NEWIPC)
        Path(self._run, "criu.kdat").touch()
        bind(str(self._run), "/run")
        bind(paths.KERNDAT, paths.KERNDAT_IN_CONTAINER)
        bind(str(self.awaits), paths.AWAIT)
        _loopback_up()

    def _started(self) -> bool:
        if self._process.poll() is not None:
            said = self._process.communicate()[1]
            raise MigrationError(f"The resident init does not start: {said.decode(errors='replace').strip()}")
        for pid in children(self._process.pid):
            if Path(f"/proc/{pid}/comm").read_text().startswith("resident-"):
                self.pid = pid
        return self.pid != 0

    @property
    def state(self) -> str:
        """The init's state: run, await or left."""
        return Path(f"/proc/{self.pid}/comm").read_text().strip()[len("resident-") :]

    @property
    def main_child(self) -> int:
        """PID, on the host, of the only child of the init; 0 without one."""
        return next(iter(children(self.pid)), 0)

    def enter(self, command: list[str], stdin: str = "", descriptors: tuple[int, ...] = ()) -> tuple[int, str]:
        """Run a program inside; returns its exit status and its error output."""
        full = ["nsenter", "-t", str(self.pid), "-m", "-n", "-i", "-p", *command]
        commands.log(full)
        done = subprocess.run(
            full, input=stdin.encode(), pass_fds=descriptors, capture_output=True, timeout=60, check=False
        )
        return done.returncode, done.stderr.decode(errors="replace").strip()

    def order(self, number: int, value: int = 0) -> None:
        """Queue a signal for the init."""
        libc.sigqueue(self.pid, number, value)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def exit_status(self, timeout_s: float = 10) -> int:
        """Await the end of the init."""
        try:
            return self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise MigrationError(f"The resident init did not end within {timeout_s:.0f} s") from None


def children(pid: int) -> list[int]:
    """Children of a process's main thread; none when it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def pid_inside(pid: int) -> int:
    """A process's PID in its own PID namespace."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise MigrationError(f"/proc/{pid}/status has no NSpid")
