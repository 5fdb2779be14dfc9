# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as the playbooks and the benchmark write them, made by hand: every part of a report has something to show."""

from __future__ import annotations

from typing import Any

BEGAN = 1_796_031_400.0
HOSTILE = '<script>alert("x")</script> $x$ & a-name-that-is-far-too-long-for-the-axis-of-a-plot'

STEPS = (
    ("prepare", 0.0, 1000.0),
    ("connect", 1001.0, 30.0),
    ("setup", 1031.0, 120.0),
    ("precopy", 1151.0, 60.0),
    ("freeze", 1220.0, 0.4),
    ("dump", 1220.4, 20.0),
    ("restore", 1240.4, 15.0),
    ("final_memory", 1255.4, 0.1),
    ("run", 1255.5, 2.0),
    ("release", 1260.0, 80.0),
)
FREEZE_AT = BEGAN + 0.220


def migration(strategy: str = "pre_copy", downtime_ms: float = 37.5, **more: Any) -> dict[str, Any]:
    """The file that migration_report names."""
    costs = [
        {"strategy": name, "downtime_ms": ms, "migration_time_ms": 2300.0, "bytes_sent": 18_432_000, "converges": True}
        for name, ms in (("inter_copy", 98.1), ("pre_copy", 25.4), ("post_copy", 22.1), ("hybrid", 22.1))
    ]
    predicted = next(one for one in costs if one["strategy"] == strategy)
    return {
        "nf": "smf",
        "name": "smf",
        "source_host": "edge-a",
        "target_host": "edge-b",
        "strategy": strategy,
        "method": "resident",
        "status": "completed",
        "outcome": "completed",
        "migration_time_ms": 1340.0,
        "process_downtime_ms": downtime_ms,
        "bytes_sent": 23_000_000,
        "memory_bytes": 16_700_000,
        "steps": [{"name": name, "start_ms": start, "duration_ms": took} for name, start, took in STEPS],
        "statistics": {
            "started_at": BEGAN,
            "expected_downtime_ms": 25.8,
            "downtime_limit_ms": 300,
            "rounds": [
                {"number": 1, "at_ms": 151, "duration_ms": 50.0, "pages_written": 4000, "bytes_sent": 16_384_000},
                {"number": 2, "at_ms": 201, "duration_ms": 5.0, "pages_written": 400, "bytes_sent": 1_638_400},
            ],
        },
        "kept": {
            "amf": {"ues.registered": {"before": 100, "after": 101}},
            "smf": {"sessions": {"before": 98, "after": 97}},
        },
        "sessions": {"before": 98, "after": 97},
        "pfcp": {
            "association_kept": True,
            "recovery_time_stamp_before": 3991234567,
            "recovery_time_stamp_after": 3991234567,
        },
        "violations": [],
        "prediction": {**predicted, "reason": "it is the cheapest", "strategies": costs},
        **more,
    }  # fmt: skip


def clients() -> dict[str, Any]:
    """The file that gnb_summary names: an answer each 10 ms, which waits while the process is stopped."""

    def answered(due: float) -> list[float]:
        waits = max(0.0, FREEZE_AT + 0.0375 - due) * 1000 if due >= FREEZE_AT else 0.0
        return [round(due, 4), 2.0 + waits]

    points = [answered(BEGAN - 1 + number / 100) for number in range(300)]
    return {
        "gaps_ms": {"n2": 45.0, "n3": 41.0, "procedures": 60.0, "sbi": {"smf": 44.0}},
        "associations": {"gnbs": 2, "lost": 0},
        "failed": 0,
        "unfinished": 0,
        "latencies": {name: {"bin_ms": 5.0, "points": points} for name in ("n2", "n3", "sbi.smf")},
    }


def drain() -> dict[str, Any]:
    """The file that drain_report names."""
    moved = [
        {
            "name": name, "from": "edge-a", "to": "edge-b", "status": "moved", "reason": "", "outcome": "completed",
            "strategy": "pre_copy", "note": "", "process_downtime_ms": 40.0 + number, "predicted_downtime_ms": 25.0,
            "migration_time_ms": 1300.0, "started_at": BEGAN + number * 0.7,
        }
        for number, name in enumerate(("nrf", "smf", "upf"))
    ]  # fmt: skip
    stays = {"name": HOSTILE, "from": "edge-a", "to": "", "status": "stays", "reason": "it holds <kernel> SCTP"}
    return {
        "host": "edge-a",
        "direction": "away",
        "complete": False,
        "dry_run": False,
        "containers": [*moved, stays],
        "violations": ["smf had 98 sessions before and has 97 after"],
        "where": {"nrf": "edge-b", "smf": "edge-b", "upf": "edge-b", HOSTILE: "edge-a"},
        "unreachable": {"edge-c": "timed out"},
        "home": ["nrf", "smf", "upf"],
    }


def load(strategy: str, memory_mb: int, rate: int, backend: str = "resident") -> dict[str, Any]:
    """An entry of the results of the benchmark."""
    spread = {"median": memory_mb + 20.0, "min": memory_mb + 10.0, "max": memory_mb + 60.0}
    return {
        "backend": backend,
        "strategy": strategy,
        "memory_mb": memory_mb,
        "dirty_pages_per_s": rate,
        "working_set_mb": 20,
        "runs": 5,
        "service_gap_ms": spread,
        "process_downtime_ms": spread,
        "migration_time_ms": spread,
        "bytes_sent": memory_mb << 20,
        "requests_failed": 0,
        "predicted": {"process_downtime_ms": memory_mb + 15.0, "migration_time_ms": memory_mb + 30.0},
    }


def benchmark() -> list[dict[str, Any]]:
    """The file results.json of `make benchmark`."""
    kinds = (("inter_copy", "resident"), ("pre_copy", "resident"), ("post_copy", "resident"), ("hybrid", "resident"),
             ("inter_copy", "docker"), ("inter_copy", "podman"))  # fmt: skip
    return [load(name, size, rate, tool) for name, tool in kinds for size in (20, 200, 1024) for rate in (0, 1000)]


def campaign() -> dict[str, Any]:
    """The file results.json of `make core`."""
    rows = [
        {
            "nf": nf, "strategy": strategy, "source": "edge-a", "target": "edge-b", "completed": nf != "upf",
            "migration_time_ms": 1300.0, "process_downtime_ms": 40.0 + number, "gap_ms": {"sbi": 50.0, "n2": 0.0},
            "failed": {}, "message": "",
        }
        for nf in ("amf", "smf", "upf")
        for number, strategy in enumerate(("inter_copy", "pre_copy", "post_copy", "hybrid"))
    ]  # fmt: skip
    return {"rows": rows, "notes": []}
