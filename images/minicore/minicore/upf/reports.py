# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the UPF reports by itself: downlink data, usage, error indications (TS 29.244 clauses 6.3.5 and 7.5.8)."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable

from ..pfcp.codec import CodecError, Ie, IeType, MessageType
from ..pfcp.endpoint import PfcpEndpoint, PfcpTimeout
from ..pfcp.ies import Cause, Teid, f_teid, group, number, read_number
from ..pfcp.qos_ies import ReportType, Trigger
from .rules import N4Session, Pdr
from .usage import Urr

log = logging.getLogger(__name__)


class Reports:
    """Sends Session Report Requests, and holds the timers of the URRs."""

    def __init__(self, endpoint: PfcpEndpoint, on_unknown: Callable[[N4Session], None]) -> None:
        """`on_unknown` hears of a session that its SMF does not know."""
        self._endpoint = endpoint
        self._on_unknown = on_unknown
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[tuple[int, int, Trigger], asyncio.TimerHandle] = {}
        self.usage_reports = 0

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def downlink_data(self, session: N4Session, pdr: Pdr) -> None:
        """The first packet for an idle UE waits."""
        session.notified = True
        service = struct.pack("!BB", 0x02, pdr.qfi)
        report = group(
            IeType.DOWNLINK_DATA_REPORT,
            number(IeType.PDR_ID, pdr.pdr_id),
            Ie(IeType.DOWNLINK_DATA_SERVICE_INFORMATION, service),
        )
        self._start(session, ReportType.DOWNLINK_DATA, report)

    def usage(self, session: N4Session, urr: Urr, cause: Trigger) -> None:
        """A threshold or quota was reached, or a period is over."""
        self._start(session, ReportType.USAGE, self.measured(urr, IeType.USAGE_REPORT_REPORT, cause))

    def measured(self, urr: Urr, kind: IeType, cause: Trigger) -> Ie:
        """A usage report as an element, counted."""
        self.usage_reports += 1
        return urr.report(kind, cause)

    def error_indication(self, session: N4Session, remote: Teid) -> None:
        """The gNB does not know its tunnel (TS 23.527 clause 5.3.3)."""
        self._start(session, ReportType.ERROR_INDICATION, group(IeType.ERROR_INDICATION_REPORT, f_teid(remote)))

    def watch(self, session: N4Session) -> None:
        """Start the timers of a session's URRs again, by what they say now."""
        self.forget(session)
        for urr in session.rules.urrs.values():
            for cause, seconds in (
                (Trigger.PERIODIC, urr.period_s),
                (Trigger.TIME_THRESHOLD, urr.time_threshold_s),
                (Trigger.TIME_QUOTA, urr.time_quota_s),
            ):
                if seconds and cause in urr.triggers:
                    self._set_timer(session, urr.urr_id, cause, seconds)

    def forget(self, session: N4Session) -> None:
        for key in [key for key in self._timers if key[0] == session.up_seid]:
            self._timers.pop(key).cancel()

    def _set_timer(self, session: N4Session, urr_id: int, cause: Trigger, seconds: float) -> None:
        key = session.up_seid, urr_id, cause
        self._timers[key] = self._loop.call_later(seconds, self._due, session, urr_id, cause, seconds)

    def _due(self, session: N4Session, urr_id: int, cause: Trigger, seconds: float) -> None:
        del self._timers[session.up_seid, urr_id, cause]
        urr = session.rules.urrs[urr_id]
        if cause is Trigger.TIME_QUOTA:
            urr.exhausted = True
        else:
            self._set_timer(session, urr_id, cause, seconds)
        self.usage(session, urr, cause)

    def _start(self, session: N4Session, kind: ReportType, report: Ie) -> None:
        task = self._loop.create_task(self._send(session, kind, report))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, session: N4Session, kind: ReportType, report: Ie) -> None:
        ies = [number(IeType.REPORT_TYPE, kind), report]
        try:
            response = await self._endpoint.request(
                session.peer, MessageType.SESSION_REPORT_REQUEST, ies, session.cp_seid.seid
            )
            cause = read_number(response.need(IeType.CAUSE))
            if cause == Cause.ACCEPTED:
                return
            log.warning("report of session %s refused: cause %s", session.up_seid, cause)
            if cause == Cause.SESSION_CONTEXT_NOT_FOUND:
                self._on_unknown(session)
        except (PfcpTimeout, CodecError) as error:
            log.warning("report of session %s: %s", session.up_seid, error)
        # The next packet is reported again.
        session.notified = False


def read_remote(data: bytes) -> Teid | None:
    """TEID Data I and GTP-U Peer Address of an Error Indication (TS 29.281 clause 7.3.1), IPv4."""
    if len(data) < 12 or data[0] != 16 or data[5] != 133 or data[6:8] != b"\0\4":
        return None
    return Teid(int.from_bytes(data[1:5], "big"), socket.inet_ntoa(data[8:12]))
