# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1 of a namespace host: reaps every orphan and keeps the host's services running.

The lab copies this file into the host, where it runs by itself: only the standard library here.
Usage: host_init.py SERVICES.json LOGS PIDS. The file is a list of {"name": str, "command": [str], "after": socket or
null}; "after" is the path of a Unix socket that has to listen before. Each service's output goes to LOGS/NAME.log, its
PID is in PIDS/NAME.pid while it runs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

RESTART_DELAY_S = 1.0
POLL_S = 0.02
STOP_TIMEOUT_S = 10.0


class Service:
    """One supervised service."""

    def __init__(self, logs: str, pids: str, name: str, command: list[str], after: str | None = None) -> None:
        self._log = f"{logs}/{name}.log"
        self._pid_file = Path(pids, f"{name}.pid")
        self._command = command
        self._after = after
        self.pid = 0
        self._not_before = 0.0

    def startable(self) -> bool:
        """Not running, not ended a moment ago, and what it needs is listening."""
        if self.pid or time.monotonic() < self._not_before:
            return False
        if self._after is None:
            return True
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self._after) == 0

    def start(self) -> None:
        """Start it in a session of its own; Python makes it ignore two signals, nohup(1) one, and & of a shell two."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.pid = os.posix_spawnp(
            self._command[0],
            self._command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, self._log, flags, 0o640), (os.POSIX_SPAWN_DUP2, 1, 2)],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ],
        )
        self._pid_file.write_text(f"{self.pid}\n", encoding="ascii")

    def ended(self) -> None:
        """Note the end; it is started again, but not in a tight loop."""
        self.pid = 0
        self._pid_file.unlink(missing_ok=True)
        self._not_before = time.monotonic() + RESTART_DELAY_S


class Init:
    """The loop of PID 1. All signals are blocked and taken one by one, so that nothing interrupts anything."""

    SIGNALS = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})

    def __init__(self, services: list[Service]) -> None:
        self._services = services

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop the services, last one first."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self.SIGNALS)
        while True:
            for service in self._services:
                if service.startable():
                    service.start()
            pending = any(not service.pid for service in self._services)
            received = signal.sigtimedwait(self.SIGNALS, POLL_S) if pending else signal.sigwaitinfo(self.SIGNALS)
            self._reap()
            if received and received.si_signo != signal.SIGCHLD:
                break
        for service in reversed(self._services):
            self._stop(service)

    def _reap(self) -> None:
        while True:
            try:
                pid, _status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for service in self._services:
                if service.pid == pid:
                    service.ended()

    def _stop(self, service: Service) -> None:
        deadline = time.monotonic() + STOP_TIMEOUT_S
        if service.pid:
            os.kill(service.pid, signal.SIGTERM)
        while service.pid and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, deadline - time.monotonic())
            self._reap()


def main(path: str, logs: str, pids: str) -> None:
    """Read the services and serve."""
    os.makedirs(pids, exist_ok=True)
    entries: list[dict[str, Any]] = json.loads(Path(path).read_text(encoding="utf-8"))
    Init([Service(logs, pids, **entry) for entry in entries]).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
