# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares live migration of a process by this product, with each strategy, and by stock tools.

Prints a line for each run, then a table and a verdict for each bound; writes results.json and runs.json. A missed bound
is a result, not an error: the exit status is 1 only when something could not be run."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from .backends import BACKENDS
from .backends.base import INTER_COPY, PPM, PRE_COPY, Backend, Load
from .backends.resident import Resident
from .measure import Case, Run
from .report import WRITING, parallel, quiet, summarize, table, verdicts
from .runner import Failure, Results, add_options, names, number, numbers, parse, ready, run_main, say

# What tracking costs shows in a round that takes 1.6 s, so slow that the copy itself takes next to nothing from the
# process, and after which the process may be frozen: with what it wrote meanwhile, 20 MB.
TRACKED_MB = 200
PPM_CONNECTIONS = 8
SLOW_ROUND = {"max_bandwidth": 128 << 20, "downtime_limit_ms": 1000}
BY_DEFAULT = [name for name, backend in BACKENDS.items() if backend.compared and not backend.tuned]


def main() -> int:
    return run_main(_compare, _options())


def _compare(options: argparse.Namespace) -> int:
    began = time.monotonic()
    before = _read(options.output) if options.add else Results()
    results = Results()
    with ready(options, options.backends) as prepared:
        cases = [case for memory_mb in options.memory for case in _cases(prepared.backends, memory_mb, options)]

        def keep() -> None:
            _write(options.output, joined(before, results), prepared.versions)

        for _, turn in groupby(cases, key=lambda case: case.load.memory_mb):
            results.run_in_turn(prepared.bench, list(turn), options.runs, keep)
    say(f"took {(time.monotonic() - began) / 60:.0f} minutes")
    _print_summary(joined(before, results))
    print(options.output / "results.json")
    return 1 if results.failures else 0


def joined(before: Results, now: Results) -> Results:
    """All of them, but for the old ones of what was run again."""
    again = {run.key for run in now.runs} | {failure.key for failure in now.failures}
    return Results(
        [run for run in before.runs if run.key not in again] + now.runs,
        [failure for failure in before.failures if failure.key not in again] + now.failures,
    )


def _cases(backends: Sequence[Backend], memory_mb: int, options: argparse.Namespace) -> list[Case]:
    cases = [
        Case(backend, strategy, load)
        for backend in backends
        for strategy in backend.strategies
        if strategy != PPM and (not isinstance(backend, Resident) or strategy in options.strategies)
        for load in loads(strategy, memory_mb, options)
    ]
    if options.dirty_pages_per_s is None and memory_mb == TRACKED_MB:
        _, working_set_mb = WRITING
        flat_out = Load(memory_mb, 0, working_set_mb, options.connections, flat_out=True)
        cases += [Case(case.backend, PRE_COPY, flat_out, SLOW_ROUND) for case in cases if case.strategy == PRE_COPY]
    if PPM in options.strategies:  # a clone can follow no other process; beside it pre-copy of the same one
        followed = Load(memory_mb, connections=PPM_CONNECTIONS, by_requests=True)
        cloning = [backend for backend in backends if PPM in backend.strategies]
        cases += [Case(backend, strategy, followed) for backend in cloning for strategy in (PPM, PRE_COPY)]
    return cases


def loads(strategy: str, memory_mb: int, options: argparse.Namespace) -> list[Load]:
    """Those asked for; else what the bounds are for: a process that writes, unless it is frozen for all of the copy."""
    if options.dirty_pages_per_s is None:
        rates, working_set_mb = ([0], 0) if strategy == INTER_COPY else WRITING
    else:
        rates, working_set_mb = options.dirty_pages_per_s, options.working_set_mb
    return [Load(memory_mb, rate, working_set_mb, options.connections) for rate in rates]


def _read(output: Path) -> Results:
    content = json.loads((output / "runs.json").read_text())
    return Results(
        [Run.from_dict(run) for run in content["runs"]], [Failure.from_dict(one) for one in content["failures"]]
    )


def _write(output: Path, results: Results, versions: object) -> None:
    output.mkdir(parents=True, exist_ok=True)
    summaries = [summary.as_dict() for summary in summarize(results.runs)]
    (output / "results.json").write_text(json.dumps(summaries, indent=2) + "\n")
    record = {
        "hosts": versions,
        "failures": [asdict(failure) for failure in results.failures],
        "runs": [run.as_dict() for run in results.runs],
    }
    (output / "runs.json").write_text(json.dumps(record, indent=2) + "\n")


def _print_summary(results: Results) -> None:
    summaries = summarize(results.runs)
    print()
    print(table(summaries))
    print()
    judged = verdicts(summaries)
    for verdict in judged:
        if verdict.measured is not None:
            print(verdict)
    if lacking := sum(verdict.measured is None for verdict in judged):
        print(f"{lacking} of {len(judged)} bounds not measured")
    print()
    if lines := parallel(summaries):
        print(lines)
    if word := quiet(results.runs):
        print(word)
    if results.failures:
        print(f"{len(results.failures)} runs FAILED, see above or runs.json")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backends", type=names(*BACKENDS), default=BY_DEFAULT, metavar="BACKEND,...",
                        help=f"which, of {','.join(BACKENDS)} (all but tuned and swarm)")  # fmt: skip
    parser.add_argument("--strategies", type=names(*Resident.strategies), default=list(Resident.strategies),
                        metavar="STRATEGY,...",
                        help=f"of backends resident and swarm (all: {','.join(Resident.strategies)})")  # fmt: skip
    parser.add_argument("--memory", type=numbers, default=[20, 200, 1024], metavar="MB,...", help="(20,200,1024)")
    parser.add_argument("--dirty-pages-per-s", type=numbers, metavar="N,...",
                        help="written by the process (0 for inter_copy, else 1000 over 20 MB)")  # fmt: skip
    parser.add_argument("--working-set-mb", type=number, default=0, metavar="MB",
                        help="what is written to, with --dirty-pages-per-s (all)")  # fmt: skip
    parser.add_argument("--runs", type=number, default=5, metavar="N", help="of each backend with each load (5)")
    add_options(parser)
    return parse(parser)
