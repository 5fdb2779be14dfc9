# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Common options, the hosts (own ones or a lab for the occasion), and the runs in turn."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from tests.harness.build import build
from tests.harness.hosts import CommandFailed, load_topology, run_local
from tests.harness.lab import inventory_of
from tests.harness.playbook import PROJECT

from .backends import BACKENDS
from .backends.base import Backend, Load
from .backends.resident import Resident
from .cooldown import STEPS, Cooldown
from .measure import Bench, Case, Key, Run, RunFailed, versions
from .raw import RawSocket

OUTPUT = PROJECT / "artifacts" / "benchmark"
# What the stock tools need besides what a lab host has.
LAB_PACKAGES = ["podman"]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--add", action="store_true", help="to the existing results; runs of the same case are replaced"
    )
    parser.add_argument("--connections", type=number, default=1, metavar="N", help="TCP connections of the client (1)")
    parser.add_argument("--address", help="of the service (in the NFs' subnet, high)")
    parser.add_argument(
        "--cooldown",
        type=names(*STEPS, "none"),
        default=list(STEPS),
        metavar="STEP,...",
        help=f"brings the hosts into one state before each run (all: {','.join(STEPS)}; or none)",
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIRECTORY", help="(artifacts/benchmark)")
    parser.add_argument("--inventory", type=Path, help="own hosts (a lab, which is taken down at the end)")
    parser.add_argument("--lab-name", default="bench")
    parser.add_argument("--lab-network-prefix", default="10.59")
    parser.add_argument("--keep-lab", action="store_true", help="do not take the lab down")


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    options = parser.parse_args()
    if not options.runs or not options.connections or not all(options.memory):
        parser.error("--runs, --connections and --memory must be at least 1")
    options.inventory = options.inventory and options.inventory.resolve()
    options.output = options.output.resolve()
    return options


def run_main(work: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Runs work in the project's directory; returns the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    # Programs of the environment that this runs in (ansible-playbook) come first.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.chdir(PROJECT)
    try:
        return work(options)
    except KeyboardInterrupt:
        print("interrupted; everything on the hosts was cleaned up", file=sys.stderr)
        return 130
    except (CommandFailed, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


@dataclass(frozen=True)
class Ready:
    """Hosts on which everything is prepared."""

    bench: Bench
    backends: Sequence[Backend]
    # What runs on them.
    versions: dict[str, dict[str, str]]


@contextmanager
def ready(options: argparse.Namespace, backend_names: Sequence[str]) -> Iterator[Ready]:
    """Prepares the hosts, and cleans them up afterwards."""
    workload = build()
    with _hosts(options, backend_names) as inventory, ExitStack() as stack:
        topology = load_topology(inventory, options.address)
        stack.callback(topology.close)
        cooldown = Cooldown(topology.hosts, workload.memory.read_bytes(), options.cooldown)
        bench = Bench(topology, workload, cooldown, RawSocket(*topology.hosts, workload.raw.read_bytes()))
        stack.callback(bench.clean)
        bench.prepare()
        backends = [BACKENDS[name](topology, workload) for name in backend_names]
        for backend in backends:
            say(f"preparing {backend.name}")
            stack.callback(backend.clean)
            backend.prepare()
        yield Ready(bench, backends, versions(topology.hosts))


@contextmanager
def _hosts(options: argparse.Namespace, backend_names: Sequence[str]) -> Iterator[Path]:
    """The inventory: the user's own, or that of a lab that is brought up for this and taken down at the end."""
    if options.inventory:
        yield options.inventory
        return
    lab = {"lab_name": options.lab_name, "lab_network_prefix": options.lab_network_prefix}
    inventory = inventory_of(options.lab_name)
    try:
        say(f"bringing up lab {options.lab_name}")
        _playbook("lab_up.yml", {**lab, "namespace_hosts_extra_packages": LAB_PACKAGES})
        if any(issubclass(BACKENDS[name], Resident) for name in backend_names):
            say("preparing its hosts")
            _playbook("prepare_hosts.yml", {}, inventory)
        yield inventory
    finally:
        if not options.keep_lab:
            say(f"taking down lab {options.lab_name}")
            _playbook("lab_down.yml", lab)


def _playbook(name: str, variables: dict[str, object], inventory: Path | None = None) -> None:
    command = ["ansible-playbook", str(PROJECT / "playbooks" / name), "--extra-vars", json.dumps(variables)]
    run_local([*command, *(("--inventory", str(inventory)) if inventory else ())], timeout_s=1800)


@dataclass(frozen=True)
class Failure:
    """A run that gave no figures."""

    backend: str
    strategy: str
    load: Load
    run: int
    error: str

    @property
    def key(self) -> Key:
        return self.backend, self.strategy, self.load

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Failure:
        return cls(**{**values, "load": Load(**values["load"])})


@dataclass
class Results:
    """The results so far."""

    runs: list[Run] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def run_in_turn(self, bench: Bench, cases: Sequence[Case], count: int, keep: Callable[[], None]) -> None:
        """One after the other, again and again: the machine's drift hits all alike. Results are kept after each."""
        for at in range(1, count + 1):
            for case in cases:
                try:
                    run = bench.measure(case)
                except RunFailed as error:
                    self.failures.append(Failure(*case.key, at, str(error)))
                    say(f"FAILED {case.load.memory_mb} MB {case.load.writing}  run {at}  {case}: {error}")
                else:
                    self.runs.append(run)
                    say(_line(case, run, at))
                keep()


def _line(case: Case, run: Run, at: int) -> str:
    return (
        f"{run.load.memory_mb:5} MB {run.load.writing:>8}  run {at:2}  {case!s:20}  "
        f"service gap {run.service_gap_ms:8.1f} ms  process downtime {run.process_downtime_ms:8.1f} ms  "
        f"migration {run.migration_time_ms:8.0f} ms  {run.bytes_sent / 2**20:7.1f} MB  "
        f"failed {run.requests['failed']}  CPUs {run.cpu_busy:4.0%} busy before"
    )


def names(*known: str) -> Callable[[str], list[str]]:
    """An option's type: names of these, with commas between."""

    def parse_names(text: str) -> list[str]:
        for name in text.split(","):
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return text.split(",")

    return parse_names


def numbers(text: str) -> list[int]:
    return [number(part) for part in text.split(",")]


def number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def say(text: str) -> None:
    print(text, flush=True)
