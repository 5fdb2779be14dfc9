# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the UPF does with packets: QoS, usage, buffering. Over real UDP, N6 on a socket pair."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from minicore import gtpu, ip
from minicore.pfcp.codec import IeType, Message, MessageType
from minicore.pfcp.ies import Teid, UeAddress, group, number
from minicore.pfcp.qos_ies import BitRates, Trigger, gate_status
from minicore.smf.n4_rules import SESSION_QER, SESSION_URR, SessionPlan, Usage, UsagePlan, read_usage
from minicore.upf.qos import MIN_BURST_BYTES, TokenBucket
from minicore.upf.rules import BUFFERED_PER_SESSION

Until = Callable[..., Awaitable[None]]
UE = UeAddress("10.45.0.2")
FAST = BitRates(1_000_000, 1_000_000)


def down(number_: int, size: int = 8) -> bytes:
    return ip.echo_request("10.45.0.1", "10.45.0.2", 1, number_, bytes(size))


UP = ip.echo_request("10.45.0.2", "10.45.0.1", 1, 1, bytes(72))


def test_token_bucket() -> None:
    bucket = TokenBucket(8000)  # one megabyte a second
    assert bucket.take(100_000, 50.0)
    assert not bucket.take(1, 50.0)
    assert bucket.take(1000, 50.0015)
    assert not bucket.take(1000, 50.0015)
    assert not bucket.take(200_000, 99.0), "never more than the burst"
    assert bucket.take(100_000, 99.0)
    assert not bucket.take(1, 0.0), "a clock that goes back gives nothing"
    assert TokenBucket(1).take(MIN_BURST_BYTES, 0.0)


def test_the_bit_rate_is_limited_in_each_direction(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            _, uplink = await rig.session(SessionPlan(UE, rates=BitRates(1, 1), qfi=9))
            for turn in range(20):
                rig.send(uplink, UP[:20] + bytes(1380))
                rig.n6.send(down(turn, 1372))
            await rig.barrier()
            await until(lambda: rig.upf.user_plane.rate_limited == 2 * (20 - MIN_BURST_BYTES // 1400))
            assert len(rig.n6.written) == rig.upf.user_plane.downlink == MIN_BURST_BYTES // 1400

    asyncio.run(scenario())


def test_the_qos_flow_is_marked(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            frames: list[bytes] = []
            rig.datagram_received = lambda data, addr: frames.append(data) or rig.received.put_nowait(gtpu.decode(data))
            await rig.session(SessionPlan(UE, rates=FAST, qfi=9))
            rig.n6.send(down(1))
            assert (await rig.next()).payload == down(1)
            assert frames[-1] == gtpu.g_pdu(0x70, down(1), uplink=False, qfi=9)

    asyncio.run(scenario())


def test_a_closed_gate_lets_nothing_pass(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            up_seid, uplink = await rig.session(SessionPlan(UE, rates=FAST))
            closed = gate_status(uplink_open=False, downlink_open=True)
            update = group(IeType.UPDATE_QER, number(IeType.QER_ID, SESSION_QER), closed)
            await rig.n4._modify(rig.upf.n4_address, up_seid, [update])
            rig.send(uplink, UP)
            rig.n6.send(down(1))
            assert (await rig.next()).payload == down(1)
            await rig.barrier()
            assert rig.n6.written == [] and rig.upf.user_plane.dropped == 1

    asyncio.run(scenario())


def test_usage_is_reported_at_its_threshold_and_at_the_end(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            up_seid, uplink = await rig.session(SessionPlan(UE, usage=UsagePlan(250)), cp_seid=7)
            for _ in range(2):
                rig.send(uplink, UP)  # 100 octets
            await rig.barrier()
            assert rig.reports == []
            rig.n6.send(down(1, 72))
            await until(lambda: rig.reports)
            ((cp_seid, report),) = rig.reports
            assert cp_seid == 7
            assert report.usage == [Usage(200, 100, Trigger.VOLUME_THRESHOLD)]
            rig.send(uplink, UP)
            await rig.barrier()
            query = group(IeType.QUERY_URR, number(IeType.URR_ID, SESSION_URR))
            kind = MessageType.SESSION_MODIFICATION_REQUEST
            answer = await rig.n4._session_request(rig.upf.n4_address, kind, up_seid, [query])
            asked = read_usage(answer, IeType.USAGE_REPORT_MODIFICATION)
            assert asked == [Usage(100, 0, Trigger.IMMEDIATE)]
            assert await rig.n4.delete(rig.upf.n4_address, up_seid) == [Usage(0, 0, Trigger.TERMINATION)]
            assert rig.upf.n4.reports.usage_reports == 3

    asyncio.run(scenario())


def test_a_used_up_quota_stops_the_session_until_there_is_more(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            plan = SessionPlan(UE, usage=UsagePlan(10_000, quota_bytes=150))
            up_seid, uplink = await rig.session(plan)
            for _ in range(3):
                rig.send(uplink, UP)
            await until(lambda: rig.reports)
            assert rig.reports[0][1].usage == [Usage(200, 0, Trigger.VOLUME_QUOTA)]
            await rig.barrier()
            assert len(rig.n6.written) == 2
            await rig.n4.grant(rig.upf.n4_address, up_seid, 150)
            rig.send(uplink, UP)
            await rig.barrier()
            assert len(rig.n6.written) == 3

    asyncio.run(scenario())


def test_usage_is_reported_each_period(rig_type: Any, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            loop = asyncio.get_running_loop()
            real = loop.call_later
            # The shortest period of the protocol is a second.
            monkeypatch.setattr(loop, "call_later", lambda delay, *rest: real(delay / 100, *rest))
            up_seid, _ = await rig.session(SessionPlan(UE, usage=UsagePlan(10_000, period_s=1)))
            await until(lambda: len(rig.reports) >= 2)
            assert all(report.usage[0].trigger == Trigger.PERIODIC for _, report in rig.reports)
            await rig.n4.delete(rig.upf.n4_address, up_seid)
            assert rig.upf.n4.reports._timers == {}

    asyncio.run(scenario())


def test_packets_for_an_idle_ue_are_reported_once_and_delivered_in_order(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            up_seid, _ = await rig.session(SessionPlan(UE, rates=FAST, usage=UsagePlan(10_000)), cp_seid=5)
            await rig.downlink(up_seid, None)
            for turn in range(BUFFERED_PER_SESSION + 3):
                rig.n6.send(down(turn))
            await until(lambda: rig.upf.user_plane.dropped == 3)
            await until(lambda: rig.reports)
            assert rig.upf.rules.buffered == BUFFERED_PER_SESSION
            await rig.downlink(up_seid, 0x71)
            got = [await rig.next() for _ in range(BUFFERED_PER_SESSION)]
            assert [message.payload for message in got] == [down(turn) for turn in range(BUFFERED_PER_SESSION)]
            assert {message.teid for message in got} == {0x71}
            assert rig.upf.rules.buffered == 0
            assert [report.downlink_data for _, report in rig.reports] == [True]
            # Idle again: the next packet is reported again.
            await rig.downlink(up_seid, None)
            rig.n6.send(down(0))
            await until(lambda: len(rig.reports) == 2)
            await rig.n4.delete(rig.upf.n4_address, up_seid)
            assert rig.upf.rules.buffered == 0

    asyncio.run(scenario())


def test_a_session_that_its_smf_does_not_know_ends_with_its_report(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            rig.reported = lambda cp_seid, report: None
            up_seid, _ = await rig.session(SessionPlan(UE, usage=UsagePlan(10_000, period_s=1)))
            await rig.downlink(up_seid, None)
            rig.n6.send(down(1))
            await until(lambda: rig.upf.rules.sessions == {})
            assert rig.upf.rules.buffered == 0 and rig.upf.n4.reports._timers == {}

    asyncio.run(scenario())


def test_the_former_tunnel_gets_an_end_marker(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            up_seid, _ = await rig.session(SessionPlan(UE))
            await rig.downlink(up_seid, 0x71)
            message = await rig.next()
            assert (message.type, message.teid) == (gtpu.END_MARKER, 0x70)

    asyncio.run(scenario())


def test_an_error_indication_of_the_gnb_is_reported(rig_type: Any, until: Until) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            await rig.session(SessionPlan(UE), cp_seid=3)
            rig.send_raw(gtpu.error_indication(0x99, "127.0.0.1"))
            rig.send_raw(gtpu.error_indication(0x70, "127.0.0.1"))
            await until(lambda: rig.reports)
            ((cp_seid, report),) = rig.reports
            assert (cp_seid, report.error_indication) == (3, Teid(0x70, "127.0.0.1"))

    asyncio.run(scenario())


def test_a_restored_session_keeps_its_tunnel_if_it_is_free(rig_type: Any) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            wanted = Teid(0x12345, "127.0.0.1")
            _, uplink = await rig.session(SessionPlan(UE, restored=wanted), cp_seid=1)
            assert uplink == wanted
            _, second = await rig.session(SessionPlan(UeAddress("10.45.0.3"), restored=wanted), cp_seid=2)
            assert second != wanted
            _, third = await rig.session(SessionPlan(UeAddress("10.45.0.4"), restored=Teid(9, "10.0.0.1")), cp_seid=3)
            assert third.address == "127.0.0.1" and third.teid not in (9, second.teid)

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", [IeType.UPDATE_FAR, IeType.UPDATE_QER, IeType.UPDATE_URR, IeType.REMOVE_PDR])
def test_a_rule_that_is_not_there_changes_nothing(rig_type: Any, kind: IeType) -> None:
    async def scenario() -> None:
        async with rig_type().running() as rig:
            up_seid, _ = await rig.session(SessionPlan(UE))
            before = rig.upf.rules.digest()
            id_type = {IeType.UPDATE_FAR: IeType.FAR_ID, IeType.UPDATE_QER: IeType.QER_ID}.get(kind, IeType.URR_ID)
            id_type = IeType.PDR_ID if kind is IeType.REMOVE_PDR else id_type
            ies = [group(IeType.REMOVE_PDR, number(IeType.PDR_ID, 1)), group(kind, number(id_type, 99))]
            with pytest.raises(Exception, match="cause 73"):
                await rig.n4._modify(rig.upf.n4_address, up_seid, ies)
            assert rig.upf.rules.digest() == before

    asyncio.run(scenario())


def test_what_came_before_a_deletion_is_forwarded(rig_type: Any) -> None:
    """N4 is read first: the packets still lie in N3's and N6's sockets."""

    async def scenario() -> None:
        async with rig_type().running() as rig:
            up_seid, uplink = await rig.session(SessionPlan(UE))
            for _ in range(20):
                rig.send(uplink, UP)
            rig.n6.send(down(1))
            request = Message(MessageType.SESSION_DELETION_REQUEST, 1, up_seid, [])
            rig.upf.n4.handle(next(iter(rig.upf.n4.associations)), request)
            assert rig.n6.written == [UP] * 20
            assert (await rig.next()).payload == down(1)
            await rig.barrier()
            assert rig.upf.user_plane.dropped == 0

    asyncio.run(scenario())
