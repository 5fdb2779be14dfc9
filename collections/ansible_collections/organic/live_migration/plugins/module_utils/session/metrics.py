# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of the migrations that left this host, for Prometheus.

They are counted in the file itself, by the supervisor, when a migration has ended. Nothing is written unless the role
migration_host has named the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .. import paths
from ..host import textfile
from ..host.textfile import COUNTER, GAUGE, HISTOGRAM, Family, Sample, Samples
from .outcome import Outcome, Verdict

FILE = "organic_migrations.prom"
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_LOCK_TIMEOUT_S, _LOCK_POLL_S = 2.0, 0.01
_COUNT = "organic_migrations_total"
_BYTES = "organic_migration_sent_bytes_total"
_DOWNTIME = "organic_migration_process_downtime_seconds"
_TIME = "organic_migration_time_seconds"
_LAST_END = "organic_migration_last_end_timestamp_seconds"
_LAST_DOWNTIME = "organic_migration_last_process_downtime_seconds"
FAMILIES = (
    Family(_COUNT, COUNTER, "Migrations that were begun on this host and have ended, by where the process was then."),
    Family(_BYTES, COUNTER, "Bytes that this host sent in migrations."),
    Family(_DOWNTIME, HISTOGRAM, "From the freeze on this host until the process ran on the target; completed ones."),
    Family(_TIME, HISTOGRAM, "From the start of the agent on this host until the end; completed ones."),
    Family(_LAST_END, GAUGE, "When the last migration of a container from this host ended, and how."),
    Family(_LAST_DOWNTIME, GAUGE, "Process downtime of the last completed migration of a container from this host."),
)


def record(container: str, outcome: Outcome) -> None:
    """Count a migration that has ended. Without the directory, or a place in it, nothing is counted."""
    if not paths.METRICS.is_dir():
        return
    with contextlib.suppress(OSError, ValueError):
        directory = paths.METRICS.resolve()
        with _locked(directory):
            path = directory / FILE
            samples = textfile.parse(path.read_text(encoding="utf-8")) if path.exists() else {}
            _count(samples, container, outcome)
            textfile.write(path, textfile.render(FAMILIES, samples))


def _count(samples: Samples, container: str, outcome: Outcome) -> None:
    for verdict in Verdict:
        samples.setdefault(Sample.of(_COUNT, outcome=verdict.value), 0)
    _add(samples, Sample.of(_COUNT, outcome=outcome.verdict.value), 1)
    _add(samples, Sample.of(_BYTES), outcome.bytes_sent)
    for old in [one for one in samples if one.name == _LAST_END and ("container", container) in one.labels]:
        del samples[old]
    samples[Sample.of(_LAST_END, container=container, outcome=outcome.verdict.value)] = round(time.time(), 3)
    if outcome.verdict is not Verdict.COMPLETED:
        return
    statistics = outcome.statistics
    strategy = statistics.strategy if statistics else ""
    downtime_s = outcome.process_downtime_ms / 1000
    _observe(samples, _DOWNTIME, strategy, downtime_s)
    _observe(samples, _TIME, strategy, (statistics.elapsed_ms if statistics else 0.0) / 1000)
    samples[Sample.of(_LAST_DOWNTIME, container=container)] = downtime_s


def _observe(samples: Samples, name: str, strategy: str, seconds: float) -> None:
    for bound in BUCKETS_S:
        _add(samples, Sample.of(f"{name}_bucket", strategy=strategy, le=f"{bound:g}"), seconds <= bound)
    _add(samples, Sample.of(f"{name}_bucket", strategy=strategy, le="+Inf"), 1)
    _add(samples, Sample.of(f"{name}_sum", strategy=strategy), seconds)
    _add(samples, Sample.of(f"{name}_count", strategy=strategy), 1)


def _add(samples: Samples, sample: Sample, value: float) -> None:
    samples[sample] = samples.get(sample, 0) + value


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Several migrations may end at once. OSError when another process keeps the lock: whoever may read can do that."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(descriptor)
