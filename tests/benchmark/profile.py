# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the downtime goes: the steps of one freeze on both hosts, on one time axis, and CRIU's own timings.

Several migrations run; the one with the median downtime is drawn. Writes profile.json, profile.svg and profile.png."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.figure import Figure

from .backends.base import PRE_COPY, Load
from .backends.resident import Resident
from .measure import Case, Run
from .plot import save
from .report import quiet
from .runner import Results, add_options, names, number, parse, ready, run_main, say
from .scale import KINDS, MEMORY_MB, with_held

# From the first to the last step in which the process is stopped.
FIRST, LAST = "freeze", "run"
# The step of the target and that of the source that end with the same message, "restored".
TARGET_END, SOURCE_END = "criu_restore", "restore"
SOURCE, TARGET, CRIU = "source", "target", "CRIU"
COLOURS = {SOURCE: "tab:blue", TARGET: "tab:orange", CRIU: "tab:green"}
DUMP_PARTS = {"freezing_us": "stop the processes", "memory_dump_us": "dump memory", "frozen_us": "processes stopped"}
RESTORE_PARTS = {"forking_us": "fork", "restore_us": "restore"}


@dataclass(frozen=True)
class Bar:
    """A part of the freeze; ms since its begin."""

    where: str
    name: str
    start_ms: float
    duration_ms: float


def main() -> int:
    return run_main(_profile, _options())


def _profile(options: argparse.Namespace) -> int:
    results = Results()
    options.output.mkdir(parents=True, exist_ok=True)
    with ready(options, [Resident.name]) as prepared:
        (backend,) = prepared.backends
        load = with_held(Load(options.memory[0]), {kind: getattr(options, kind) for kind in KINDS})
        cases = [Case(backend, strategy, load) for strategy in options.strategies]
        results.run_in_turn(prepared.bench, cases, options.runs, lambda: None)
    if word := quiet(results.runs):
        print(word)
    for strategy in options.strategies:
        runs = [run for run in results.runs if run.strategy == strategy]
        if not runs:
            continue
        median = sorted(runs, key=lambda run: run.process_downtime_ms)[len(runs) // 2]
        parts = bars(median.reported)
        name = f"profile-{strategy.replace('_', '-')}"
        path = options.output / f"{name}.json"
        path.write_text(json.dumps({"load": asdict(load), "bars": [asdict(bar) for bar in parts]}, indent=2) + "\n")
        say(text(parts))
        for file in [path, *save(figure(parts, _title(median)), options.output, name)]:
            print(file)
    return 1 if results.failures else 0


def _title(run: Run) -> str:
    return f"{run.strategy}, {run.load.memory_mb} MB: {run.process_downtime_ms:.1f} ms of downtime"


def bars(reported: dict[str, Any]) -> list[Bar]:
    """The parts of the freeze, from a result of container_migrate.

    The hosts' clocks need not agree: the target's steps are placed by the message that ends the restore on both."""
    own = {step["name"]: step for step in reported["steps"]}
    began, ended = own[FIRST]["start_ms"], own[LAST]["start_ms"] + own[LAST]["duration_ms"]
    source = [
        Bar(SOURCE, step["name"], step["start_ms"] - began, step["duration_ms"])
        for step in reported["steps"]
        if began <= step["start_ms"] < ended
    ]
    theirs = {step["name"]: step for step in reported["target_steps"]}
    shift = _end(own[SOURCE_END]) - _end(theirs[TARGET_END]) - began
    target = [
        Bar(TARGET, step["name"], step["start_ms"] + shift, step["duration_ms"])
        for step in reported["target_steps"]
        if _end(step) + shift > 0
    ]
    criu = reported.get("criu", {})
    parts = []
    for figures, names_of, at in (
        (criu.get("dump", {}), DUMP_PARTS, own["dump"]["start_ms"] - began),
        (criu.get("restore", {}), RESTORE_PARTS, theirs[TARGET_END]["start_ms"] + shift),
    ):
        for key, name in names_of.items():
            if key in figures:
                parts.append(Bar(CRIU, name, at, figures[key] / 1000))
    return [*source, *target, *parts]


def _end(step: dict[str, Any]) -> float:
    return float(step["start_ms"] + step["duration_ms"])


def text(parts: Sequence[Bar]) -> str:
    """For reading."""
    lines = [f"{bar.where:7} {bar.name:20} {bar.start_ms:8.2f} {bar.duration_ms:8.2f} ms" for bar in parts]
    return "\n".join(lines)


def figure(parts: Sequence[Bar], title: str) -> Figure:
    """A row for each part. CRIU's durations begin with its step in the picture: it does not say when each began."""
    drawn = Figure(figsize=(8.5, 1.2 + 0.25 * len(parts)), layout="constrained")
    panel = drawn.subplots()
    for row, bar in enumerate(parts):
        panel.barh(row, bar.duration_ms, left=bar.start_ms, color=COLOURS[bar.where])
        panel.annotate(f" {bar.duration_ms:.1f}", (bar.start_ms + bar.duration_ms, row), va="center", fontsize=7)
    panel.set_yticks(range(len(parts)), [f"{bar.where}: {bar.name}" for bar in parts])
    panel.invert_yaxis()
    panel.set_xlim(left=min(0.0, *(bar.start_ms for bar in parts if bar.where != TARGET)))
    panel.set(xlabel="ms since the freeze", title=title)
    panel.grid(visible=True, axis="x", alpha=0.3)
    return drawn


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmark --profile", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--profile", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--strategies", type=names(*Resident.strategies), default=[PRE_COPY], metavar="STRATEGY,...",
                        help=f"({PRE_COPY})")  # fmt: skip
    parser.add_argument("--memory", type=lambda given: [number(given)], default=[MEMORY_MB], metavar="MB",
                        help=f"({MEMORY_MB})")  # fmt: skip
    for kind in KINDS:
        if kind != "connections":
            parser.add_argument(f"--{kind.replace('_', '-')}", type=number, default=0, metavar="N", help="(0)")
    parser.add_argument("--runs", type=number, default=5, metavar="N", help="of each strategy (5)")
    add_options(parser)
    return parse(parser)


if __name__ == "__main__":
    sys.exit(main())
