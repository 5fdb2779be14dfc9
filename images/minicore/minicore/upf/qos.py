# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QoS enforcement rules: gates, bit rates, QoS flow (TS 29.244 clause 5.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..pfcp.qos_ies import BitRates

BURST_S = 0.1
MIN_BURST_BYTES = 16 * 1024
"""What a bucket holds at least: packets of one window of TCP come together."""


class TokenBucket:
    """Lets `rate` kilobits a second pass, and `BURST_S` seconds of it at once."""

    __slots__ = ("_at", "_burst", "_bytes_per_s", "_tokens")

    def __init__(self, kbit_per_s: int) -> None:
        self._bytes_per_s = kbit_per_s * 125.0
        self._burst = max(self._bytes_per_s * BURST_S, MIN_BURST_BYTES)
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, size: int, now: float) -> bool:
        """Whether `size` octets may pass at `now` (seconds of a monotonic clock)."""
        if self._at is not None and now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._bytes_per_s)
        self._at = now
        if self._tokens < size:
            return False
        self._tokens -= size
        return True


@dataclass(slots=True)
class Qer:
    """A rule; `qfi` marks downlink packets."""

    qer_id: int
    uplink_open: bool
    downlink_open: bool
    rates: BitRates | None = None
    qfi: int | None = None
    uplink: TokenBucket | None = field(default=None, repr=False, compare=False)
    downlink: TokenBucket | None = field(default=None, repr=False, compare=False)

    def limit(self, rates: BitRates) -> None:
        """Set the maximum bit rates; a bucket whose rate stays is kept as it is."""
        if rates != self.rates:
            self.rates = rates
            self.uplink, self.downlink = TokenBucket(rates.uplink), TokenBucket(rates.downlink)
