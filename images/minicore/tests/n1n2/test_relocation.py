# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that leave a UPF: one that is drained, and one that does not come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.ngap.transfers import (
    ModifyRequestTransfer,
    ModifyResponseTransfer,
    ModifyUnsuccessfulTransfer,
    SetupRequestTransfer,
)
from minicore.pfcp.ies import ApplyAction
from minicore.smf import n4

Until = Callable[..., Awaitable[None]]
GNB = ("127.0.0.1", 0x70)
DONE = ModifyResponseTransfer().encode()


def down(address: str = "10.45.0.2") -> bytes:
    return ip.echo_request("10.45.0.1", address, 1, 1, bytes(8))


@contextlib.asynccontextmanager
async def second_upf(here: Any, upf_type: Any, until: Until, udp_port: int, tap: bool = False) -> AsyncIterator[Any]:
    """Another UPF, which the SMF is associated with."""
    other = upf_type(gnb_port=udp_port, tap=tap)
    await other.start()
    here.upfs.append(other.n4_address)
    here.smf.n4._changed.set()
    try:
        await until(lambda: sum(peer["up"] for peer in here.smf.state()["pfcp"]) == 2)
        yield other
    finally:
        other.stop()


@pytest.mark.parametrize(("kind", "has_tap"), [(1, False), (2, False), (3, False), (5, True)])
def test_sessions_leave_a_upf_that_is_drained(
    world: Any, upf_type: Any, until: Until, udp_port: int, kind: int, has_tap: bool
) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False, tap=has_tap) as here:
            uri = await here.amf.session(1, kind)
            idle = await here.amf.session(2, kind)
            await here.amf.modify(idle, {"upCnxState": "DEACTIVATED"})
            (former,) = [s for s in here.upf.rules.sessions.values() if s.fars[2].forwards]
            async with second_upf(here, upf_type, until, udp_port, has_tap) as other:
                here.upf.n4.drain(True)
                data, n1, n2 = await here.amf.next()
                assert data["n2InfoContainer"]["smInfo"]["n2InfoContent"]["ngapIeType"] == "PDU_RES_MOD_REQ"
                wanted = ModifyRequestTransfer.decode(n2)
                assert n1 == b"" and (wanted.downlink.address, wanted.downlink.teid) == GNB
                # Make before break: until the gNB has answered, the session is on both UPFs.
                await until(lambda: len(here.upf.rules.sessions) == 1 and len(other.rules.sessions) == 2)
                assert wanted.uplink.teid in other.rules.uplink
                assert here.upf.rules.sessions[former.up_seid].fars[2].forwards
                new = other.rules.uplink[wanted.uplink.teid][0]
                assert new.fars[2].outer == former.fars[2].outer
                assert [(p.ue_address, p.ue_prefix, p.ethernet) for p in new.pdrs.values()] == [
                    (p.ue_address, p.ue_prefix, p.ethernet) for p in former.pdrs.values()
                ]
                assert not here.upf.n4.is_drained
                assert (await here.amf.modify(uri, n2=DONE, kind="PDU_RES_MOD_RSP")).status == 200
                await until(lambda: here.upf.n4.is_drained)
                assert here.upf.rules.sessions == here.upf.rules.uplink == here.upf.rules.downlink == {}
                assert here.smf.state()["moved"] == 2 and here.amf.messages.empty()
                waiting = [s for s in other.rules.sessions.values() if s.fars[2].buffers]
                assert [s.fars[2].action for s in waiting] == [ApplyAction.BUFFER | ApplyAction.NOTIFY_CP]
                # New sessions do not go to the one that is drained, which takes no association either.
                await here.amf.session(3, kind)
                assert len(other.rules.sessions) == 3
                assert [peer["up"] for peer in here.smf.state()["pfcp"]] == [True]

    asyncio.run(scenario())


def test_a_gnb_that_cannot_change_its_tunnel_sets_the_session_up_again(
    world: Any, upf_type: Any, until: Until, udp_port: int
) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            uri = await here.amf.session()
            async with second_upf(here, upf_type, until, udp_port) as other:
                here.upf.n4.drain(True)
                await here.amf.next()
                refused = ModifyUnsuccessfulTransfer().encode()
                await here.amf.modify(uri, n2=refused, kind="PDU_RES_MOD_FAIL")
                _, _, n2 = await here.amf.next()
                (session,) = other.rules.sessions.values()
                assert SetupRequestTransfer.decode(n2).uplink.teid == session.pdrs[1].teid.teid
                await until(lambda: here.upf.n4.is_drained)

    asyncio.run(scenario())


def test_without_another_upf_the_sessions_stay(world: Any, upf_type: Any, until: Until, udp_port: int) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            uri = await here.amf.session()
            here.upf.n4.drain(True)
            await until(lambda: here.smf.state()["pfcp"][0]["releasing"])
            here.upf.n6._kernel.send(down())
            assert (await here.packet()).payload == down()
            assert len(here.upf.rules.sessions) == 1
            # Taken back: sessions are made here again.
            here.upf.n4.drain(False)
            await until(lambda: not here.smf.state()["pfcp"][0]["releasing"])
            await here.amf.session(2)
            assert len(here.upf.rules.sessions) == 2
            # Asked again, and now there is one to go to.
            here.upf.n4.drain(True)
            async with second_upf(here, upf_type, until, udp_port) as other:
                for _ in range(2):
                    data, _, _ = await here.amf.next()
                    number = data["pduSessionId"]
                    ref = uri if number == 1 else uri.rsplit("/", 1)[0] + "/2"
                    await here.amf.modify(ref, n2=DONE, kind="PDU_RES_MOD_RSP")
                await until(lambda: here.upf.n4.is_drained)
                assert len(other.rules.sessions) == 2

    asyncio.run(scenario())


def test_sessions_come_back_when_the_other_upf_dies_and_the_drain_is_taken_back(
    world: Any, upf_type: Any, until: Until, udp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not found out by the regular look.
    monkeypatch.setattr(n4, "DISCOVERY_S", 1000)

    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            moved, waiting = await here.amf.session(1), await here.amf.session(2)
            # The second one cannot move yet: its gNB has not answered a setup request.
            await here.amf.modify(waiting, {"upCnxState": "DEACTIVATED"})
            await here.amf.modify(waiting, {"upCnxState": "ACTIVATING"})
            async with second_upf(here, upf_type, until, udp_port) as other:
                here.upf.n4.drain(True)
                await here.amf.next()
                await here.amf.modify(moved, n2=DONE, kind="PDU_RES_MOD_RSP")
                await until(lambda: len(here.upf.rules.sessions) == 1 and len(other.rules.sessions) == 1)
                here.smf.n4.endpoint._t1_s = 0.05
                other.stop()
                await until(lambda: sum(peer["up"] for peer in here.smf.state()["pfcp"]) == 1)
                assert len(here.upf.rules.sessions) == 1
                here.upf.n4.drain(False)
                _, _, n2 = await here.amf.next()
                assert ModifyRequestTransfer.decode(n2).uplink.teid in here.upf.rules.uplink
                await here.amf.modify(moved, n2=DONE, kind="PDU_RES_MOD_RSP")
                await until(lambda: len(here.upf.rules.sessions) == 2)
                assert [peer["sessions"] for peer in here.smf.state()["pfcp"] if peer["up"]] == [2]

    asyncio.run(scenario())


def test_a_upf_that_does_not_answer_a_session_request_is_lost(
    world: Any, upf_type: Any, until: Until, udp_port: int
) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            await here.amf.session()
            async with second_upf(here, upf_type, until, udp_port) as other:
                # By no heartbeat.
                for upf in (here.upf, other):
                    here.smf.n4._heartbeats.forget(here.smf.n4.associations[upf.n4_address])
                here.smf.n4.endpoint._t1_s = 0.05
                other.stop()
                here.upf.n4.drain(True)
                await until(lambda: sum(peer["up"] for peer in here.smf.state()["pfcp"]) == 1)
                assert len(here.upf.rules.sessions) == 1

    asyncio.run(scenario())


def test_sessions_of_a_upf_that_does_not_come_back_go_to_another(
    world: Any, upf_type: Any, until: Until, udp_port: int
) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            uri = await here.amf.session()
            async with second_upf(here, upf_type, until, udp_port) as other:
                here.smf.n4.endpoint._t1_s = 0.05
                here.upf.stop()
                _, _, n2 = await here.amf.next()
                (session,) = other.rules.sessions.values()
                wanted = ModifyRequestTransfer.decode(n2)
                assert wanted.uplink.teid == session.pdrs[1].teid.teid
                await here.amf.modify(uri, n2=DONE, kind="PDU_RES_MOD_RSP")
                assert here.smf.state()["restored"] == 1
                other.n6._kernel.send(down())
                message = await here.packet()
                assert (message.type, message.teid, message.payload) == (gtpu.G_PDU, 0x70, down())

    asyncio.run(scenario())


def test_the_upf_forgets_an_association_that_is_lost(world: Any, until: Until) -> None:
    async def scenario() -> None:
        async with world(has_pcf=False) as here:
            (association,) = here.upf.n4.associations.values()
            here.upf.n4._heartbeats.lose(association, "no answer")
            assert here.upf.n4.associations == {}

    asyncio.run(scenario())
