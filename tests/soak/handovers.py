# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make handovers` (python -m tests.soak.handovers): a process is handed over by ppm again and again, under load.

Its clients have several TCP connections and a UDP socket, and every answer depends on the order of all requests. Each
fifth migration is by pre_copy, so that both are measured in one run. Writes artifacts/handovers/results.json.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.harness.build import CFLAGS, SOURCES
from tests.harness.client import DIRECTORY
from tests.harness.hosts import Host
from tests.harness.lab import prepared_inventory
from tests.harness.migration import PORT, MigrationUnderTest
from tests.harness.playbook import PROJECT
from tests.harness.site import Site

from . import picture
from .__main__ import Leak, playbook, results

OUT = PROJECT / "artifacts/handovers/results.json"
PROGRAM, RECORDS = f"{DIRECTORY}/flows", f"{DIRECTORY}/records"
RECORD = struct.Struct("=QQQQ")
PPM_IN_A_ROW = 4
"""Then one by pre_copy."""
ROUND = 10
PAUSE_STEPS = ("freeze", "dump", "final_memory", "thaw")
MARGIN_S = 0.05
"""What the picture shows before the pause and after the handover."""
AFTER_S = 0.4
"""How long after a switch a gap counts as its own: longer than the first retransmission of TCP."""
BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True:
    pass
"""


@dataclass(frozen=True)
class Answer:
    """One record of flows.c, times in seconds since 1970."""

    flow: int
    sequence: int
    due: float
    answered: float


@dataclass
class Handover:
    """One migration.

    Attributes:
        strategy: that moved the process.
        wanted: that was asked for.
        attempts: reasons of the clones that were given up.
        pause_ms: the clone's; of pre_copy the downtime.
        steps_ms: of the pause, by step; with what CRIU took, in milliseconds.
        pause_gap_ms, gap_ms: longest gap at the client over the pause and over the handover; pre_copy has one of them.
        usual_gap_ms: longest gap in a span as long, right before the migration.
        usual_ms, parallel_ms: median latency before the migration, and while both run.
    """

    strategy: str
    wanted: str
    attempts: list[str]
    pause_ms: float
    handover_ms: float
    steps_ms: dict[str, float]
    pause_gap_ms: float = 0.0
    gap_ms: float = 0.0
    usual_gap_ms: float = 0.0
    usual_ms: float = 0.0
    parallel_ms: float = 0.0


def read_records(data: bytes) -> list[Answer]:
    return [Answer(flow, number, due / 1e9, came / 1e9) for flow, number, due, came in RECORD.iter_unpack(data)]


class Timeline:
    """The answers of a run, by the time at which they came."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = sorted(answers, key=lambda one: one.answered)
        before: dict[int, float] = {}
        self._gaps = []
        for one in self._answers:
            self._gaps.append((one.answered, one.answered - max(one.due, before.get(one.flow, 0.0))))
            before[one.flow] = one.answered

    def lost(self) -> list[float]:
        """When the requests were due that were not answered, but later ones of their flow were."""
        found = []
        before: dict[int, Answer] = {}
        for one in self._answers:
            last = before.get(one.flow)
            if last is not None and one.sequence > last.sequence + 1:
                every = (one.due - last.due) / (one.sequence - last.sequence)
                found += [last.due + every * number for number in range(1, one.sequence - last.sequence)]
            before[one.flow] = one
        return sorted(found)

    def longest_gap_ms(self, begin: float, end: float) -> float:
        """Longest time for which a flow with a request that was due got no answer, of those that ended in the span."""
        return 1000 * max((gap for at, gap in self._gaps if begin <= at <= end), default=0.0)

    def between(self, begin: float, end: float) -> list[Answer]:
        """What was due in a span."""
        return [one for one in self._answers if begin <= one.due <= end]

    def median_latency_ms(self, begin: float, end: float) -> float:
        spans = [one.answered - one.due for one in self._answers if begin <= one.due and one.answered <= end]
        return 1000 * statistics.median(spans) if spans else 0.0


def measured(migration: dict[str, Any], wanted: str, timeline: Timeline) -> Handover:
    """One result of container_migrate, beside what the client saw."""
    figures = migration["statistics"]
    began = float(figures["started_at"])
    at = [(event["state"], began + event["at_ms"] / 1000) for event in figures["events"]]
    switches = [time_s for state, time_s in at if state == "switchover"]
    done = Handover(
        migration["strategy"],
        wanted,
        [attempt["reason"] for attempt in migration.get("attempts", [])],
        migration.get("clone_pause_ms") or migration["process_downtime_ms"],
        migration.get("handover_ms", 0.0),
        {step["name"]: step["duration_ms"] for step in migration["steps"] if step["name"] in PAUSE_STEPS}
        | {name.replace("_us", "_criu"): us / 1000 for name, us in migration["criu"]["dump"].items() if "_us" in name},
    )
    last = switches[-1]
    done.gap_ms = timeline.longest_gap_ms(last, last + AFTER_S)
    done.usual_gap_ms = timeline.longest_gap_ms(began - AFTER_S, began)
    done.usual_ms = timeline.median_latency_ms(began - 1, began)
    if done.strategy == "ppm":
        cloned = next(time_s for state, time_s in at if state == "cloned")
        # what piled up in the pause is no matter of the turnstile
        done.pause_gap_ms = timeline.longest_gap_ms(switches[0], min(cloned + AFTER_S, last))
        done.parallel_ms = timeline.median_latency_ms((cloned + last) / 2, last)
    return done


def note_lost(lost: list[float], moved: list[tuple[dict[str, Any], str]]) -> None:
    """Say when requests were lost, beside what the migrations did at that time."""
    states = [
        (float(migration["statistics"]["started_at"]) + event["at_ms"] / 1000, event["state"], migration["strategy"])
        for migration, _wanted in moved
        for event in migration["statistics"]["events"]
    ]
    for at in lost:
        began, state, strategy = max((one for one in states if one[0] <= at), default=(at, "the beginning", ""))
        print(f"      lost: due {1000 * (at - began):.1f} ms after {state} {strategy}", flush=True)


def draw(migration: dict[str, Any], timeline: Timeline, connections: int) -> None:
    """Draw one migration that was handed over."""
    began = float(migration["statistics"]["started_at"])
    cloned, switch = (
        next(began + event["at_ms"] / 1000 for event in events if event["state"] == state)
        for events, state in (
            (migration["statistics"]["events"], "cloned"),
            (migration["statistics"]["events"][::-1], "switchover"),
        )
    )
    first = cloned - migration["clone_pause_ms"] / 1000
    edges = [1000 * (at - first) for at in (first, cloned, switch, switch + migration["handover_ms"] / 1000)]
    answers = [
        (1000 * (one.due - first), 1000 * (one.answered - first), one.flow == connections)
        for one in timeline.between(first - MARGIN_S, switch + MARGIN_S)
    ]
    picture.draw(migration, edges, answers, OUT.with_name("handover.svg"))


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def summary(handovers: list[Handover]) -> dict[str, Any]:
    """Figures by the strategy that moved the process."""
    found: dict[str, Any] = {}
    for strategy in sorted({one.strategy for one in handovers}):
        those = [one for one in handovers if one.strategy == strategy and (strategy == one.wanted)]
        if not those:
            continue
        columns = ("pause_ms", "handover_ms", "pause_gap_ms", "gap_ms", "usual_gap_ms", "usual_ms", "parallel_ms")
        found[strategy] = {"migrations": len(those)} | {
            name: {
                "median": round(statistics.median(values), 3),
                "p95": round(percentile(values, 95), 3),
                "worst": round(max(values), 3),
            }
            for name in columns
            if any(values := [getattr(one, name) for one in those])
        }
    given_up = Counter(reason for one in handovers for reason in one.attempts)
    wanted = [one for one in handovers if one.wanted == "ppm"]
    return {
        "by_strategy": found,
        "handed_over": sum(one.strategy == "ppm" for one in wanted),
        "at_the_first_attempt": sum(one.strategy == "ppm" and not one.attempts for one in wanted),
        "by_pre_copy_instead": sum(one.strategy != "ppm" for one in wanted),
        "clones_given_up": dict(given_up),
    }


class Clients:
    """flows.c on the clients' host."""

    def __init__(self, site: Site, container: MigrationUnderTest, number: int, options: argparse.Namespace) -> None:
        self._host = site.ran
        with tempfile.TemporaryDirectory(prefix="organic-flows-") as scratch:
            program = Path(scratch, "flows")
            subprocess.run(["cc", *CFLAGS, "-o", str(program), str(SOURCES / "flows.c")], check=True)
            self._host.put(program.read_bytes(), PROGRAM, 0o755)
        command = f"exec {PROGRAM} {site.address(number)} {PORT} {options.connections} {options.interval_us} {RECORDS}"
        self._process = subprocess.Popen(
            self._host.command(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ssh would make ours non-blocking, which Ansible refuses
            text=True,
        )
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            raise Leak("the clients could not connect")

    def end(self) -> tuple[dict[str, int], Timeline]:
        output, _errors = self._process.communicate(timeout=120)
        seen: dict[str, int] = json.loads(output)
        return seen, Timeline(read_records(self._host.run_bytes(f"cat {RECORDS}; rm -f {RECORDS}")))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def busy(hosts: Sequence[Host], count: int) -> Iterator[None]:
    """So many processes on each host that never sleep."""
    with ExitStack() as stack:
        for host in tuple(hosts) * count:
            process = stack.enter_context(
                subprocess.Popen(
                    host.command(f"exec python3 -c {shlex.quote(BUSY)}"),
                    stdin=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            )
            assert process.stdin
            stack.callback(process.stdin.close)
        yield


def move(site: Site, container: MigrationUnderTest, strategies: list[str], options: argparse.Namespace) -> list[Any]:
    """One run of ansible-playbook; returns the results with the strategies that were asked for."""
    edges = [container.home, container.away]
    hops = [(edges[i % 2], edges[1 - i % 2], strategy) for i, strategy in enumerate(strategies)]
    plays = playbook(hops, container.name)
    for play, strategy in zip(plays, strategies, strict=True):
        task = play["tasks"][0]["organic.live_migration.container_migrate"]
        if strategy == "ppm":
            task.update(
                ppm_verify_ms=options.verify_ms, ppm_attempts=options.attempts, ppm_max_wait_ms=options.max_wait_ms
            )
    moved = []
    with tempfile.NamedTemporaryFile("w", prefix="organic-handovers-", suffix=".yml") as file:
        json.dump(plays, file)
        file.flush()
        command = ["ansible-playbook", "--inventory", str(site.inventory), file.name]
        for result, strategy in zip(results(command), strategies, strict=False):
            migration = result.get("migration")
            if result.get("failed") or migration is None:
                raise Leak(f"a migration by {strategy} failed: {result.get('msg', result)}")
            moved.append((migration, strategy))
            reasons = [attempt["reason"] for attempt in migration.get("attempts", [])]
            pause_ms = migration.get("clone_pause_ms") or migration["process_downtime_ms"]
            taken_ms = migration.get("handover_ms", 0)
            print(
                f"{migration['strategy']:9} pause {pause_ms:6.1f} ms, handover {taken_ms:5.1f} ms, "
                f"in {migration['migration_time_ms'] / 1000:.1f} s",
                f"after {', '.join(reasons)}" if reasons else "",
                flush=True,
            )
    if len(strategies) % 2:
        container.home = container.away
    return moved


def run(site: Site, options: argparse.Namespace) -> dict[str, Any]:
    number = 31
    container = MigrationUnderTest(site, "handovers", options.memory_mb, number=number, by_requests=True)
    handovers: list[Handover] = []
    lost: Counter[str] = Counter()
    began = time.monotonic()
    try:
        with busy(site.edges, options.busy):
            while sum(one.wanted == "ppm" for one in handovers) < options.handovers:
                # their records are read after each round
                clients = Clients(site, container, number, options)
                try:
                    pattern = [*["ppm"] * PPM_IN_A_ROW, "pre_copy"] * (ROUND // (PPM_IN_A_ROW + 1))
                    moved = move(site, container, pattern, options)
                    seen, timeline = clients.end()
                finally:
                    clients.close()
                lost.update(seen)
                handovers += [measured(migration, wanted, timeline) for migration, wanted in moved]
                note_lost(timeline.lost(), moved)
                best = min(
                    (one for one in handovers if one.strategy == "ppm"), key=lambda one: one.gap_ms, default=None
                )
                for (migration, _wanted), one in zip(moved, handovers[-len(moved) :], strict=True):
                    if one is best:
                        draw(migration, timeline, options.connections)
                print(f"      {json.dumps(dict(lost))}", flush=True)
                write(
                    {
                        **summary(handovers),
                        "requests": dict(lost),
                        "seconds": round(time.monotonic() - began, 1),
                        "options": {name: value for name, value in vars(options).items() if name != "output"},
                        "handovers": [asdict(one) for one in handovers],
                    }
                )
                if any(lost[name] for name in ("failed", "doubled", "disordered", "broken")):
                    break
    finally:
        container.remove()
    return {**summary(handovers), "requests": dict(lost)}


def write(found: dict[str, Any]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--handovers", type=int, default=100, help="migrations by ppm")
    parser.add_argument("--connections", type=int, default=8, help="TCP connections, beside one UDP socket")
    parser.add_argument("--interval-us", type=int, default=1000, help="between two requests")
    parser.add_argument("--memory-mb", type=int, default=20)
    parser.add_argument("--verify-ms", type=int, default=200, help="how long both run in step; 50 is the product's")
    parser.add_argument("--attempts", type=int, default=3)
    parser.add_argument("--max-wait-ms", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="processes on each host that never sleep")
    options = parser.parse_args()
    site = Site(prepared_inventory())
    site.prepare()
    try:
        found = run(site, options)
    finally:
        site.clean()
        site.close()
    print(json.dumps(found, indent=2))
    print(OUT)
    return int(any(found["requests"][name] for name in ("failed", "doubled", "disordered", "broken")))


if __name__ == "__main__":
    sys.exit(main())
