# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the process runs, and when its memory crosses, by strategy: docs/pictures/strategies.svg.

Several migrations run by each strategy; of each the one with the median downtime is drawn. Writes strategies.svg and
strategies.png."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .backends.base import INTER_COPY, PPM, Load
from .backends.resident import Resident
from .measure import Case, Run
from .plot import save
from .report import WRITING, quiet
from .runner import Results, add_options, number, parse, ready, run_main
from .scale import MEMORY_MB

STRATEGIES = tuple(name for name in Resident.strategies if name != PPM)
"""A clone of ppm has another picture: tests/soak/picture.py."""
LIVE, LATE = "precopy", "postcopy"
"""The steps in which memory crosses while the process runs, before and after the freeze."""
FROZEN, RUNS, ALL_SENT = "dump", "run", "final_memory"
SOURCE, STOPPED, TARGET, MEMORY = "#0072b2", "#c14a00", "#007a5a", "#595959"
AROUND_MS = 40.0
SEEN_MS = 1.0
"""Shorter than that nothing crossed: post_copy looks for shared memory, of which this process has none."""


@dataclass(frozen=True)
class Spans:
    """Of one migration, in ms since its freeze.

    Attributes:
        runs_again_at: when the process runs on the target.
        memory: when its memory crosses: begins and ends.
    """

    runs_again_at: float
    memory: Sequence[tuple[float, float]]


def main() -> int:
    return run_main(_draw, _options())


def _draw(options: argparse.Namespace) -> int:
    results = Results()
    options.output.mkdir(parents=True, exist_ok=True)
    with ready(options, [Resident.name]) as prepared:
        (backend,) = prepared.backends
        (memory_mb,) = options.memory
        cases = [Case(backend, strategy, _load(strategy, memory_mb)) for strategy in STRATEGIES]
        results.run_in_turn(prepared.bench, cases, options.runs, lambda: None)
    if word := quiet(results.runs):
        print(word)
    drawn = {run.strategy: spans(run.reported) for run in _medians(results.runs)}
    for file in save(figure(drawn), options.output, "strategies"):
        print(file)
    return 1 if results.failures else 0


def _load(strategy: str, memory_mb: int) -> Load:
    """As of the benchmark: what is written meanwhile is sent again, but by inter_copy, which has no rounds."""
    (rate,), working_set_mb = WRITING
    return Load(memory_mb) if strategy == INTER_COPY else Load(memory_mb, rate, working_set_mb)


def _medians(runs: Sequence[Run]) -> list[Run]:
    """Of each strategy the run with the median downtime."""
    found = []
    for strategy in STRATEGIES:
        those = sorted((run for run in runs if run.strategy == strategy), key=lambda run: run.process_downtime_ms)
        found += those[len(those) // 2 : len(those) // 2 + 1]
    return found


def spans(reported: Mapping[str, Any]) -> Spans:
    """From a result of container_migrate, whose steps are those of the source."""
    steps = {step["name"]: (step["start_ms"], step["start_ms"] + step["duration_ms"]) for step in reported["steps"]}
    frozen_at = steps["freeze"][0]
    memory = [steps[name] for name in (LIVE, LATE) if name in steps]
    memory = [(begin, end) for begin, end in memory if end - begin > SEEN_MS]
    if LATE not in steps:  # what is left crosses while the process is stopped
        memory.append((steps[FROZEN][0], steps[ALL_SENT][1]))
    return Spans(steps[RUNS][1] - frozen_at, [(begin - frozen_at, end - frozen_at) for begin, end in sorted(memory)])


def figure(drawn: Mapping[str, Spans]) -> Figure:
    """A panel for each strategy, with two rows."""
    made = Figure(figsize=(8, 1.5 * len(drawn)), layout="constrained")
    panels = made.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    first = min(begin for one in drawn.values() for begin, _end in one.memory) - AROUND_MS
    last = max(max(one.runs_again_at, *(end for _begin, end in one.memory)) for one in drawn.values()) + AROUND_MS
    for panel, (strategy, one) in zip(panels, drawn.items(), strict=True):
        panel.barh(1, -first, left=first, color=SOURCE)
        panel.barh(1, one.runs_again_at, color="white", edgecolor=STOPPED, hatch="////")
        panel.barh(1, last - one.runs_again_at, left=one.runs_again_at, color=TARGET)
        for begin, end in one.memory:
            panel.barh(0, end - begin, left=begin, height=0.5, color=MEMORY)
        panel.set_yticks([1, 0], ["process", "memory crosses"])
        panel.set_title(f"{strategy}: stopped for {one.runs_again_at:.0f} ms", loc="left")
        panel.set_xlim(first, last)
        panel.grid(visible=True, axis="x", alpha=0.3)
    panels[-1].set_xlabel("ms since the freeze")
    made.legend(
        handles=[
            Patch(color=SOURCE, label="runs on the source"),
            Patch(facecolor="white", edgecolor=STOPPED, hatch="////", label="is stopped"),
            Patch(color=TARGET, label="runs on the target"),
            Patch(color=MEMORY, label="its memory crosses"),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return made


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmark --picture", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--picture", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--memory", type=lambda given: [number(given)], default=[MEMORY_MB], metavar="MB",
                        help=f"({MEMORY_MB})")  # fmt: skip
    parser.add_argument("--runs", type=number, default=3, metavar="N", help="of each strategy (3)")
    add_options(parser)
    return parse(parser)


if __name__ == "__main__":
    sys.exit(main())
