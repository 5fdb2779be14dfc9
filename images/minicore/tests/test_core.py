# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole core on loopback: UEs that register, use their sessions and leave, through every NF and interface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from minicore.amf.app import Amf
from minicore.ausf.app import Ausf
from minicore.gnb.load import DEFAULT_MIX, SetupError
from minicore.ngap.values import Snssai
from minicore.pcf.app import Pcf
from minicore.scp.app import Scp
from minicore.smf.app import Smf
from minicore.udm.app import Udm
from minicore.udr.app import Udr

from images.minicore.tests.whole_core import WholeCore, whole_core

UES = 8
SLOW = {"uplink": "1 Mbps", "downlink": "2 Mbps"}

Until = Callable[..., Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture
def run(upf_type: Any, udp_port: int) -> Run:
    """Runs a scenario with a core whose UDR has UES subscribers."""

    def run_one(scenario: Callable[[WholeCore], Awaitable[None]], **variables: Any) -> None:
        async def whole() -> None:
            async with whole_core(upf_type(udp_port), udp_port, **variables) as core:
                await core.provision(UES)
                await scenario(core)

        asyncio.run(whole())

    return run_one


def counts(core: WholeCore) -> dict[str, int]:
    """How many each NF has, of what a UE with a session makes it keep."""
    pcf = core[Pcf].state()
    return {
        "AMF": core[Amf].state()["ues"]["registered"],
        "SMF": core[Smf].state()["sessions"],
        "UPF": len(core.upf.rules.sessions),
        "AM policies": pcf["am_policies"],
        "SM policies": pcf["sm_policies"],
        "registrations": core[Udm].state()["registrations"] + core[Udr].state()["amf_registrations"],
    }


def assert_nothing_failed(summary: dict[str, Any]) -> None:
    assert {kind: one["failures"] for kind, one in summary["procedures"].items() if one["failed"]} == {}
    assert summary["failed"] == summary["unfinished"] == summary["setup_retries"] == 0
    for name in ("reauthentications", "wrong_keys", "count_jumps", "nas_errors", "ngap_errors"):
        assert summary[name] == 0, name


@pytest.mark.parametrize("variables", [{}, {"UDM_STORE": "udr", "scp": True}], ids=["direct", "stateless by SCP"])
def test_ues_live_in_the_core(run: Run, until: Until, tmp_path: Path, variables: dict[str, Any]) -> None:
    async def scenario(core: WholeCore) -> None:
        async with core.load(tmp_path / "out", ues=UES, procedures_rate=20, deregister=True) as (driver, summary):
            assert counts(core) == dict.fromkeys(counts(core), UES)
            await until(lambda: {*DEFAULT_MIX} <= {*driver.log.kinds()} and driver.pings.answered > 20, 60)
            assert core[Amf].state()["gnbs"] == 2
        assert_nothing_failed(summary)
        assert summary["pings"]["lost"] == summary["pings"]["duplicated"] == 0
        pagings = core[Amf].state()["counters"]["pagings_total"]
        assert summary["pagings"] >= pagings >= summary["procedures"]["paging"]["succeeded"] > 0
        assert summary["authentications"] == summary["procedures"]["registration"]["succeeded"] > UES
        assert core[Ausf].state()["failed"] == 0
        # What a UE leaves behind after its deregistration: nothing.
        await until(lambda: counts(core) == dict.fromkeys(counts(core), 0), 30)
        if variables:
            assert core[Scp].state()["forwarded"] > 100 and core[Scp].state()["failed"] == 0

    run(scenario, **variables)


def test_pings_go_on_while_the_sessions_leave_a_upf(
    run: Run, until: Until, upf_type: Any, udp_port: int, tmp_path: Path
) -> None:
    """The gNBs get the other UPF's tunnels by NGAP while the UEs ping, register, hand over and become idle."""

    async def scenario(core: WholeCore) -> None:
        other = upf_type(udp_port, n3_address="127.0.0.2")
        await other.start(n3_port=core.upf.n3_port)
        smf = core[Smf]
        try:
            options = {"ues": UES, "procedures_rate": 10, "upf": "", "ping_interval_s": 0.005}
            async with core.load(tmp_path / "out", **options) as (driver, summary):
                core.upfs.append(other.n4_address)
                smf.n4._changed.set()
                await until(lambda: len([peer for peer in smf.state()["pfcp"] if peer["up"]]) == 2)
                for leaving, staying in ((core.upf, other), (other, core.upf)):
                    leaving.n4.drain(True)
                    await until(lambda leaving=leaving: leaving.n4.is_drained)
                    # Meanwhile UEs set sessions up and release them.
                    await until(lambda up=staying: len(up.rules.sessions) == smf.state()["sessions"] > 0)
                    answered = driver.pings.answered
                    await until(lambda answered=answered: driver.pings.answered > answered + 50)
                    # The first one is needed again.
                    leaving.n4.drain(False)
                    smf.n4._changed.set()
                    await until(lambda: len([peer for peer in smf.state()["pfcp"] if peer["up"]]) == 2)
                assert smf.state()["moved"] >= 2
                assert sum(gnb.modified for gnb in driver.gnbs) >= 2
            assert_nothing_failed(summary)
            assert summary["pings"]["lost"] == summary["pings"]["duplicated"] == 0
        finally:
            other.stop()

    run(scenario)


def test_a_usim_that_is_ahead_is_followed(run: Run, until: Until, tmp_path: Path) -> None:
    async def scenario(core: WholeCore) -> None:
        mix = {"registration": 1.0}
        async with core.load(tmp_path / "out", ues=UES, procedures_rate=10, mix=mix, pinging_share=0, idle_share=0) as (
            driver,
            summary,
        ):
            await core.provision(UES)  # the SQN is zero again
            before = len(driver.log.records)
            await until(lambda: len(driver.log.records) > before + 30, 60)
        assert_nothing_failed(summary)
        assert summary["resynchronisations"] > 0

    run(scenario)


@pytest.mark.parametrize(
    ("changes", "variables", "reason"),
    [
        ({"k": bytes(16)}, {}, "MAC"),
        ({"slice": Snssai(7)}, {"SLICES": "7"}, "5GMM cause 62"),
        ({"first_supi": "imsi-001010000009000"}, {}, "RegistrationReject, 5GMM cause 3"),
        ({"dnn": "nowhere"}, {}, "5GMM cause 91"),
    ],
    ids=["wrong K", "slice not subscribed", "unknown UE", "unknown DNN"],
)
def test_what_is_refused(
    run: Run, tmp_path: Path, changes: dict[str, Any], variables: dict[str, Any], reason: str
) -> None:
    async def scenario(core: WholeCore) -> None:
        with pytest.raises(ExceptionGroup) as raised:
            async with core.load(tmp_path / "out", ues=1, setup_timeout_s=0.1, **changes):
                pass
        (error,) = raised.value.exceptions
        assert isinstance(error, SetupError) and reason in str(error)
        assert counts(core)["SMF"] == counts(core)["UPF"] == counts(core)["SM policies"] == 0

    run(scenario, **variables)


def test_a_new_policy_reaches_the_upf(run: Run, until: Until, tmp_path: Path) -> None:
    async def scenario(core: WholeCore) -> None:
        async with core.load(tmp_path / "out", ues=1, procedures_rate=0) as (_, summary):
            entry = {"snssai": {"sst": 1}, "smPolicyDnnData": {"internet": {"authSessAmbr": SLOW}}}
            body = {"sm_policy": {"smPolicySnssaiData": {"1": entry}}}
            path = "/minicore/v1/subscribers/imsi-001010000000001"
            (await core[Amf].producers.request_at(core[Udr].root, "PUT", path, body)).require(204)
            (session,) = core.upf.rules.sessions.values()
            await until(lambda: any(qer.rates == (1000, 2000) for qer in session.rules.qers.values()))
        assert_nothing_failed(summary)

    run(scenario)


def test_one_of_two_stateless_udms_may_leave(run: Run, until: Until, tmp_path: Path) -> None:
    async def scenario(core: WholeCore) -> None:
        first = core[Udm]
        del core.nfs[Udm]
        core.nfs[type("Other", (Udm,), {})] = first
        await core.start(Udm)
        mix = {"registration": 1.0}
        async with core.load(tmp_path / "out", ues=UES, procedures_rate=10, mix=mix) as (driver, summary):
            await first.stop()
            before = len(driver.log.records)
            await until(lambda: len(driver.log.records) > before + 30, 60)
        assert_nothing_failed(summary)

    run(scenario, UDM_STORE="udr")
