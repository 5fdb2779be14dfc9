# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs give the right medians, ratios and verdicts."""

from __future__ import annotations

import json
from dataclasses import asdict

from organic5gc.report import read_all, render

from tests.benchmark.backends.base import Load, Step
from tests.benchmark.measure import Run
from tests.benchmark.pace import Pace, Sample, TrackingCost
from tests.benchmark.raw import RawRate
from tests.benchmark.report import Spread, Verdict, quiet, summarize, table, verdicts
from tests.benchmark.run import joined
from tests.benchmark.runner import Failure, Results


def run(
    backend: str,
    gap_ms: float,
    memory_mb: int = 20,
    *,
    strategy: str = "inter_copy",
    sent: int | None = None,
    failed: int = 0,
    kept: int = 1,
) -> Run:
    return Run(
        backend=backend,
        strategy=strategy,
        load=Load(memory_mb) if strategy == "inter_copy" else Load(memory_mb, 1000, 20),
        service_gap_ms=gap_ms,
        interrupted_ms=gap_ms + 5,
        process_downtime_ms=gap_ms - 2,
        migration_time_ms=1000,
        cpu_busy=0.1,
        bytes_sent=sent if sent is not None else memory_mb << 20,
        requests={"failed": failed},
        tcp_connections={"kept": kept},
    )


def verdict(runs: list[Run], text: str) -> Verdict:
    (found,) = (verdict for verdict in verdicts(summarize(runs)) if text in verdict.text)
    return found


def test_a_spread_has_median_smallest_and_largest() -> None:
    assert Spread.of([3, 1, 2]) == Spread(2, 1, 3)
    assert Spread.of([1, 2, 3, 10]) == Spread(2.5, 1, 10)


def test_runs_of_one_backend_and_load_become_one_result() -> None:
    runs = [run("resident", 60), run("runc", 600), run("resident", 70, failed=2, kept=0), run("resident", 50, 200)]
    first, second, third = (summary.as_dict() for summary in summarize(runs))
    assert first == {
        "backend": "resident",
        "strategy": "inter_copy",
        "memory_mb": 20,
        "dirty_pages_per_s": 0,
        "working_set_mb": 0,
        "runs": 2,
        "service_gap_ms": {"median": 65, "min": 60, "max": 70},
        "interrupted_ms": {"median": 70, "min": 65, "max": 75},
        "process_downtime_ms": {"median": 63, "min": 58, "max": 68},
        "migration_time_ms": {"median": 1000, "min": 1000, "max": 1000},
        "bytes_sent": 20 << 20,
        "requests_failed": 2,
        "tcp_connections_kept": False,
        "drain_bytes_per_s": None,
        "raw_socket_bytes_per_s": None,
        "raw_kept_bytes_per_s": None,
        "flat_out": False,
        "tracking_cost_by_clock": None,
        "tracking_cost_by_cpu_time": None,
        "by_requests": False,
        "clone_pause_ms": None,
        "handover_ms": None,
        "clones_given_up": 0,
        "moved_by_pre_copy": 0,
    }
    assert (second["backend"], third["memory_mb"], third["tcp_connections_kept"]) == ("runc", 200, True)


def test_a_bound_holds_is_missed_or_was_not_measured() -> None:
    ours = run("resident", 60)
    assert verdict([ours], "inter-copy, service gap at 20 MB, ms").holds is True
    assert verdict([run("resident", 60.1)], "inter-copy, service gap at 20 MB, ms").holds is False
    assert verdict([ours], "Docker").holds is None
    assert verdict([ours, run("docker", 1200)], "Docker").holds is True
    assert verdict([ours, run("docker", 1199)], "Docker").holds is False
    assert verdict([ours, run("podman", 1199)], "Podman").holds is False
    assert verdict([ours, run("runc", 181)], "runc").holds is True
    assert verdict([ours, run("runc", 179)], "runc").holds is False
    assert verdict([ours, run("runc-tuned", 10)], "runc").holds is None
    assert verdict([run("resident", 300, 200)], "inter-copy, service gap at 200 MB, ms").holds is True
    assert verdict([ours, run("resident", 601, 200)], "20 to 200").holds is False
    assert (
        verdict([run("resident", 20, 20, sent=int(1.2 * (20 << 20)))], "inter-copy, bytes sent at 20 MB").holds is False
    )


def test_pre_copy_and_post_copy_are_judged_while_the_process_writes() -> None:
    pre = run("resident", 100, 1024, strategy="pre_copy", sent=int(1.15 * (1024 << 20)))
    assert verdict([pre], "pre-copy, service gap at 1024 MB").holds is True
    assert verdict([pre], "pre-copy, bytes sent at 1024 MB").holds is True
    assert verdict([pre], "inter-copy, service gap at 1024 MB, ms").holds is None
    idle = Run(**{**vars(pre), "load": Load(1024)})
    assert verdict([idle], "pre-copy, service gap at 1024 MB").holds is None
    assert verdict([run("resident", 46, strategy="pre_copy")], "pre-copy, service gap at 20 MB").holds is False
    # Its process downtime is 2 ms less than its gap.
    assert verdict([run("resident", 52, 200, strategy="post_copy")], "process downtime at 200 MB").holds is True
    assert verdict([run("resident", 53, 200, strategy="post_copy")], "process downtime at 200 MB").holds is False


def test_the_rest_of_post_copy_is_compared_with_a_raw_socket() -> None:
    post = run("resident", 40, 1024, strategy="post_copy")
    socket, kept = (f"rate of the rest at 1024 MB, as a part of {what}" for what in ("a raw socket's", "that of a raw"))
    assert verdict([post], socket).holds is verdict([post], kept).holds is None
    drained = Run(**{**vars(post), "drain_bytes_per_s": 0.8e9, "raw": RawRate(socket=1.1e9, kept=1e9)})
    assert verdict([drained], socket).holds is False
    assert verdict([drained], kept).holds is True
    assert "at least 0.8" in str(verdict([drained], kept))


def test_tracking_is_judged_by_the_cpu_time_of_a_busy_writer() -> None:
    samples = [Sample(10 + i / 10, 1000 * i, i / 10) for i in range(11)]
    # As much CPU time, a tenth more of it for each page, and half of the time it got none.
    samples += [Sample(11 + i / 10, 10_000 + 455 * i, 1 + i / 20) for i in range(1, 11)]
    cost = TrackingCost.of(Pace.between(samples, 10, 11.05), Pace.between(samples, 11, 12))
    assert cost and 0.54 < cost.by_clock < 0.55 and 0.089 < cost.by_cpu_time < 0.091
    assert Pace.between(samples, 10, 10.15) is None
    load = Load(1024, 0, 20, flat_out=True)
    tracked = Run(**{**vars(run("resident", 50, 1024, strategy="pre_copy")), "load": load, "tracking": cost})
    assert verdict([tracked], "dirty tracking").holds is False
    assert verdict([tracked], "pre-copy, service gap at 1024 MB").holds is None
    assert Run.from_dict(json.loads(json.dumps(tracked.as_dict()))) == tracked


def test_runs_are_read_back_as_they_were_written() -> None:
    written = Run(
        **{
            **vars(run("resident", 40, strategy="post_copy")),
            "steps": [Step("freeze", 1.0, 0.5)],
            "raw": RawRate(socket=2e9, kept=1e9),
        }
    )
    assert Run.from_dict(json.loads(json.dumps(written.as_dict()))) == written


def test_the_bounds_are_those_of_a_process_that_writes_nothing() -> None:
    dirtying = Run(**{**vars(run("resident", 60)), "load": Load(20, dirty_pages_per_s=1000)})
    assert verdict([dirtying], "inter-copy, service gap at 20 MB, ms").holds is None


def test_what_is_run_again_replaces_the_old_and_the_rest_stays() -> None:
    old, other = run("resident", 90), run("runc", 600)
    failure = Failure("resident", "inter_copy", Load(20), 3, "why")
    failed = Failure("podman", "inter_copy", Load(20), 1, "why")
    now = Results([run("resident", 60)])
    both = joined(Results([old, other], [failure, failed]), now)
    assert both.runs == [other, *now.runs]
    assert both.failures == [failed]
    assert Failure.from_dict(json.loads(json.dumps(asdict(failed)))) == failed
    assert joined(Results([old, other]), Results([], [failure])).runs == [other]


def test_the_table_shows_the_ratio_to_ours() -> None:
    header, ours, runc = table(summarize([run("resident", 60), run("runc", 600, failed=3)])).splitlines()
    assert "x ours" in header and "60.0 (60.0-60.0)" in ours and " 1.0 " in ours
    assert "600 (600-600)" in runc and " 10.0 " in runc
    assert len({len(line.rstrip()) for line in (header, ours, runc)}) == 1


def test_what_is_written_is_what_a_report_is_made_of() -> None:
    """The tests of the page have results that were made by hand."""
    runs = [run("resident", 60), run("runc", 600, failed=3)]
    written = json.loads(json.dumps([one.as_dict() for one in summarize(runs)]))
    page = render(read_all([("results.json", written)]))
    assert "600" in page and "<svg" in page


def test_there_is_no_ratio_without_ours() -> None:
    assert " - " in table(summarize([run("runc", 600)])).splitlines()[1]


def test_a_busy_machine_is_named() -> None:
    assert quiet([run("resident", 60)] * 3) == ""
    busy = Run(**{**vars(run("resident", 60)), "cpu_busy": 0.8})
    assert "80% of its CPUs" in quiet([busy, busy, run("resident", 60)])
    assert quiet([]) == ""
