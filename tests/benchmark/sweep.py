# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeps memory and dirty rate with every strategy of ours, and draws what was measured beside what the model predicts.

Writes sweep.json, and downtime and total time for each strategy as SVG and PNG."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.strategies import cost_model, registry

from .backends.base import Load
from .backends.resident import Resident
from .measure import Case
from .plot import draw
from .report import Summary, quiet, summarize
from .runner import Results, add_options, names, numbers, parse, ready, run_main, say
from .runner import number as count

# Long enough for the link's rate to show.
LINK_MB = 1024


def main() -> int:
    return run_main(_sweep, _options())


def _sweep(options: argparse.Namespace) -> int:
    path = options.output / "sweep.json"
    if options.redraw:
        _say_files(draw(json.loads(path.read_text()), options.output))
        return 0
    before = json.loads(path.read_text())["results"] if options.add else []
    results = Results()
    sweep: dict[str, Any] = {}
    options.output.mkdir(parents=True, exist_ok=True)
    with ready(options, [Resident.name]) as prepared:
        (backend,) = prepared.backends
        link = prepared.bench.raw_rate(LINK_MB).kept
        say(f"a plain socket carries {link / 1e6:.0f} MB/s")

        def keep() -> None:
            sweep.update(
                hosts=prepared.versions,
                failures=[asdict(failure) for failure in results.failures],
                results=joined(before, [result(summary, link) for summary in summarize(results.runs)]),
            )
            path.write_text(json.dumps(sweep, indent=2) + "\n")

        for memory_mb in options.memory:
            cases = [
                Case(backend, strategy, Load(memory_mb, rate, connections=options.connections))
                for rate in options.dirty_pages_per_s
                for strategy in options.strategies
            ]
            results.run_in_turn(prepared.bench, cases, options.runs, keep)
    if word := quiet(results.runs):
        print(word)
    _say_files([path, *draw(sweep, options.output)])
    return 1 if results.failures else 0


def joined(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All of them, but for the old ones of what was run again."""

    def key(one: dict[str, Any]) -> tuple[object, ...]:
        return one["strategy"], one["memory_mb"], one["dirty_pages_per_s"]

    again = {key(one) for one in now}
    return [one for one in before if key(one) not in again] + now


def result(summary: Summary, link_bytes_per_s: float) -> dict[str, Any]:
    """What was measured, and what the model says of the same load."""
    load = cost_model.Load(summary.memory_mb << 20, link_bytes_per_s, summary.dirty_pages_per_s)
    predicted = registry.strategy_class(summary.strategy).predict(load, cost_model.Limits(), cost_model.LAB)
    return {
        **summary.as_dict(),
        "link_bytes_per_s": round(link_bytes_per_s),
        "predicted": {
            "process_downtime_ms": predicted.downtime_ms,
            "migration_time_ms": predicted.migration_time_ms,
            "bytes_sent": predicted.bytes_sent,
        },
    }


def _say_files(paths: list[Path]) -> None:
    for path in paths:
        print(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sweep", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--strategies", type=names(*Resident.strategies), default=list(Resident.strategies),
                        metavar="STRATEGY,...", help=f"(all: {','.join(Resident.strategies)})")  # fmt: skip
    parser.add_argument("--memory", type=numbers, default=[20, 200, 1024, 2048], metavar="MB,...",
                        help="(20,200,1024,2048)")  # fmt: skip
    parser.add_argument("--dirty-pages-per-s", type=numbers, default=[0, 1000, 10000, 50000], metavar="N,...",
                        help="over all of the memory (0,1000,10000,50000)")  # fmt: skip
    parser.add_argument("--runs", type=count, default=3, metavar="N", help="of each strategy with each load (3)")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: draw the sweep.json that is there")
    add_options(parser)
    return parse(parser)


if __name__ == "__main__":
    sys.exit(main())
