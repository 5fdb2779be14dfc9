# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gNB driver against a scripted AMF on loopback: what it counts is what happened."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from minicore.gnb.driver import Driver, Options
from minicore.gnb.load import DEFAULT_MIX

from images.minicore.tests.scripted_amf import OPC, K, ScriptedAmf

Until = Callable[..., Awaitable[None]]


@contextlib.asynccontextmanager
async def running(
    gtpu_port: int, out: Path, amf: ScriptedAmf, until: Until, **changes: Any
) -> AsyncIterator[tuple[Driver, Callable[[], Awaitable[dict[str, Any]]]]]:
    """A driver under load, and the function that stops it and gives its summary."""
    n2_port, upf_port = await amf.start()
    values: dict[str, Any] = {
        "n2": "127.0.0.1",
        "address": "127.0.0.1",
        "out": out,
        "transport": "tcp",
        "upf": "127.0.0.1",
        "ues": 8,
        "k": K,
        "opc": OPC,
        "rate": 200.0,
        "procedures_rate": 200.0,
        "procedure_timeout_s": 1.0,
        "setup_timeout_s": 5.0,
        "n2_port": n2_port,
        "gtpu_port": gtpu_port,
        "upf_port": upf_port,
    }
    stop = asyncio.get_running_loop().create_future()
    driver = Driver(Options(**(values | changes)))
    task = asyncio.create_task(driver.run(stop))

    async def end() -> dict[str, Any]:
        stop.set_result(None)
        return await task

    try:
        await until(lambda: task.done() or out.with_name(out.name + ".ready").exists())
        if task.done():
            await task
        yield driver, end
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await amf.stop()


def test_a_quiet_run(udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        out = tmp_path / "out.json"
        async with running(udp_port, out, amf, until) as (driver, end):
            await until(lambda: {*DEFAULT_MIX} <= {*driver.log.kinds()} and len(driver.log.records) > 200)
            summary = await end()
        assert summary == json.loads(out.read_text())
        procedures = summary["procedures"]
        assert {kind for kind, counts in procedures.items() if counts["failed"]} == set()
        assert {*procedures} == {*DEFAULT_MIX, "an_release", "session_release", "deregistration"}
        assert summary["failed"] == summary["unfinished"] == summary["setup_retries"] == 0
        assert summary["ues"] == {"count": 8, "registered": 8, "connected": 6, "idle": 2, "sessions": 8}
        assert summary["authentications"] == procedures["registration"]["succeeded"] > 8
        assert amf.seen.count("ServiceRequest") >= procedures["service_request"]["succeeded"]
        assert summary["pagings"] >= procedures["paging"]["succeeded"] > 0
        for counter in ("reauthentications", "count_jumps", "nas_errors", "wrong_keys", "ngap_errors"):
            assert summary[counter] == 0
        assert summary["associations"] == {"opened": 2, "kept": 2}
        assert summary["probes"]["n2"]["sent"] == summary["probes"]["n2"]["answered"] == amf.resets > 20
        assert summary["pings"]["lost"] == summary["pings"]["duplicated"] == 0
        assert summary["pings"]["sent"] > 20
        assert 0 < summary["gaps_ms"]["n2"] < 1000
        rows = list(csv.DictReader((tmp_path / "out.json.procedures.csv").open()))
        assert len(rows) == sum(counts["attempted"] for counts in procedures.values())
        assert json.loads((tmp_path / "out.json.progress").read_text().splitlines()[0])["registered"] == 8

    asyncio.run(scenario())
