# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver against a real SMF and UPF on loopback (N6 answers by itself: TUN needs root)."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from minicore.ran.command import run as run_command
from minicore.ran.driver import Driver, Options
from minicore.ran.session import Session
from minicore.sbi.message import Response

Until = Callable[..., Awaitable[None]]
Silence = Callable[..., Awaitable[tuple[float, float]]]


def options(core: Any, gnb_port: int, out: Path, **changes: Any) -> Options:
    values: dict[str, Any] = {
        "smf": f"http://127.0.0.1:{core.sbi_port}",
        "upf": "127.0.0.1",
        "address": "127.0.0.1",
        "out": out,
        "sessions": 20,
        "rate": 200.0,
        "connections": 4,
        "churn": 0.05,
        "ping_interval_s": 0.005,
        "ping_target": "10.45.0.1",
        "duration_s": None,
        "setup_timeout_s": 10.0,
        "gtpu_port": gnb_port,
        "upf_port": core.upf.n3_port,
    }
    return Options(**(values | changes))


def test_a_quiet_run(core_on_loopback: Any, udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        async with core_on_loopback(gnb_port=udp_port) as core:
            stop = asyncio.get_running_loop().create_future()
            out = tmp_path / "out.json"
            driver = asyncio.create_task(Driver(options(core, udp_port, out)).run(stop))
            await until((tmp_path / "out.json.ready").exists)
            assert core.smf.state()["sessions"] == 20
            await until(lambda: core.smf.state()["requests"]["received"] > 200)
            stop.set_result(None)
            summary = await driver
            assert summary == json.loads(out.read_text())
            requests, pings = summary["requests"], summary["pings"]
            assert (requests["failed"], requests["duplicated"], requests["unanswered"]) == (0, 0, 0)
            assert requests["answered"] == core.smf.state()["requests"]["received"]
            assert core.smf.state()["requests"]["repeated"] == 0
            assert summary["tcp_connections"] == {"opened": 4, "kept": 4}
            # Some sessions were set up again; there are as many as before.
            assert summary["sessions"]["created"] > summary["sessions"]["active"] == 20
            assert core.smf.state()["sessions"] == len(core.upf.rules.sessions) == 20
            assert pings["sent"] == pings["answered"] == len(core.upf.n6.seen) > 50
            assert (pings["lost"], pings["duplicated"]) == (0, 0)
            assert summary["service_gap_ms"] > 0
            rows = list(csv.DictReader((tmp_path / "out.json.requests.csv").open()))
            assert len(rows) == requests["answered"]
            assert {row["operation"] for row in rows} == {"create", "set-up response", "path switch"}
            assert (tmp_path / "out.json.progress").read_text().count("\n") >= 1

    asyncio.run(scenario())


def test_a_stopped_service_is_seen(
    core_on_loopback: Any,
    udp_port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
    silence: Silence,
) -> None:
    async def scenario() -> None:
        async with core_on_loopback(gnb_port=udp_port) as core:
            n4 = core.smf.n4
            go = asyncio.Event()
            go.set()
            set_downlink = n4.set_downlink

            async def held(*arguments: Any) -> None:
                await go.wait()
                await set_downlink(*arguments)

            monkeypatch.setattr(n4, "set_downlink", held)
            stop = asyncio.get_running_loop().create_future()
            driver = Driver(options(core, udp_port, tmp_path / "out.json", churn=0.0))
            run = asyncio.create_task(driver.run(stop))

            def answered() -> int:
                return driver._signalling.load_answered

            await until(lambda: answered() > 20)
            go.clear()
            earlier, since = await silence(answered, 0.3)
            loop = asyncio.get_running_loop()
            before, length = answered(), loop.time() - since
            go.set()
            await until(lambda: answered() > before)
            most = loop.time() - earlier + 0.005
            stop.set_result(None)
            summary = await run
            # On a busy machine another gap may be longer than that of the stop.
            lengths = [gap["ms"] / 1000 for gap in summary["gaps"]]
            assert summary["service_gap_ms"] / 1000 == max(lengths)
            assert any(length / 2 < each < most for each in lengths), (length, most, lengths)
            assert (summary["requests"]["failed"], summary["requests"]["duplicated"]) == (0, 0)

    asyncio.run(scenario())


def test_lost_connections_are_counted(core_on_loopback: Any, udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        async with core_on_loopback(gnb_port=udp_port) as core:
            stop = asyncio.get_running_loop().create_future()
            driver = asyncio.create_task(Driver(options(core, udp_port, tmp_path / "out.json", churn=0.0)).run(stop))
            await until((tmp_path / "out.json.ready").exists)
            connection = next(iter(core.smf._server.connections))
            connection.transport.abort()
            received = core.smf.state()["requests"]["received"]
            await until(lambda: core.smf.state()["requests"]["received"] > received + 50)
            stop.set_result(None)
            summary = await driver
            assert summary["tcp_connections"] == {"opened": 4, "kept": 3}
            assert summary["requests"]["failed"] > 0
            assert any("lost" in reason for reason in summary["requests"]["failures"])

    asyncio.run(scenario())


def test_doubled_and_outdated_updates_are_seen() -> None:
    session = Session(0, "127.0.0.1")
    session.path_switch_body()
    session.path_switch_body()
    assert session.updated(Response(200, {"minicore-updates": "1"}))
    assert session.updated(Response(200, {"minicore-updates": "2"}))
    # The same count again: an older copy answered. A count beyond what was sent: a request was done twice.
    assert not session.updated(Response(200, {"minicore-updates": "2"}))
    assert not session.updated(Response(200, {"minicore-updates": "3"}))


def test_without_smf_it_says_so(tmp_path: Path, udp_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--smf", f"http://127.0.0.1:{udp_port}", "--upf", "127.0.0.1", "--address", "127.0.0.1"]
    assert run_command([*arguments, "--out", str(tmp_path / "out"), "--setup-timeout", "0.1"]) == 1
    assert f"127.0.0.1:{udp_port}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rate", ["0", "-1", "x"])
def test_wrong_options_are_refused(rate: str) -> None:
    with pytest.raises(SystemExit):
        run_command(["--smf", "http://127.0.0.1", "--upf", "x", "--address", "x", "--out", "x", "--rate", rate])
