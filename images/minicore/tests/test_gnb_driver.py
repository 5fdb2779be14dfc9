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

import pytest
from minicore.gnb.command import run as run_command
from minicore.gnb.driver import Driver, Options
from minicore.gnb.load import DEFAULT_MIX, Mix
from minicore.nas import gmm
from minicore.sbi.message import Request, Response
from minicore.sbi.server import SbiServer

from images.minicore.tests.scripted_amf import OPC, K, ScriptedAmf

Until = Callable[..., Awaitable[None]]
Silence = Callable[..., Awaitable[tuple[float, float]]]


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
        "procedure_timeout_s": 5.0,
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
        ues = summary["ues"]
        assert ues["count"] == ues["registered"] == ues["sessions"] == ues["connected"] + ues["idle"] == 8
        assert summary["authentications"] == procedures["registration"]["succeeded"] > 8
        assert amf.seen.count("ServiceRequest") >= procedures["service_request"]["succeeded"]
        assert summary["pagings"] >= procedures["paging"]["succeeded"] > 0
        for counter in ("reauthentications", "count_jumps", "nas_errors", "wrong_keys", "ngap_errors"):
            assert summary[counter] == 0
        assert summary["associations"] == {"gnbs": 2, "lost": 0}
        assert summary["probes"]["n2"]["sent"] == summary["probes"]["n2"]["answered"] == amf.resets > 20
        assert summary["pings"]["lost"] == summary["pings"]["duplicated"] == 0
        assert summary["pings"]["sent"] > 20
        assert summary["gaps_ms"]["n2"] > 0
        rows = list(csv.DictReader((tmp_path / "out.json.procedures.csv").open()))
        assert len(rows) == sum(counts["attempted"] for counts in procedures.values())
        assert json.loads((tmp_path / "out.json.progress").read_text().splitlines()[0])["registered"] == 8

    asyncio.run(scenario())


def test_the_length_of_a_stop_is_measured_on_n2(udp_port: int, tmp_path: Path, until: Until, silence: Silence) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        async with running(udp_port, tmp_path / "out", amf, until) as (driver, end):
            await until(lambda: driver.n2_probe.answered > 20)
            amf.answering = False

            def answered() -> tuple[int, int]:
                return driver.n2_probe.answered, len(driver.log.records)

            earlier, since = await silence(answered, 0.3)
            loop = asyncio.get_running_loop()
            pings = driver.pings.answered
            # The user plane goes on without the AMF.
            await until(lambda: driver.pings.answered > pings + 10)
            probes, procedures = answered()
            length = loop.time() - since
            amf.go_on()
            await until(lambda: driver.n2_probe.answered > probes and len(driver.log.records) > procedures)
            most = loop.time() - earlier + driver.options.probe_interval_s
            summary = await end()
        for interface in ("n2", "procedures"):
            # On a busy machine another gap may be longer than that of the stop.
            lengths = [gap["ms"] / 1000 for gap in summary["gaps"][interface]]
            assert any(length / 2 < each < most for each in lengths), (interface, length, most, lengths)
        assert summary["failed"] == 0
        assert max(gap["ms"] for gap in summary["gaps"]["n2"]) == summary["gaps_ms"]["n2"]
        slowest = max(ms for _, ms in summary["latencies"]["n2"]["points"])
        assert slowest == pytest.approx(summary["probes"]["n2"]["latency_ms"]["max"], abs=0.01)
        assert slowest > length / 2 * 1000
        assert len(summary["latencies"]["n3"]["points"]) > 10

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("service", "service_request", "ServiceReject, 5GMM cause 22"),
        ("service silence", "service_request", "service request: no answer within 2 s"),
        ("path switch", "path_switch", "path switch refused"),
    ],
)
def test_a_failed_procedure_is_counted_once_and_its_ue_comes_back(
    udp_port: int, tmp_path: Path, until: Until, fault: str, kind: str, reason: str
) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        changes = {"mix": {kind: 1.0}, "procedure_timeout_s": 2.0}
        async with running(udp_port, tmp_path / "out", amf, until, **changes) as (driver, end):
            amf.faults.append(fault)
            await until(lambda: driver.log.failed())
            await until(lambda: "recovery_of_session" in driver.log.kinds())
            summary = await end()
        assert summary["procedures"][kind]["failures"] == {reason: 1}
        assert summary["failed"] == 1
        assert summary["recoveries"]["recovery"]["succeeded"] == 1
        assert summary["ues"]["registered"] == summary["ues"]["sessions"] == 8

    asyncio.run(scenario())


def test_an_answer_to_a_ue_that_has_gone_has_its_connection_released(
    udp_port: int, tmp_path: Path, until: Until
) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        mix = {"service_request": 1.0}
        changes = {"mix": mix, "procedure_timeout_s": 0.2}
        async with running(udp_port, tmp_path / "out", amf, until, **changes) as (driver, end):
            amf.faults.append("service silence")
            await until(lambda: driver.log.failed())
            supi = driver.ues[next(record.ue for record in driver.log.records if record.reason)].supi
            amf.answer_late(supi)
            await until(lambda: "radioNetwork/radio-connection-with-ue-lost" in amf.releases)
            await until(lambda: "recovery_of_session" in driver.log.kinds())
            summary = await end()
        assert summary["ngap_errors"] == summary["wrong_keys"] == 0
        assert summary["ues"]["registered"] == 8

    asyncio.run(scenario())


def test_faults_of_the_set_up(udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        amf.faults += ["ng setup", "mac", "key"]
        async with running(udp_port, tmp_path / "out", amf, until, procedures_rate=0.0) as (driver, end):
            assert driver.load.setup_failures == {"authentication: MAC failure": 1}
            summary = await end()
        assert summary["setup_retries"] == 1
        assert summary["wrong_keys"] == 1
        assert summary["failed"] == 0
        assert summary["recoveries"]["recovery"]["succeeded"] == 1

    asyncio.run(scenario())


def test_an_old_sequence_number_is_synchronised(udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        mix = {"registration": 1.0}
        async with running(udp_port, tmp_path / "out", amf, until, mix=mix, idle_share=0.0) as (driver, end):
            for ue in driver.ues:
                ue.usim.set_sequence(10**6)
            await until(lambda: driver.counters.resynchronisations)
            registrations = amf.seen.count("registration")
            await until(lambda: amf.seen.count("registration") > registrations + 10)
            summary = await end()
        assert summary["failed"] == 0
        assert summary["authentications"] > summary["procedures"]["registration"]["attempted"]

    asyncio.run(scenario())


def test_nas_faults_are_counted(udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        async with running(udp_port, tmp_path / "out", amf, until, procedures_rate=0.0) as (driver, end):
            one, other, *_ = [ue for ue in amf.ues.values() if ue.connected]
            assert one.security is not None and other.security is not None
            one.security.dl_count += 1
            amf._send(one, gmm.ConfigurationUpdateCommand(indication=1))
            other.security.dl_count -= 1
            amf._send(other, gmm.ConfigurationUpdateCommand(indication=1))
            await until(lambda: driver.counters.nas_errors and driver.counters.count_jumps)
            await until(lambda: "ConfigurationUpdateComplete" in amf.seen)
            amf._challenge(one)
            await until(lambda: "AuthenticationResponse" in amf.seen[-3:])
            summary = await end()
        assert (summary["count_jumps"], summary["nas_errors"], summary["reauthentications"]) == (1, 1, 1)
        assert amf.seen.count("ConfigurationUpdateComplete") == 1

    asyncio.run(scenario())


def test_a_gnb_whose_association_ended_comes_back_with_its_ues(udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        async with running(udp_port, tmp_path / "out", amf, until, procedures_rate=0.0) as (driver, end):
            amf.gnbs[0].close("a test")
            await until(lambda: driver.lost_associations)
            await until(lambda: sum(ue.connection is not None for ue in driver.ues) == 6)
            probes = driver.n2_probe.answered
            await until(lambda: driver.n2_probe.answered > probes + 10)
            summary = await end()
        assert summary["associations"] == {"gnbs": 2, "lost": 1}
        assert summary["ues"]["registered"] == 8

    asyncio.run(scenario())


def test_sbi_probes_measure_their_nf(udp_port: int, tmp_path: Path, until: Until, silence: Silence) -> None:
    async def scenario() -> None:
        statuses = [200]
        go = asyncio.Event()
        go.set()

        async def answer(request: Request) -> Response:
            await go.wait()
            assert (request.path, request.query) == ("/a", {"b": "1"})
            return Response(statuses[0])

        server = SbiServer(answer)
        port = await server.start("127.0.0.1", 0)
        probes = {"nrf": f"http://127.0.0.1:{port}/a?b=1"}
        async with running(
            udp_port, tmp_path / "out", ScriptedAmf(udp_port), until, procedures_rate=0.0, probes=probes
        ) as (driver, end):
            probe = driver.sbi_probes[0]
            await until(lambda: probe.answered > 20)
            go.clear()
            earlier, since = await silence(lambda: probe.answered, 0.2)
            loop = asyncio.get_running_loop()
            answered, length = probe.answered, loop.time() - since
            go.set()
            await until(lambda: probe.answered > answered)
            most = loop.time() - earlier + driver.options.probe_interval_s
            statuses[0] = 503
            await until(lambda: probe.failures["status 503"])
            statuses[0] = 404
            next(iter(server.connections)).transport.abort()
            await until(lambda: probe.connections == 2)
            answered = probe.answered
            await until(lambda: probe.answered > answered + 10)
            summary = await end()
        server.stop()
        lengths = [gap["ms"] / 1000 for gap in summary["gaps"]["sbi.nrf"]]
        assert summary["gaps_ms"]["sbi"]["nrf"] / 1000 == max(lengths)
        assert any(length / 2 < each < most for each in lengths), (length, most, lengths)
        counts = summary["probes"]["nrf"]
        assert counts["sent"] == counts["answered"] + sum(counts["failures"].values())
        assert any("lost" in reason or "connection" in reason for reason in counts["failures"])

    asyncio.run(scenario())


def test_deregister_at_the_end(udp_port: int, tmp_path: Path, until: Until) -> None:
    async def scenario() -> None:
        amf = ScriptedAmf(udp_port)
        async with running(udp_port, tmp_path / "out", amf, until, deregister=True, sessions_per_ue=0) as (_, end):
            summary = await end()
        assert summary["ues"]["registered"] == 8
        assert not any(ue.registered for ue in amf.ues.values())

    asyncio.run(scenario())


def arguments(tmp_path: Path, *more: str) -> list[str]:
    return ["--amf", "127.0.0.1", "--transport", "tcp", "--address", "127.0.0.1", "--out", str(tmp_path / "out"), *more]


def test_without_amf_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(arguments(tmp_path, "--setup-timeout", "0.1")) == 1
    assert "127.0.0.1:38412" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ("--rate", "0"),
        ("--procedures-rate", "-1"),
        ("--mix", "handover=1"),
        ("--mix", "path_switch=0"),
        ("--k", "00"),
        ("--first-supi", "001010000000001"),
        ("--plmn", "1"),
        ("--probe", "nrf"),
        ("--slice", "1-1"),
        ("--idle-share", "2"),
        ("--gnbs", "5"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_command(arguments(tmp_path, *wrong))
    assert wrong[0] in capsys.readouterr().err


def test_the_mix_has_each_entry_as_often_as_its_weight_says() -> None:
    mix = Mix({"a": 3.0, "b": 1.0, "c": 0.0})
    assert [mix.next() for _ in range(8)] == ["a", "a", "b", "a"] * 2
