# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All NFs of the core in one process, with real HTTP/2, NGAP, PFCP and GTP-U between them, and the gNB driver."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from minicore.amf.app import Amf
from minicore.ausf.app import Ausf
from minicore.gnb.driver import Driver, Options
from minicore.nf import NetworkFunction
from minicore.nrf.app import Nrf
from minicore.nssf.app import Nssf
from minicore.pcf.app import Pcf
from minicore.scp.app import Scp
from minicore.settings import Environment, Settings
from minicore.smf.app import Smf
from minicore.udm.app import Udm
from minicore.udr.app import Udr

K, OPC = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf"
GNB = "127.0.0.50"

N = TypeVar("N", bound=NetworkFunction)


@dataclass
class WholeCore:
    """`upf` is the LoopbackUpf of conftest.py, at 127.0.0.1 as its N3; the other NFs have an address each."""

    nrf: Nrf
    nrf_port: int
    upf: Any
    gnb_port: int
    variables: dict[str, str]
    upfs: list[Any] = field(default_factory=list)
    """Where the SMF looks for UPFs."""
    nfs: dict[type[NetworkFunction], NetworkFunction] = field(default_factory=dict)

    def __getitem__(self, kind: type[N]) -> N:
        nf = self.nfs[kind]
        assert isinstance(nf, kind)
        return nf

    async def start(self, kind: type[N], **more: Any) -> N:
        """Start an NF, at an address that belongs to its kind."""
        number = 11 + len(self.nfs) if kind not in self.nfs else 11 + list(self.nfs).index(kind)
        given = {
            "MINICORE_NRF": f"http://127.0.0.1:{self.nrf_port}",
            **self.variables,
            "MINICORE_ADDRESS": f"127.0.0.{number}",
            "MINICORE_N2_PORT": "0",
        }
        nf = kind(Settings.from_environment(given), Environment(given), sbi_port=0, **more)
        self.nfs[kind] = nf
        await nf.start()
        return nf

    async def provision(self, count: int) -> None:
        block = {"first": "imsi-001010000000001", "count": count, "k": K, "opc": OPC, "sqn": 0}
        amf, udr = self[Amf], self[Udr]
        answer = await amf.producers.request_at(udr.root, "POST", "/minicore/v1/subscribers", {"range": block})
        answer.require(200)

    def options(self, out: Path, **changes: Any) -> Options:
        values: dict[str, Any] = {
            "n2": self[Amf].settings.address,
            "n2_port": self[Amf].n2_port,
            "address": GNB,
            "out": out,
            "transport": "tcp",
            "upf": "127.0.0.1",
            "k": bytes.fromhex(K),
            "opc": bytes.fromhex(OPC),
            "gtpu_port": self.gnb_port,
            "upf_port": self.upf.n3_port,
            # All NFs share one process, and that a busy machine: little load, and patience.
            "ping_interval_s": 0.05,
            "probe_interval_s": 0.05,
            "setup_timeout_s": 60.0,
            "procedure_timeout_s": 20.0,
        }
        return Options(**(values | changes))

    @contextlib.asynccontextmanager
    async def load(self, out: Path, **changes: Any) -> AsyncIterator[tuple[Driver, dict[str, Any]]]:
        """A driver whose UEs are registered and under load; afterwards the dict is its summary."""
        ready = out.with_name(out.name + ".ready")
        ready.unlink(missing_ok=True)
        driver = Driver(self.options(out, **changes))
        summary: dict[str, Any] = {}
        stop = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(driver.run(stop))
        try:
            while not ready.exists():
                await asyncio.wait([task], timeout=0.01)
                if task.done():
                    await task
            yield driver, summary
            stop.set_result(None)
            summary.update(await task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # The driver does without the collector, which is right for a process of its own.
            gc.unfreeze()
            gc.enable()


@contextlib.asynccontextmanager
async def whole_core(upf: Any, gnb_port: int, scp: bool = False, **variables: str) -> AsyncIterator[WholeCore]:
    """Start every NF and wait until all are registered and the SMF has its association."""
    nrf_settings = Settings.from_environment({"MINICORE_ADDRESS": "127.0.0.1"})
    nrf = Nrf(nrf_settings, port=0)
    core = WholeCore(nrf, await nrf.start(), upf, gnb_port, {f"MINICORE_{k}": v for k, v in variables.items()})
    await upf.start()
    try:
        if scp:
            core.variables["MINICORE_SCP"] = (await core.start(Scp)).root
        for kind in (Udr, Udm, Ausf, Pcf, Nssf, Amf):
            await core.start(kind)
        core.upfs.append(upf.n4_address)
        await core.start(Smf, upf=core.upfs, pfcp_port=0)
        async with asyncio.timeout(10):
            while not (
                all(nf.full_state()["nrf_registered"] for nf in core.nfs.values())
                and any(peer["up"] for peer in core[Smf].state()["pfcp"])
            ):
                await asyncio.sleep(0.002)
        yield core
    finally:
        for nf in reversed(core.nfs.values()):
            await nf.stop()
        upf.stop()
        await nrf.stop()
