# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a run (README.md describes it)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..load.gaps import GapMeter
from ..load.latencies import Latencies
from ..load.program import milliseconds
from .procedures import RECOVERY, RECOVERY_OF_SESSION
from .statistics import percentiles

if TYPE_CHECKING:
    from .driver import Driver


def summarise(driver: Driver, unfinished: int) -> dict[str, Any]:
    """What gNBs, UEs and clients of the SBI saw, `unfinished` turns of the load among it."""
    load, pings, ues = driver.load, driver.pings, driver.ues
    kinds = driver.log.kinds()
    recoveries = {kind: kinds.pop(kind) for kind in (RECOVERY, RECOVERY_OF_SESSION) if kind in kinds}
    # What failed in the set-up was tried again, and is counted there.
    meters = {"procedures": load.gaps, "n2": driver.n2_probe.gaps, "n3": pings.gaps}
    return {
        "ues": {
            "count": len(ues),
            "registered": sum(ue.registered for ue in ues),
            "connected": sum(ue.connection is not None for ue in ues),
            "idle": sum(ue.registered and ue.connection is None for ue in ues),
            "sessions": sum(ue.session is not None for ue in ues),
        },
        "registrations_per_s": round(load.registered_per_s, 2),
        "setup_retries": load.setup_retries,
        "procedures": kinds,
        "recoveries": recoveries,
        "failed": driver.log.failed_since(driver.started),
        "unfinished": unfinished,
        "skipped": load.skipped,
        **asdict(driver.counters),
        "ngap_errors": sum(gnb.errors for gnb in driver.gnbs),
        "associations": {"gnbs": len(driver.gnbs), "lost": driver.lost_associations},
        "gaps_ms": {
            **{name: milliseconds(meter.longest.length) for name, meter in meters.items()},
            "sbi": {probe.name: milliseconds(probe.gaps.longest.length) for probe in driver.sbi_probes},
        },
        "driver_lag_ms": max(driver.log.lag_ms(driver.started), milliseconds(driver.n2_probe.lag_s)),
        "driver_cpu": {
            "ms_per_registration": milliseconds(load.setup_cpu_s / len(ues)),
            "share_under_load": round(driver.cpu_share, 3),
        },
        "pings": {
            "sent": pings.sent,
            "answered": pings.answered,
            "lost": pings.sent - pings.answered,
            "duplicated": pings.duplicated,
            "error_indications": pings.error_indications,
        },
        "probes": {
            "n2": {
                "sent": driver.n2_probe.sent,
                "answered": driver.n2_probe.answered,
                "latency_ms": percentiles(driver.n2_probe.latencies.seconds),
            },
            **{
                probe.name: {
                    "sent": probe.sent,
                    "answered": probe.answered,
                    "latency_ms": percentiles(probe.latencies.seconds),
                    "connections": probe.connections,
                    "failures": dict(probe.failures),
                }
                for probe in driver.sbi_probes
            },
        },
        "first_ts": round(driver.wall + driver.started, 6),
        "last_ts": round(driver.wall + driver.stopped, 6),
        "gaps": {
            **{name: _noted(driver, meter) for name, meter in meters.items()},
            **{f"sbi.{probe.name}": _noted(driver, probe.gaps) for probe in driver.sbi_probes},
        },
        "latencies": {
            "n2": _slowest(driver, driver.n2_probe.latencies),
            "n3": _slowest(driver, pings.latencies),
            **{f"sbi.{probe.name}": _slowest(driver, probe.latencies) for probe in driver.sbi_probes},
        },
    }


def _noted(driver: Driver, meter: GapMeter) -> list[dict[str, float]]:
    return [{"start_ts": round(driver.wall + gap.start, 6), "ms": milliseconds(gap.length)} for gap in meter.noted]


def _slowest(driver: Driver, latencies: Latencies) -> dict[str, object]:
    return latencies.slowest(driver.started, driver.stopped, driver.wall)
