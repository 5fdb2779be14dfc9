#!/usr/bin/env python3
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares ways to migrate a live process between two hosts: ours, and those that stock tools offer.

Prints a line for each run, then a table and a verdict for each bound; writes results.json and runs.json. A missed bound
is a result, not an error: the exit status is 1 only when something could not be run."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from build import build
from hosts import CommandFailed, load_site, run_local
from measure import CLIENT, Run, RunFailed, measure, versions
from report import quiet, summarize, table, verdicts
from ways import WAYS
from ways.base import Load

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".cache" / "benchmark"
UNTUNED = [name for name, way in WAYS.items() if not way.tuned]
# What the ways by stock tools need besides what a lab host has.
LAB_PACKAGES = ["podman"]


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    # Programs of the environment that this runs in (ansible-playbook) come first.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.chdir(ROOT)
    try:
        with _hosts(options) as inventory:
            return _compare(options, inventory)
    except KeyboardInterrupt:
        print("interrupted; everything on the hosts was cleaned up", file=sys.stderr)
        return 130
    except (CommandFailed, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _compare(options: argparse.Namespace, inventory: Path) -> int:
    workload = build(BUILD)
    loads = [
        Load(memory_mb, dirty, options.working_set_mb, options.connections)
        for memory_mb in options.memory
        for dirty in options.dirty_pages_per_s
    ]
    runs: list[Run] = []
    failures: list[str] = []
    with ExitStack() as stack:
        site = load_site(inventory, options.address)
        stack.callback(site.close)
        stack.callback(site.client.run, f"rm -rf {Path(CLIENT).parent}")
        ways = [WAYS[name](site, workload) for name in options.ways]
        for way in ways:
            _say(f"preparing {way.name}")
            stack.callback(way.clean)
            way.prepare()
        machine = versions(site.hosts)
        for load in loads:
            # One after the other, again and again: the machine's drift hits all alike.
            for number in range(1, options.runs + 1):
                for way in ways:
                    try:
                        run = measure(way, load, site, workload.client)
                    except RunFailed as error:
                        failures.append(f"{way.name}, {load.memory_mb} MB, run {number}: {error}")
                        _say(f"FAILED {failures[-1]}")
                        continue
                    runs.append(run)
                    _say(_line(run, number))
    _write(options.output, runs, failures, machine)
    return 1 if failures else 0


def _write(output: Path, runs: Sequence[Run], failures: Sequence[str], machine: object) -> None:
    summaries = summarize(runs)
    output.mkdir(parents=True, exist_ok=True)
    results = output / "results.json"
    results.write_text(json.dumps([summary.as_dict() for summary in summaries], indent=2) + "\n")
    record = {"hosts": machine, "failures": list(failures), "runs": [run.as_dict() for run in runs]}
    (output / "runs.json").write_text(json.dumps(record, indent=2) + "\n")
    print()
    print(table(summaries))
    print()
    for verdict in verdicts(summaries):
        print(verdict)
    print()
    if word := quiet(runs):
        print(word)
    if failures:
        print(f"{len(failures)} runs FAILED, see above")
    print(results)


def _line(run: Run, number: int) -> str:
    return (
        f"{run.load.memory_mb:5} MB  run {number:2}  {run.way:12}  service gap {run.service_gap_ms:8.1f} ms  "
        f"process downtime {run.process_downtime_ms:8.1f} ms  migration {run.migration_time_ms:8.0f} ms  "
        f"{run.bytes_sent / 2**20:7.1f} MB  failed {run.requests['failed']}  CPUs {run.cpu_busy:4.0%} busy before"
    )


@contextmanager
def _hosts(options: argparse.Namespace) -> Iterator[Path]:
    """The inventory of hosts that are ready: the user's own, or a lab made for this and taken down at the end."""
    if options.inventory:
        yield options.inventory
        return
    lab = {"lab_name": options.lab_name, "lab_network_prefix": options.lab_network_prefix}
    inventory = ROOT / "inventories" / options.lab_name / "hosts.yml"
    try:
        _say(f"bringing up lab {options.lab_name}")
        _playbook("lab_up.yml", {**lab, "namespace_hosts_extra_packages": LAB_PACKAGES})
        if "resident" in options.ways:
            _say("preparing its hosts")
            _playbook("prepare_hosts.yml", {}, inventory)
        yield inventory
    finally:
        if not options.keep_lab:
            _say(f"taking down lab {options.lab_name}")
            _playbook("lab_down.yml", lab)


def _playbook(name: str, variables: dict[str, object], inventory: Path | None = None) -> None:
    command = ["ansible-playbook", str(ROOT / "playbooks" / name), "--extra-vars", json.dumps(variables)]
    run_local([*command, *(("--inventory", str(inventory)) if inventory else ())], timeout_s=1800)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ways", type=_names, default=UNTUNED, help=f"which, of {','.join(WAYS)} (all but tuned)")
    parser.add_argument("--memory", type=_numbers, default=[20, 200, 1024], metavar="MB,...", help="(20,200,1024)")
    parser.add_argument("--dirty-pages-per-s", type=_numbers, default=[0], metavar="N,...", help="(0)")
    parser.add_argument("--working-set-mb", type=_number, default=0, metavar="MB", help="what is dirtied (all)")
    parser.add_argument("--connections", type=_number, default=1, metavar="N", help="TCP connections of the client (1)")
    parser.add_argument("--runs", type=_number, default=5, metavar="N", help="of each way with each load (5)")
    parser.add_argument("--address", help="of the service (in the NFs' subnet, high)")
    parser.add_argument("--output", type=Path, default=ROOT / "artifacts" / "benchmark", metavar="DIRECTORY")
    parser.add_argument("--inventory", type=Path, help="own hosts (a lab, which is taken down at the end)")
    parser.add_argument("--lab-name", default="bench")
    parser.add_argument("--lab-network-prefix", default="10.59")
    parser.add_argument("--keep-lab", action="store_true", help="do not take the lab down")
    options = parser.parse_args()
    if not options.runs or not options.connections or not all(options.memory):
        parser.error("--runs, --connections and --memory must be at least 1")
    options.inventory = options.inventory and options.inventory.resolve()
    options.output = options.output.resolve()
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in WAYS:
            raise argparse.ArgumentTypeError(f"no way is called {name!r}; there are {', '.join(WAYS)}")
    return names


def _numbers(text: str) -> list[int]:
    return [_number(part) for part in text.split(",")]


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
