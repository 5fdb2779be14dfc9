# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the driver: set up, load, stop, summary."""

from __future__ import annotations

import asyncio
import csv
import gc
import itertools
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..load.gaps import GapMeter
from ..load.pings import Pings
from ..load.program import milliseconds, until_signal
from ..sbi.client import Connection, SbiError
from ..settings import GTPU_PORT
from .session import Session
from .signalling import Signalling

ANSWER_S = 5.0
PROGRESS_S = 1.0
CONNECT_RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    smf: str
    upf: str
    address: str
    out: Path
    sessions: int
    rate: float
    connections: int
    churn: float
    ping_interval_s: float
    ping_target: str
    duration_s: float | None
    setup_timeout_s: float
    gtpu_port: int = GTPU_PORT
    upf_port: int = GTPU_PORT


class Driver:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._wall = time.time() - self._loop.time()
        self._connections: list[Connection] = []
        self._started = self._stopped = 0.0
        sessions = [Session(index, options.address) for index in range(options.sessions)]
        self._signalling = Signalling(self._connections, sessions, options.rate, options.churn)
        turns = itertools.cycle(sessions[: (len(sessions) + 1) // 2])
        self._pings = Pings(lambda: next(turns), options.ping_target, options.ping_interval_s, options.upf_port)

    async def run(self, until: asyncio.Task[None]) -> dict[str, Any]:
        """Run until `until` is done or the duration is over; write and return the summary."""
        for suffix in ("", ".ready", ".progress", ".requests.csv"):
            self._file(suffix).unlink(missing_ok=True)
        await self._connect()
        await self._signalling.set_up(self._options.setup_timeout_s)
        await self._pings.start(self._options.address, self._options.gtpu_port)
        # The collector's pauses would be taken for gaps; what is made from here on is freed by reference counts.
        gc.collect()
        gc.freeze()
        gc.disable()
        self._started = self._loop.time()
        tasks = [
            asyncio.create_task(self._signalling.load()),
            asyncio.create_task(self._pings.send()),
            asyncio.create_task(self._report_progress()),
        ]
        self._file(".ready").write_text(f"{self._options.sessions}\n")
        await asyncio.wait([until, *tasks], timeout=self._options.duration_s, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        # A task of the load that ended by itself has an exception to tell.
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        self._stopped = self._loop.time()
        return await self._finish()

    async def _connect(self) -> None:
        url = urlsplit(self._options.smf)
        deadline = self._loop.time() + self._options.setup_timeout_s
        while len(self._connections) < self._options.connections:
            try:
                connection = await Connection.open(url.hostname or "", url.port or 80, "AMF", self._options.address)
            except SbiError:
                if self._loop.time() > deadline:
                    raise
                await asyncio.sleep(CONNECT_RETRY_S)
            else:
                self._connections.append(connection)

    async def _finish(self) -> dict[str, Any]:
        unanswered, _ = await asyncio.gather(self._signalling.finish(ANSWER_S), self._pings.finish(ANSWER_S))
        summary = self._summary(unanswered)
        self._write_records()
        temporary = self._file(".new")
        temporary.write_text(json.dumps(summary, indent=2) + "\n")
        os.replace(temporary, self._options.out)
        for connection in self._connections:
            connection.close()
        self._pings.stop()
        return summary

    def _summary(self, unanswered: int) -> dict[str, Any]:
        log, pings = self._signalling.log, self._pings
        duration = self._stopped - self._started
        return {
            "requests": {
                "answered": log.answered,
                "failed": log.failed,
                "duplicated": log.duplicated,
                "unanswered": unanswered,
                "rate": round(self._signalling.load_answered / duration, 2) if duration > 0 else 0,
                "latency_ms": log.latencies_ms(),
                "failures": log.failures,
                "setup_retries": self._signalling.setup_retries,
            },
            "service_gap_ms": milliseconds(self._signalling.gaps.longest.length),
            "driver_lag_ms": log.schedule_lag_ms(),
            "pings": {
                "sent": pings.sent,
                "answered": pings.answered,
                "lost": pings.sent - pings.answered,
                "duplicated": pings.duplicated,
                "error_indications": pings.error_indications,
                "longest_gap_ms": milliseconds(pings.gaps.longest.length),
            },
            "tcp_connections": {
                "opened": len(self._connections),
                "kept": sum(not connection.lost for connection in self._connections),
            },
            "sessions": {
                "created": self._signalling.created,
                "active": sum(session.active for session in self._signalling.sessions),
            },
            "first_ts": round(self._wall + self._started, 6),
            "last_ts": round(self._wall + self._stopped, 6),
            "gaps": self._gaps(self._signalling.gaps),
            "ping_gaps": self._gaps(pings.gaps),
        }

    def _gaps(self, meter: GapMeter) -> list[dict[str, float]]:
        return [{"start_ts": round(self._wall + gap.start, 6), "ms": milliseconds(gap.length)} for gap in meter.noted]

    async def _report_progress(self) -> None:
        with self._file(".progress").open("a", buffering=1) as progress:
            while True:
                pings, log = self._pings, self._signalling.log
                line = {
                    "ts": round(time.time(), 3),
                    "answered": log.answered,
                    "failed": log.failed,
                    "outstanding": self._signalling.gaps.outstanding,
                    "service_gap_ms": milliseconds(self._signalling.gaps.longest.length),
                    "pings_sent": pings.sent,
                    "pings_answered": pings.answered,
                }
                progress.write(json.dumps(line) + "\n")
                await asyncio.sleep(PROGRESS_S)

    def _write_records(self) -> None:
        with self._file(".requests.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("due_ts", "sent_ts", "answered_ts", "operation", "status", "session", "connection"))
            for due, sent, answered, *rest in self._signalling.log.records:
                times = [f"{self._wall + value:.6f}" if value is not None else "" for value in (due, sent, answered)]
                writer.writerow((*times, *rest))

    def _file(self, suffix: str) -> Path:
        return self._options.out.with_name(self._options.out.name + suffix)


async def run(options: Options) -> dict[str, Any]:
    """Run a driver until SIGTERM or SIGINT."""
    return await until_signal(Driver(options).run)
