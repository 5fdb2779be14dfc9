# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the driver: gNBs up, UEs registered, load, stop, summary."""

from __future__ import annotations

import asyncio
import csv
import gc
import itertools
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

from .. import ip
from ..load.gaps import GapMeter
from ..load.pings import Bearer, Pings
from ..load.program import milliseconds, until_signal
from ..n2 import N2_PORT
from ..n2.gnb_link import N2LinkError
from ..nas.qos import PduSessionType
from ..ngap.values import FiveGSTmsi, Snssai
from ..security.milenage import Milenage
from ..settings import GTPU_PORT
from .connection import Network
from .hosts import DEFAULT_TARGETS, Hosts
from .load import DEFAULT_MIX, Load, Mix
from .probes import N2Probe, SbiProbe
from .procedures import Procedures
from .session import UeSession, index_of
from .station import Gnb, GnbError
from .statistics import ProcedureLog
from .summary import summarise
from .ue import Counters, Ue
from .usim import Usim

ANSWER_S = 5.0
PROGRESS_S = 1.0
CONNECT_RETRY_S = 0.5
NOTED_S = 0.020


@dataclass(frozen=True, slots=True)
class Options:
    n2: str
    address: str
    out: Path
    transport: Literal["sctp", "tcp"] = "sctp"
    upf: str = ""
    plmn: str = "00101"
    tac: int = 1
    slice: Snssai = field(default_factory=lambda: Snssai(1))
    dnn: str = "internet"
    gnbs: int = 2
    ues: int = 10
    first_supi: str = ""
    k: bytes = b""
    opc: bytes = b""
    rate: float = 20.0
    procedures_rate: float = 20.0
    mix: Mapping[str, float] = field(default_factory=lambda: DEFAULT_MIX)
    pinging_share: float = 0.25
    idle_share: float = 0.25
    ping_interval_s: float = 0.005
    ping_target: str = ""
    """Empty: the one of the session type."""
    ethernet_network: IPv4Network = field(default_factory=lambda: IPv4Network("10.46.0.0/16"))
    """Addresses behind the TAP; the UEs of Ethernet sessions have the last ones."""
    sessions_per_ue: int = 1
    session_type: PduSessionType = PduSessionType.IPV4
    probes: Mapping[str, str] = field(default_factory=dict)
    probe_interval_s: float = 0.005
    duration_s: float | None = None
    setup_timeout_s: float = 60.0
    procedure_timeout_s: float = 10.0
    deregister: bool = False
    n2_port: int = N2_PORT
    gtpu_port: int = GTPU_PORT
    upf_port: int = GTPU_PORT


class Driver:
    def __init__(self, options: Options) -> None:
        self.options = options
        self._loop = asyncio.get_running_loop()
        self.wall = time.time() - self._loop.time()
        self.started = self.stopped = self.cpu_share = 0.0
        self.lost_associations = 0
        self._reconnections: set[asyncio.Task[None]] = set()
        self.counters = Counters()
        self.log = ProcedureLog()
        network = Network(options.plmn, options.tac, options.slice, options.dnn)
        self.gnbs = [Gnb(number, network, options.address, self._find_tmsi) for number in range(options.gnbs)]
        milenage = Milenage(options.k, options.opc)
        first = int((options.first_supi or f"imsi-{options.plmn}{1:0{15 - len(options.plmn)}d}").removeprefix("imsi-"))
        self.ues = [
            Ue(i, f"imsi-{first + i:015d}", network, Usim(milenage), self.gnbs[i % options.gnbs], self.counters)
            for i in range(options.ues)
        ]
        pinging = max(1, round(options.ues * options.pinging_share)) if options.sessions_per_ue else 0
        idle = round((options.ues - pinging) * options.idle_share)
        self._turns = itertools.cycle(self.ues[:pinging] or [None])
        self._pinging = pinging
        target = options.ping_target or DEFAULT_TARGETS[options.session_type]
        self.pings = Pings(self._next_bearer, target, options.ping_interval_s, options.upf_port)
        self.pings.read = self._read
        self.pings.on_downlink = self._on_downlink
        hosts = Hosts(options.session_type, target, options.ethernet_network) if options.sessions_per_ue else None
        self.procedures = Procedures(
            self.log, self.gnbs, self.pings, self._caller, hosts, options.upf, options.procedure_timeout_s
        )
        for ue in self.ues:
            ue.on_paged = self.procedures.answer_paging
        self.n2_probe = N2Probe(options.probe_interval_s, self.gnbs[0].probe)
        self.sbi_probes = [
            SbiProbe(name, url, options.probe_interval_s, options.address) for name, url in options.probes.items()
        ]
        self.gnbs[0].on_probe = self.n2_probe.on_answer
        rate = options.procedures_rate
        interval_s = 1 / rate if rate > 0 else 1.0
        self.load = Load(
            self.ues,
            self.procedures,
            Mix(options.mix),
            rate,
            GapMeter(interval_s, max(NOTED_S, 2 * interval_s)),
            pinging=pinging,
            idle=idle,
            with_session=hosts is not None,
        )

    async def run(self, until: asyncio.Task[None]) -> dict[str, Any]:
        """Run until `until` is done or the duration is over; write and return the summary."""
        for suffix in ("", ".ready", ".progress", ".procedures.csv"):
            self._file(suffix).unlink(missing_ok=True)
        try:
            await self._connect()
            await self.pings.start(self.options.address, self.options.gtpu_port)
            await self.load.set_up(self.options.rate, self.options.setup_timeout_s)
            for probe in self.sbi_probes:
                await probe.start(self.options.setup_timeout_s)
            return await self._run_load(until)
        finally:
            for task in self._reconnections:
                task.cancel()
            self.pings.stop()
            for gnb in self.gnbs:
                await gnb.stop()

    async def _connect(self) -> None:
        deadline = self._loop.time() + self.options.setup_timeout_s
        for gnb in self.gnbs:
            await self._connect_one(gnb, deadline)
        for gnb in self.gnbs:
            gnb.on_lost = partial(self._on_lost, gnb)

    async def _connect_one(self, gnb: Gnb, deadline: float) -> None:
        options = self.options
        while True:
            try:
                await gnb.start(options.transport, options.n2, options.n2_port, options.address)
            except (GnbError, N2LinkError):
                if self._loop.time() > deadline:
                    raise
                await asyncio.sleep(CONNECT_RETRY_S)
            else:
                return

    def _on_lost(self, gnb: Gnb) -> None:
        self.lost_associations += 1
        if gnb is self.gnbs[0]:
            self.n2_probe.lost()
        task = self._loop.create_task(self._reconnect(gnb))
        self._reconnections.add(task)
        task.add_done_callback(self._reconnections.discard)

    async def _reconnect(self, gnb: Gnb) -> None:
        await self._connect_one(gnb, math.inf)
        self.load.reconnect()

    async def _run_load(self, until: asyncio.Task[None]) -> dict[str, Any]:
        # The collector's pauses would be taken for gaps; what is made from here on is freed by reference counts.
        gc.collect()
        gc.freeze()
        gc.disable()
        self.started, cpu_s = self._loop.time(), time.process_time()
        coroutines = [self.load.run(), self.n2_probe.run(), self._report_progress()]
        coroutines += [probe.run() for probe in self.sbi_probes]
        if self._pinging:
            coroutines.append(self.pings.send())
        tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
        self._file(".ready").write_text(f"{self.options.ues}\n")
        await asyncio.wait([until, *tasks], timeout=self.options.duration_s, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        # A task of the load that ended by itself has an exception to tell.
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        self.stopped = self._loop.time()
        self.cpu_share = (time.process_time() - cpu_s) / (self.stopped - self.started)
        return await self._finish()

    async def _finish(self) -> dict[str, Any]:
        unfinished, *_ = await asyncio.gather(
            self.load.finish(self.options.procedure_timeout_s),
            asyncio.gather(
                self.pings.finish(ANSWER_S),
                self.n2_probe.finish(ANSWER_S),
                *(probe.finish(ANSWER_S) for probe in self.sbi_probes),
            ),
        )
        summary = summarise(self, unfinished)
        if self.options.deregister:
            await self.load.deregister()
        self._write_records()
        temporary = self._file(".new")
        temporary.write_text(json.dumps(summary, indent=2) + "\n")
        os.replace(temporary, self.options.out)
        return summary

    async def _report_progress(self) -> None:
        with self._file(".progress").open("a", buffering=1) as progress:
            while True:
                line = {
                    "ts": round(time.time(), 3),
                    "procedures": len(self.log.records),
                    "failed": self.log.failed(),
                    "registered": sum(ue.registered for ue in self.ues),
                    "connected": sum(ue.connection is not None for ue in self.ues),
                    "outstanding": self.load.gaps.outstanding,
                    "n2_gap_ms": milliseconds(self.n2_probe.gaps.longest.length),
                    "n3_gap_ms": milliseconds(self.pings.gaps.longest.length),
                    "pings_sent": self.pings.sent,
                    "pings_answered": self.pings.answered,
                }
                progress.write(json.dumps(line) + "\n")
                await asyncio.sleep(PROGRESS_S)

    def _write_records(self) -> None:
        with self._file(".procedures.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("due_ts", "began_ts", "ended_ts", "procedure", "failure", "ue"))
            for due, began, ended, *rest in self.log.records:
                writer.writerow((*(f"{self.wall + value:.6f}" for value in (due, began, ended)), *rest))

    def _file(self, suffix: str) -> Path:
        return self.options.out.with_name(self.options.out.name + suffix)

    def _next_bearer(self) -> Bearer | None:
        ue = self._caller()
        return ue.session if ue is not None else None

    def _caller(self) -> Ue | None:
        """The next of the pinging UEs whose user plane is up."""
        for _ in range(self._pinging):
            ue = next(self._turns)
            if ue is not None and ue.session is not None and ue.session.active and ue.session.host.is_ready:
                return ue
        return None

    def _read(self, teid: int, packet: bytes) -> ip.Echo | None:
        """What the host of a UE makes of a packet: its configuration, an ARP request that it answers, or an echo."""
        index = index_of(teid)
        ue = self.ues[index] if 0 <= index < len(self.ues) else None
        if ue is None or ue.session is None:
            return None
        session, was_ready = ue.session, ue.session.host.is_ready
        echo = session.host.receive(packet, partial(self._answer, session))
        if session.host.is_ready and not was_ready:
            ue.changed()
        return echo

    def _answer(self, session: UeSession, packet: bytes) -> None:
        # A UE that has become idle cannot answer.
        if session.active:
            self.pings.send_packet(session, packet)

    def _on_downlink(self, teid: int, echo: ip.Echo) -> None:
        index = index_of(teid)
        if 0 <= index < len(self.ues):
            ue = self.ues[index]
            # A packet for a UE that has become idle ends at the gNB: the UE does not get it.
            if ue.session is not None and ue.session.active and ue.session.ue_address == echo.destination:
                ue.downlink_data()

    def _find_tmsi(self, tmsi: FiveGSTmsi) -> Ue | None:
        """The idle UE that a paging means. One is paged a few times a second: a search is cheaper than an index."""
        for ue in self.ues:
            guti = ue.guti
            if guti is not None and guti.tmsi == tmsi.tmsi and guti.amf_set == tmsi.set_id:
                return ue
        return None


async def run(options: Options) -> dict[str, Any]:
    """Run a driver until SIGTERM or SIGINT."""
    return await until_signal(Driver(options).run)
