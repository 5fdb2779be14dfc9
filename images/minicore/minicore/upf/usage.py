# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage reporting rules: measured volume and time, thresholds, quotas (TS 29.244 clause 5.2.2)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..pfcp.codec import Ie, IeType
from ..pfcp.ies import NTP_EPOCH, group, number
from ..pfcp.qos_ies import Method, Trigger, Volume, trigger, volume

NOTHING = Trigger(0)


def ntp_now() -> int:
    """Seconds since 1900, as the start and end times of reports are."""
    return (int(time.time()) + NTP_EPOCH) & 0xFFFFFFFF


def reached(limit: Volume, uplink: int, downlink: int) -> bool:
    """Whether octets have reached one of the limits."""
    return (
        (limit.total is not None and uplink + downlink >= limit.total)
        or (limit.uplink is not None and uplink >= limit.uplink)
        or (limit.downlink is not None and downlink >= limit.downlink)
    )


@dataclass(slots=True)
class Urr:
    """A rule and what it has measured since its last report; times are in seconds."""

    urr_id: int
    method: Method
    triggers: Trigger
    threshold: Volume | None = None
    quota: Volume | None = None
    time_threshold_s: int | None = None
    time_quota_s: int | None = None
    period_s: int | None = None
    uplink: int = field(default=0, repr=False, compare=False)
    downlink: int = field(default=0, repr=False, compare=False)
    quota_uplink: int = field(default=0, repr=False, compare=False)
    quota_downlink: int = field(default=0, repr=False, compare=False)
    exhausted: bool = field(default=False, repr=False, compare=False)
    """The quota is used up: nothing passes until there is a new one (clause 5.2.2.2.1)."""
    sequence: int = field(default=0, repr=False, compare=False)
    started: int = field(default_factory=ntp_now, repr=False, compare=False)

    def count(self, size: int, is_uplink: bool) -> Trigger:
        """Count a packet; return what is to be reported because of it."""
        if is_uplink:
            self.uplink += size
        else:
            self.downlink += size
        due = NOTHING
        if self.quota is not None:
            if is_uplink:
                self.quota_uplink += size
            else:
                self.quota_downlink += size
            if not self.exhausted and reached(self.quota, self.quota_uplink, self.quota_downlink):
                self.exhausted = True
                due |= self.triggers & Trigger.VOLUME_QUOTA
        if self.threshold is not None and reached(self.threshold, self.uplink, self.downlink):
            due |= self.triggers & Trigger.VOLUME_THRESHOLD
        return due

    def grant(self, quota: Volume) -> None:
        """Replace the volume quota; what was used of the former one does not count."""
        self.quota = quota
        self.quota_uplink = self.quota_downlink = 0
        self.exhausted = False

    def report(self, kind: IeType, cause: Trigger) -> Ie:
        """A usage report in the element of the message that carries it; measuring begins from zero again."""
        now = ntp_now()
        elements = [
            number(IeType.URR_ID, self.urr_id),
            number(IeType.UR_SEQN, self.sequence),
            trigger(IeType.USAGE_REPORT_TRIGGER, cause),
            number(IeType.START_TIME, self.started),
            number(IeType.END_TIME, now),
        ]
        if Method.VOLUME in self.method:
            measured = Volume(self.uplink + self.downlink, self.uplink, self.downlink)
            elements.append(volume(IeType.VOLUME_MEASUREMENT, measured))
        if Method.DURATION in self.method:
            elements.append(number(IeType.DURATION_MEASUREMENT, max(now - self.started, 0)))
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        self.started = now
        self.uplink = self.downlink = 0
        return group(kind, *elements)
