# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload's client on its host: one request a millisecond, and a record of every answer."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .hosts import Host, Topology

DIRECTORY = "/run/organic-client"
PROGRAM = f"{DIRECTORY}/client"
# After a long silence TCP tries again only after as long again, and at most every 120 s.
RECOVERY_S = 240


class ClientFailed(Exception):
    """The client ended early or did not see what it was to see; the message says what."""


class Client:
    """The running client; it ends when its input does."""

    def __init__(self, host: Host, process: subprocess.Popen[str]) -> None:
        self._host, self._process = host, process

    @classmethod
    def start(cls, topology: Topology, program: Path | bytes, connections: int) -> Client:
        """Starts it with so many connections.

        Args:
            topology: has the client's host and the address of the service.
            program: the client's file, or its content.
            connections: number of TCP connections that it keeps open.
        """
        topology.client.put(program if isinstance(program, bytes) else program.read_bytes(), PROGRAM, 0o755)
        options = ["--address", str(topology.address), "--port", str(topology.port), "--connections", str(connections)]
        process = subprocess.Popen(
            topology.client.command(f"exec {PROGRAM} {shlex.join(options)}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C is for us: the client goes on until its input ends.
            start_new_session=True,
        )
        client = cls(topology.client, process)
        if client._line() != "ready":
            raise client._failure("it did not become ready")
        return client

    def status(self) -> dict[str, Any]:
        """What it has seen so far."""
        assert self._process.stdin
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("it ended early") from None
        return self._report(self._line())

    def await_status(self, holds: Callable[[dict[str, Any]], bool], timeout_s: float, what: str) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while not holds(status := self.status()):
            if time.monotonic() > deadline:
                raise ClientFailed(f"{what}: not within {timeout_s:.0f} s: {status}")
            time.sleep(0.02)
        return status

    def end(self) -> dict[str, Any]:
        """Stops sending, waits for what is outstanding, has the pages verified; returns everything seen."""
        output, errors = self._process.communicate(timeout=RECOVERY_S)
        if self._process.returncode:
            raise ClientFailed(f"client: status {self._process.returncode}: {errors.strip()}")
        return self._report(output.strip())

    def close(self) -> None:
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def _report(self, line: str) -> dict[str, Any]:
        if not line:
            raise self._failure("it ended early")
        report: dict[str, Any] = json.loads(line)
        return report

    def _failure(self, what: str) -> ClientFailed:
        assert self._process.stderr
        self._process.wait(timeout=10)
        return ClientFailed(f"client on {self._host.name}: {what}: {self._process.stderr.read().strip()}")


def await_answers(client: Client) -> None:
    """Wait until the service answers again."""
    before = client.status()["answered"]
    client.await_status(lambda seen: seen["answered"] > before + 10 and seen["silent_ms"] < 50, 60, "it answers again")


def assert_nothing_lost(seen: dict[str, Any]) -> None:
    """The same process has answered every request once, over one connection, and its memory is whole.

    Args:
        seen: result of :meth:`Client.end`.
    """
    expected = {
        "failed": 0,
        "doubled": 0,
        "disordered": 0,
        "faulty_pages": 0,
        "lost_writes": 0,
        "process_kept": True,
        "verified": True,
        "tcp_connections": {"opened": 1, "kept": 1, "broken": 0},
    }
    assert {key: seen[key] for key in expected} == expected, json.dumps(seen)
