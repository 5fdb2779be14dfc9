# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a plain socket carries memory from one host to another: the reference for a migration's own transfer."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from tests.harness.hosts import Host

PROGRAM = "/run/organic-benchmark/raw"
PORT = 7999


@dataclass(frozen=True)
class RawRate:
    """Bytes a second over one TCP connection, as the receiver sees it."""

    # Received into one buffer again and again.
    socket: float
    # Received into memory that is kept, as whoever moves a process must.
    kept: float


class RawSocket:
    """The plain sender and receiver on two hosts."""

    def __init__(self, source: Host, target: Host, program: bytes) -> None:
        self._source, self._target, self._program = source, target, program

    def prepare(self) -> None:
        for host in (self._source, self._target):
            host.put(self._program, PROGRAM, 0o755)

    def rate(self, memory_mb: int) -> RawRate:
        return RawRate(socket=self._transfer("receive", memory_mb), kept=self._transfer("keep", memory_mb))

    def _transfer(self, receiver: str, memory_mb: int) -> float:
        options = f"--address {self._target.address} --port {PORT} --memory-mb {memory_mb}"
        with subprocess.Popen(
            self._target.command(f"exec {PROGRAM} {receiver} {options}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout
            try:
                process.stdout.readline()  # "listening"
                self._source.run(f"{PROGRAM} send {options}")
                return (memory_mb << 20) / (int(process.stdout.readline()) / 1e9)
            except BaseException:
                # It accepts for half a minute at most, then ends by itself on its host.
                process.kill()
                raise
