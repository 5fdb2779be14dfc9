# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the downtime grows with connections, threads, processes, shared memory and files of a process.

The same process moves with nothing of it, then with each number of each kind, in turn. Writes scale.json, scale.md and
a plot, scale.svg and scale.png."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .backends import BACKENDS
from .backends.base import INTER_COPY, PRE_COPY, Backend, Load
from .backends.resident import Resident
from .measure import Case, Run
from .plot import save
from .report import Spread, quiet
from .runner import Results, add_options, names, numbers, parse, ready, run_main, say
from .runner import number as count

# Kind, which is a field of Load, and how many of it.
KINDS = {
    "connections": (1000, 2000),
    "threads": (500,),
    "processes": (100,),
    "shared_mb": (200,),
    "files": (30000,),
}
TITLES = {
    "connections": "TCP connections",
    "threads": "idle threads",
    "processes": "idle processes",
    "shared_mb": "shared memory, MB",
    "files": "files in the container's layer",
}
NOTHING = "nothing"
MEMORY_MB = 20

Result = dict[str, Any]


def main() -> int:
    return run_main(_measure, _options())


def _measure(options: argparse.Namespace) -> int:
    path = options.output / "scale.json"
    if options.redraw:
        _write_pages(json.loads(path.read_text()), options)
        return 0
    before = json.loads(path.read_text())["results"] if options.add else []
    results = Results()
    scale: Result = {}
    options.output.mkdir(parents=True, exist_ok=True)
    with ready(options, options.backends) as prepared:
        cases = _cases(prepared.backends, options)

        def keep() -> None:
            scale.update(
                hosts=prepared.versions,
                failures=[
                    {"backend": one.backend, "strategy": one.strategy, "held": held(one.load), "error": one.error}
                    for one in results.failures
                ],
                results=joined(before, summarize(results.runs)),
            )
            path.write_text(json.dumps(scale, indent=2) + "\n")

        results.run_in_turn(prepared.bench, cases, options.runs, keep)
    if word := quiet(results.runs):
        print(word)
    print(path)
    _write_pages(scale, options)
    return 1 if results.failures else 0


def loads(kinds: Sequence[str], counts: Sequence[int] | None, memory_mb: int) -> list[Load]:
    """A process with nothing, then with each number of each kind."""
    plain = Load(memory_mb)
    return [plain] + [with_held(plain, {kind: one}) for kind in kinds for one in (counts or KINDS[kind])]


def with_held(load: Load, numbers_of: Mapping[str, int]) -> Load:
    """A load with so many of some kinds."""
    return Load(**{**asdict(load), **numbers_of})


def held(load: Load) -> tuple[str, int]:
    """The kind of which a load has many, and how many."""
    for kind in KINDS:
        if getattr(load, kind) != getattr(Load(load.memory_mb), kind):
            return kind, int(getattr(load, kind))
    return NOTHING, 0


def _cases(backends: Iterable[Backend], options: argparse.Namespace) -> list[Case]:
    return [
        Case(backend, strategy, load)
        for memory_mb in options.memory
        for load in loads(options.kinds, options.counts, memory_mb)
        for backend in backends
        for strategy in backend.strategies
        if backend.name != Resident.name or strategy in options.strategies
    ]


def summarize(runs: Iterable[Run]) -> list[Result]:
    """One entry for each backend, strategy and load: times, and the medians of its steps, in ms."""

    def key(run: Run) -> tuple[str, str, int, str, int]:
        return run.backend, run.strategy, run.load.memory_mb, *held(run.load)

    summaries = []
    for (backend, strategy, memory_mb, kind, number), some in groupby(sorted(runs, key=key), key=key):
        group = list(some)
        steps = {step.name for run in group for step in run.steps}
        summaries.append(
            {
                "backend": backend,
                "strategy": strategy,
                "memory_mb": memory_mb,
                "kind": kind,
                "count": number,
                "runs": len(group),
                "process_downtime_ms": Spread.of(run.process_downtime_ms for run in group).as_dict(),
                "service_gap_ms": Spread.of(run.service_gap_ms for run in group).as_dict(),
                "migration_time_ms": Spread.of(run.migration_time_ms for run in group).as_dict(),
                "bytes_sent": round(statistics.median(run.bytes_sent for run in group)),
                "steps_ms": {name: _median_step(group, name) for name in sorted(steps)},
            }
        )
    return summaries


def _median_step(runs: Sequence[Run], name: str) -> float:
    return round(statistics.median(sum(step.duration_ms for step in run.steps if step.name == name) for run in runs), 2)


def joined(before: list[Result], now: list[Result]) -> list[Result]:
    """All of them, but for the old ones of what was run again."""

    def key(one: Result) -> tuple[object, ...]:
        return tuple(one[name] for name in ("backend", "strategy", "memory_mb", "kind", "count"))

    again = {key(one) for one in now}
    return [one for one in before if key(one) not in again] + now


def table(results: Sequence[Result]) -> str:
    """In Markdown; the ratio is that of the downtime to the same process's with nothing."""
    plain = {
        (one["backend"], one["strategy"], one["memory_mb"]): one["process_downtime_ms"]["median"]
        for one in results
        if one["kind"] == NOTHING
    }
    lines = [
        "| what | strategy | runs | process downtime, ms | x plain | service gap, ms | migration, ms | MB sent |",
        "|---|---|---|---|---|---|---|---|",
    ]
    order = [NOTHING, *KINDS]
    for one in sorted(results, key=lambda one: (order.index(one["kind"]), one["count"])):
        base = plain.get((one["backend"], one["strategy"], one["memory_mb"]))
        ratio = f"{one['process_downtime_ms']['median'] / base:.1f}" if base else ""
        what = NOTHING if one["kind"] == NOTHING else f"{one['count']} {TITLES[one['kind']]}"
        cells = [
            what,
            one["strategy"] if one["backend"] == Resident.name else one["backend"],
            str(one["runs"]),
            _spread(one["process_downtime_ms"]),
            ratio,
            _spread(one["service_gap_ms"]),
            f"{one['migration_time_ms']['median']:.0f}",
            f"{one['bytes_sent'] / 2**20:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _spread(values: dict[str, float]) -> str:
    return f"{values['median']:.1f} ({values['min']:.1f}-{values['max']:.1f})"


def figure(results: Sequence[Result]) -> Figure:
    """A panel for each kind, a line for each backend and strategy: downtime over the count."""
    kinds = [kind for kind in KINDS if any(one["kind"] == kind for one in results)]
    drawn = Figure(figsize=(8.5, 1.0 + 2.6 * -(-len(kinds) // 2)), layout="constrained")
    panels = list(drawn.subplots(-(-len(kinds) // 2) or 1, 2, squeeze=False).flat)
    labels = list(dict.fromkeys(_label(one) for one in results))
    colours = {label: mpl.colormaps["viridis"](0.9 * i / max(1, len(labels) - 1)) for i, label in enumerate(labels)}
    for panel in panels[len(kinds) :]:
        panel.remove()
    for panel, kind in zip(panels, kinds, strict=False):
        for label in labels:
            line = [one for one in results if one["kind"] in (kind, NOTHING) and _label(one) == label]
            _draw(panel, sorted(line, key=lambda one: int(one["count"])), label, colours[label])
        panel.set(yscale="log", xlabel=TITLES[kind], ylabel="ms")
        panel.grid(visible=True, alpha=0.3)
    if kinds:
        panels[0].legend()
    drawn.suptitle("Process downtime: median, smallest and largest of the runs")
    return drawn


def _label(one: Result) -> str:
    return str(one["strategy"] if one["backend"] == Resident.name else one["backend"])


def _draw(panel: Axes, line: Sequence[Result], label: str, colour: tuple[float, ...]) -> None:
    times = [one["process_downtime_ms"] for one in line]
    errors = [
        [time["median"] - time["min"] for time in times],
        [time["max"] - time["median"] for time in times],
    ]
    panel.errorbar(
        [one["count"] for one in line],
        [time["median"] for time in times],
        yerr=errors,
        color=colour,
        label=label,
        marker="o",
        markersize=4,
        capsize=2,
    )


def _write_pages(scale: Result, options: argparse.Namespace) -> None:
    text = table(scale["results"])
    (options.output / "scale.md").write_text(text)
    say(text)
    for path in save(figure(scale["results"]), options.output, "scale"):
        print(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmark --scale", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scale", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--backends", type=names(*BACKENDS), default=[Resident.name], metavar="BACKEND,...",
                        help=f"which, of {','.join(BACKENDS)} ({Resident.name})")  # fmt: skip
    parser.add_argument("--strategies", type=names(*Resident.strategies), default=[PRE_COPY, INTER_COPY],
                        metavar="STRATEGY,...", help=f"of backend resident ({PRE_COPY},{INTER_COPY})")  # fmt: skip
    parser.add_argument("--kinds", type=names(*KINDS), default=list(KINDS), metavar="KIND,...",
                        help=f"(all: {','.join(KINDS)})")  # fmt: skip
    parser.add_argument("--counts", type=numbers, metavar="N,...", help="of each kind (as in KINDS)")
    parser.add_argument("--memory", type=numbers, default=[MEMORY_MB], metavar="MB,...", help=f"({MEMORY_MB})")
    parser.add_argument("--runs", type=count, default=3, metavar="N", help="of each (3)")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: draw the scale.json that is there")
    add_options(parser)
    return parse(parser)


if __name__ == "__main__":
    sys.exit(main())
