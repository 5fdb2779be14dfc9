# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections of a report: for each a sentence that says how to read it, a plot and a table of the same figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from organic5gc.report import plots
from organic5gc.report.inputs import Benchmark, Campaign, Drain, Migration, Moved, Series, Spread, Subject

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """Numbers are shown at the right, texts at the left."""

    titles: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def is_number(self, column: int) -> bool:
        return all(not isinstance(row[column], str) for row in self.rows)


@dataclass(frozen=True)
class Section:
    """One part of a chapter. ``plot`` is SVG that this package made."""

    title: str
    text: str
    table: Table
    plot: str = ""


@dataclass(frozen=True)
class Chapter:
    """One subject of a report."""

    title: str
    facts: Sequence[tuple[str, str]]
    is_good: bool
    verdict: Sequence[str]
    sections: Sequence[Section]


def chapter(subject: Subject, name: str) -> Chapter:
    """What is reported of one subject; ``name`` is unique in the page."""
    if isinstance(subject, Migration):
        return _migration(subject, name)
    if isinstance(subject, Drain):
        return _drain(subject, name)
    if isinstance(subject, Benchmark):
        return _benchmark(subject, name)
    return _campaign(subject, name)


def comparison(migrations: Sequence[Migration], name: str) -> Section:
    """Several migrations beside each other."""
    rows = [
        (f"{one.name}, {one.strategy}" if len({each.name for each in migrations}) > 1 else one.strategy, one)
        for one in migrations
    ]
    table = Table(
        ("migration", "strategy", "downtime, ms", "migration time, ms", "MB sent", "SBI gap, ms", "status"),
        [
            (
                f"{one.name} from {one.source_host} to {one.target_host}",
                one.strategy,
                round(one.process_downtime_ms, 1),
                round(one.migration_time_ms),
                round(one.bytes_sent / 1e6, 1),
                _rounded(one.gaps_ms.get(f"sbi.{one.name}")),
                one.status,
            )
            for one in migrations
        ],
    )
    plot = plots.compared(name, [(text, one.process_downtime_ms, one.migration_time_ms) for text, one in rows])
    return Section(
        "Comparison of strategies",
        "Only migrations of the same container on the same hosts, under the same load, can be compared.",
        table,
        plot,
    )


def _migration(its: Migration, name: str) -> Chapter:
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(its.started_at)) if its.started_at else ""
    of_memory = f" for {its.memory_bytes / 1e6:.1f} MB of memory" if its.memory_bytes else ""
    facts = [
        ("strategy", f"{its.strategy}, method {its.method}"),
        ("began", began),
        ("process downtime", _ms(its.process_downtime_ms)),
        ("migration time", _ms(its.migration_time_ms)),
        ("sent", f"{its.bytes_sent / 1e6:.1f} MB{of_memory}"),
        *((f"longest gap on {interface}", _ms(gap)) for interface, gap in its.gaps_ms.items()),
    ]
    verdict = list(its.violations)
    if its.status != "completed" and not verdict:
        verdict = [f"It ended as {its.status}: {its.outcome.replace('_', ' ')}"]
    if not verdict:
        verdict = ["Nothing was lost" if its.is_verified else "It completed; the file does not say what was verified"]
    title = f"{its.name} from {its.source_host} to {its.target_host}: {its.status}"
    is_good = its.status == "completed" and not its.violations
    return Chapter(title, [fact for fact in facts if fact[1]], is_good, verdict, list(_of_migration(its, name)))


def _of_migration(its: Migration, name: str) -> Iterator[Section]:
    rows: list[Sequence[Cell]]
    if its.steps:
        rows = [(step.name, round(step.start_ms, 1), round(step.duration_ms, 1)) for step in its.steps]
        text = "The process is stopped from freeze to run. docs/results.md says what each step does."
        table = Table(("step", "start, ms", "duration, ms"), rows)
        yield Section("Timeline", text, table, plots.steps(f"{name}-steps", its.steps, its.down_steps))
    if its.down_steps:
        yield _downtime(its, name)
    yield from _latencies(its, name)
    if its.rounds:
        rows = [
            (
                str(one.number or "after the pause"),
                round(one.duration_ms, 1),
                one.pages_written,
                round(one.bytes_sent / 1e6, 2),
            )
            for one in its.rounds
        ]
        text = "The first round sends all memory, each further one the pages that were written meanwhile."
        table = Table(("round", "duration, ms", "pages found", "MB sent"), rows)
        yield Section("Memory rounds", text, table, plots.rounds(f"{name}-rounds", its.rounds))
    if its.health:
        yield _health(its, name)
    yield from _prediction(its, name)


def _downtime(its: Migration, name: str) -> Section:
    first = its.down_steps[0].start_ms
    rows = [(step.name, round(step.start_ms - first, 2), round(step.duration_ms, 2)) for step in its.down_steps]
    return Section(
        "Steps of the downtime",
        "The same steps, from the freeze on.",
        Table(("step", "after the freeze, ms", "duration, ms"), rows),
        plots.steps(f"{name}-down", its.down_steps, its.down_steps, first),
    )


def _latencies(its: Migration, name: str) -> Iterator[Section]:
    freeze_at = its.freeze_at
    if its.clients is None or freeze_at is None or not its.clients.covers(freeze_at):
        return
    last = its.down_steps[-1]
    down_ms = last.start_ms + last.duration_ms - its.down_steps[0].start_ms
    drawn = [one for one in its.clients.series if plots.around(one, freeze_at, down_ms)]
    rows = [_latency(one, freeze_at, down_ms) for one in drawn]
    table = Table(("interface", "median before, ms", "slowest in the downtime, ms", "median after, ms"), rows)
    yield Section(
        "Latencies around the freeze",
        "Each mark is an answer to a client, at the time when its request was due; the downtime is shaded. A request "
        "that is due in the downtime is held, and answered after it.",
        table,
        plots.latencies(f"{name}-latencies", drawn, freeze_at, its.down_steps),
    )


def _latency(series: Series, freeze_at: float, down_ms: float) -> Sequence[Cell]:
    near = plots.around(series, freeze_at, down_ms)
    end = freeze_at + down_ms / 1000
    before = [ms for due, ms in near if due < freeze_at]
    # Held since before the freeze, too: due while the process still ran, answered by its copy.
    during = [ms for due, ms in near if due <= end and due + ms / 1000 >= freeze_at]
    after = [ms for due, ms in near if due > end]
    return (
        series.name,
        _rounded(statistics.median(before) if before else None),
        _rounded(max(during, default=None)),
        _rounded(statistics.median(after) if after else None),
    )


def _health(its: Migration, name: str) -> Section:
    rows: list[Sequence[Cell]] = [(what, held.before, held.after) for what, held in its.health]
    if its.pfcp:
        stamps = (its.pfcp.recovery_time_stamp_before, its.pfcp.recovery_time_stamp_after)
        rows.append((f"{its.name}: PFCP recovery time stamp", *stamps))
    return Section(
        "Health before and after",
        "Users come and go under load, so that single ones may be missing for a moment. A new recovery time stamp "
        "would mean that the NF was restarted.",
        Table(("what", "before", "after"), rows),
        plots.health(f"{name}-health", its.health) if any(held.before for _, held in its.health) else "",
    )


def _prediction(its: Migration, name: str) -> Iterator[Section]:
    predicted = its.predicted
    if predicted is None:
        if its.expected_downtime_ms:
            rows = [
                ("expected at the last round", round(its.expected_downtime_ms, 1)),
                ("measured", round(its.process_downtime_ms, 1)),
                ("limit (downtime_limit_ms)", round(its.downtime_limit_ms, 1)),
            ]
            text = "What the last round of pre-copy let expect. With strategy auto, all strategies are predicted here."
            yield Section("Prediction and outcome", text, Table(("downtime", "ms"), rows))
        return
    rows_by_measure: list[Sequence[Cell]] = [
        ("process downtime, ms", round(predicted.downtime_ms, 1), round(its.process_downtime_ms, 1)),
        ("migration time, ms", round(predicted.migration_time_ms), round(its.migration_time_ms)),
        ("MB sent", round(predicted.bytes_sent / 1e6, 1), round(its.bytes_sent / 1e6, 1)),
        *((f"downtime of {one.strategy}, ms", round(one.downtime_ms, 1), None) for one in its.costs),
    ]
    yield Section(
        "Prediction and outcome",
        "The cost model has predicted every strategy from the memory, what was written, and the rate of the link.",
        Table(("measure", "predicted", "measured"), rows_by_measure),
        plots.prediction(f"{name}-prediction", its.costs or [predicted], its),
    )


def _drain(its: Drain, name: str) -> Chapter:
    moved = [one for one in its.containers if one.status in ("moved", "would_move")]
    did = ("would leave" if its.is_dry_run else "left") if its.direction == "away" else "came back to"
    there: dict[str, list[str]] = {}
    for container, host in sorted(its.where.items()):
        there.setdefault(host, []).append(container)
    facts = [("containers", f"{len(moved)} of {len(its.containers)} {did} {its.host}")]
    facts += [(f"now on {host}", " ".join(names)) for host, names in sorted(there.items())]
    verdict = [f"{one.name} stays: {one.reason}" for one in its.containers if one not in moved]
    verdict += [*its.violations, *(f"{host} cannot be reached: {why}" for host, why in its.unreachable.items())]
    title = f"{'Drain' if its.direction == 'away' else 'Undrain'} of {its.host}"
    return Chapter(title, facts, its.is_complete, verdict or ["Nothing was lost"], list(_of_drain(its, name)))


def _of_drain(its: Drain, name: str) -> Iterator[Section]:
    if not its.containers:
        return
    timed = sorted((one for one in its.containers if one.started_at), key=lambda one: one.started_at or 0.0)
    if timed:
        first = timed[0].started_at or 0.0
        rows = [
            (
                one.name,
                one.source,
                one.target,
                round((one.started_at or 0.0) - first, 2),
                _rounded((one.migration_time_ms or 0.0) / 1000),
            )
            for one in timed
        ]
        text = "An NF moves after those whose services it uses; several are in progress at once."
        table = Table(("container", "from", "to", "began, s", "took, s"), rows)
        yield Section("Timeline", text, table, plots.drained(f"{name}-timeline", timed))
    measured = [one for one in its.containers if one.process_downtime_ms or one.predicted_downtime_ms]
    yield Section(
        "Prediction and outcome" if any(one.predicted_downtime_ms for one in measured) else "Downtimes",
        "Downtimes are predicted in check mode and with strategy auto, which measures what the processes write.",
        Table(
            ("container", "result", "strategy", "predicted downtime, ms", "downtime, ms"),
            [_moved(one) for one in its.containers],
        ),
        plots.downtimes(f"{name}-downtimes", measured) if measured else "",
    )


def _moved(one: Moved) -> Sequence[Cell]:
    return (
        one.name,
        one.status.replace("_", " "),
        one.strategy,
        _rounded(one.predicted_downtime_ms),
        _rounded(one.process_downtime_ms),
    )


def _benchmark(its: Benchmark, name: str) -> Chapter:
    failed = sum(one.requests_failed for one in its.loads)
    facts = [("runs", str(sum(one.runs for one in its.loads))), ("requests that failed", str(failed))]
    predicted = any(one.predicted for one in its.loads)
    sections = [
        _measure(its, name, "process_downtime_ms", "Process downtime", predicted),
        _measure(its, name, "service_gap_ms", "Service gap", False),
        _measure(its, name, "migration_time_ms", "Migration time", predicted),
    ]
    return Chapter("Benchmark", facts, not failed, [f"{failed} requests failed"] if failed else [], sections)


def _measure(its: Benchmark, name: str, measure: str, title: str, predicted: bool) -> Section:
    rows = []
    for one in its.loads:
        spread: Spread = getattr(one, measure)
        row: list[Cell] = [
            plots.kind_of(one),
            one.memory_mb,
            one.dirty_pages_per_s,
            spread.median,
            spread.min,
            spread.max,
        ]
        rows.append([*row, _rounded(one.predicted.get(measure))] if predicted else row)
    titles = ["strategy", "MB", "pages/s written", "median, ms", "min", "max", *(["predicted"] if predicted else [])]
    text = "Median, smallest and largest of the runs." + (
        " Dashed: the prediction of the cost model." if predicted else ""
    )
    plot = plots.by_memory(f"{name}-{measure.replace('_', '-')}", its, measure, f"{title} by memory")
    return Section(title, text, Table(titles, rows), plot)


def _campaign(its: Campaign, name: str) -> Chapter:
    failed = [row for row in its.rows if not row.completed]
    interfaces = list(dict.fromkeys(interface for row in its.rows for interface in row.gap_ms))
    rows = [
        (
            row.nf,
            row.strategy,
            _rounded(row.process_downtime_ms) if row.completed else None,
            round(row.migration_time_ms) if row.completed else None,
            *(_rounded(row.gap_ms.get(interface)) for interface in interfaces),
            sum(row.failed.values()),
        )
        for row in its.rows
    ]
    titles = (
        "NF",
        "strategy",
        "downtime, ms",
        "migration time, ms",
        *(f"gap {one}, ms" for one in interfaces),
        "failed",
    )
    section = Section(
        "Each NF by each strategy",
        "Under load; a gap of 0 is one below 20 ms.",
        Table(titles, rows),
        plots.campaign(f"{name}-campaign", its),
    )
    verdict = [f"{row.nf} by {row.strategy} failed" for row in failed] or ["Every migration completed"]
    return Chapter("The core under load", [("migrations", str(len(its.rows)))], not failed, verdict, [section])


def _ms(value: float) -> str:
    return f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.2f} s"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
