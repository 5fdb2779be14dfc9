# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make soak` (python -m tests.soak): one process migrates between two hosts, again and again, under load.

No request may be lost, the connection must survive, and nothing may leak: the counts after a warm-up must be the same
at the end. Writes artifacts/soak/summary.json after each round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import ON_REQUEST, STRATEGIES

from tests.harness.hosts import Host
from tests.harness.lab import prepared_inventory
from tests.harness.migration import MigrationUnderTest
from tests.harness.playbook import ENVIRONMENT, PROJECT
from tests.harness.site import WORK, Site

OUT = PROJECT / "artifacts/soak/summary.json"
ROUND = 10
"""Migrations in one run of ansible-playbook; even, so that the process ends each where it began."""
GROWTH = {"rss_kb": 1024, "allocated_files": 2000}
"""Tolerated growth. The kernel counts the files of all hosts of a lab, and of the machine, together."""


class Leak(Exception):
    """Something is not as it was."""


def playbook(hops: list[tuple[Host, Host, str]], name: str) -> list[dict[str, Any]]:
    """A play for each migration, as a user would write it."""
    return [
        {
            "name": f"To {target.name} by {strategy}",
            "hosts": source.name,
            "gather_facts": False,
            "tasks": [
                {
                    "name": "Migrate",
                    "organic.live_migration.container_migrate": {
                        "name": name, "target_host": target.name, "strategy": strategy,
                    },
                }
            ],
        }
        for source, target, strategy in hops
    ]  # fmt: skip


def results(command: list[str]) -> Iterator[dict[str, Any]]:
    """Results of the tasks, as they come."""
    environment = {**ENVIRONMENT, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl"}
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # an ssh of ours may have made our own non-blocking, which Ansible refuses
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("_event") in ("v2_runner_on_ok", "v2_runner_on_failed", "v2_runner_on_unreachable"):
                [result] = event["hosts"].values()
                yield result
    if process.returncode:
        raise Leak(f"ansible-playbook ended with status {process.returncode}: {''.join(said)[-3000:]}")


class Soak:
    """The process that migrates, its client, and the counts."""

    def __init__(self, site: Site, container: MigrationUnderTest, strategies: list[str]) -> None:
        self._site, self._container = site, container
        self._strategies = itertools.cycle(strategies)
        self.migrations: list[dict[str, Any]] = []

    def round(self, number: int) -> None:
        """Run so many migrations in a row."""
        edges = [self._container.home, self._container.away]
        hops = [(edges[i % 2], edges[1 - i % 2], next(self._strategies)) for i in range(number)]
        with tempfile.NamedTemporaryFile("w", prefix="organic-soak-", suffix=".yml") as file:
            json.dump(playbook(hops, self._container.name), file)
            file.flush()
            command = ["ansible-playbook", "--inventory", str(self._site.inventory), file.name]
            for result, (_source, target, strategy) in zip(results(command), hops, strict=False):
                if "migration" not in result or result.get("failed"):
                    raise Leak(f"migration {len(self.migrations) + 1} to {target.name}: {result.get('msg', result)}")
                moved_by = result["migration"]["strategy"] if strategy in ON_REQUEST else strategy
                figures = {"strategy": strategy, "moved_by": moved_by, **{key: result["migration"][key] for key in
                           ("process_downtime_ms", "migration_time_ms", "bytes_sent")}}  # fmt: skip
                self.migrations.append(figures)
                print(
                    f"{len(self.migrations):5} {moved_by:10} to {target.name:8} downtime "
                    f"{figures['process_downtime_ms']:7.1f} ms, in {figures['migration_time_ms'] / 1000:5.2f} s",
                    flush=True,
                )
        if number % 2:
            self._container.home = self._container.away

    def counts(self) -> dict[str, Any]:
        """What is there on both hosts, once they have reached their final state."""
        self._container.converge()
        counted = {}
        state = self._site.snapshot()
        for host in self._site.edges:
            figures = json.loads(host.run(f"python3 {WORK}/leak_check.py {self._container.name}"))
            here = state[host.name]
            figures["surroundings"] = here["surroundings"]
            figures["inside"] = here["containers"][self._container.name].get("inside")
            counted[host.name] = figures
        return counted

    def by_strategy(self) -> dict[str, dict[str, float]]:
        found = {}
        for strategy in sorted({one["strategy"] for one in self.migrations}):
            downtimes = sorted(one["process_downtime_ms"] for one in self.migrations if one["strategy"] == strategy)
            found[strategy] = {
                "migrations": len(downtimes),
                "median_downtime_ms": round(statistics.median(downtimes), 1),
                "worst_downtime_ms": downtimes[-1],
                "moved_by_another": sum(
                    one["moved_by"] != strategy for one in self.migrations if one["strategy"] == strategy
                ),
            }
        return found


def leaks(before: Any, after: Any, where: str = "") -> list[str]:
    """What is not as it was, but for the engine's own memory."""
    name = where.rpartition(".")[2]
    if name == "engine":
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        return [one for key in keys for one in leaks(before.get(key), after.get(key), f"{where}.{key}".lstrip("."))]
    same = after - before <= GROWTH[name] if name in GROWTH else before == after
    return [] if same else [f"{where}: {before} -> {after}"]


def soak(site: Site, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole; returns the summary."""
    for host in site.edges:
        host.put((Path(__file__).parent / "leak_check.py").read_bytes(), f"{WORK}/leak_check.py")
    # a clone can follow a process only if all that it does follows from its requests
    has_clones = any(strategy in ON_REQUEST for strategy in arguments.strategies)
    container = MigrationUnderTest(site, "soak", arguments.memory_mb, number=30, by_requests=has_clones)
    run = Soak(site, container, arguments.strategies)
    began = time.monotonic()
    summary: dict[str, Any] = {"status": "failed", "message": "", "leaks": []}
    client = container.client()
    try:
        run.round(arguments.warm_up)
        before = run.counts()
        while len(run.migrations) < arguments.warm_up + arguments.migrations:
            run.round(min(ROUND, arguments.warm_up + arguments.migrations - len(run.migrations)))
            after = run.counts()
            seen = client.status()
            summary.update(
                migrations=len(run.migrations) - arguments.warm_up,
                strategies=run.by_strategy(),
                lost_requests=seen["failed"],
                answered=seen["answered"],
                service_gap_ms=seen["service_gap_ms"],
                leaks=leaks(before, after),
                before=before,
                after=after,
                seconds=round(time.monotonic() - began, 1),
            )
            write(summary)
            print(f"      {seen['answered']} answered, {seen['failed']} lost; leaks: {summary['leaks'] or 'nothing'}")
            if seen["failed"]:
                raise Leak(f"{seen['failed']} requests were lost: {seen}")
        if summary["leaks"]:
            raise Leak("; ".join(summary["leaks"]))
        ended = client.end()
        summary["client"] = ended
        broken = {key: ended[key] for key in ("failed", "doubled", "disordered", "faulty_pages", "lost_writes")}
        if any(broken.values()) or not ended["process_kept"] or ended["tcp_connections"]["broken"]:
            raise Leak(f"the process is not what it was: {ended}")
        summary["status"] = "passed"
    except Exception as error:  # the summary has it, whatever it is
        summary["message"] = f"{type(error).__name__}: {error}"
    finally:
        client.close()
        container.remove()
        write(summary)
    return summary


def write(summary: dict[str, Any]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    temporary = OUT.with_suffix(".new")
    temporary.write_text(json.dumps(summary, indent=2) + "\n")
    os.replace(temporary, OUT)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--migrations", type=int, default=200, help="after the warm-up")
    parser.add_argument("--warm-up", type=int, default=10, help="migrations before the first count; even")
    parser.add_argument("--strategies", type=lambda text: text.split(","), default=list(STRATEGIES), help="in turn")
    parser.add_argument("--memory-mb", type=int, default=20)
    arguments = parser.parse_args()
    if arguments.warm_up % 2 or arguments.migrations % 2:
        parser.error("both numbers must be even: the process ends where it began")
    site = Site(prepared_inventory())
    site.prepare()
    try:
        summary = soak(site, arguments)
    finally:
        site.clean()
        site.close()
    for strategy, figures in summary.get("strategies", {}).items():
        print("{0:10} {migrations:5} migrations, downtime {median_downtime_ms:.1f} ms (worst {worst_downtime_ms:.1f})"
              .format(strategy, **figures))  # fmt: skip
    print(
        f"{summary['status']}: {summary.get('migrations', 0)} migrations, {summary.get('lost_requests')} of "
        f"{summary.get('answered')} requests lost, leaks: {summary['leaks'] or 'nothing'}. {summary['message']}"
    )
    print(OUT)
    return int(summary["status"] != "passed")


if __name__ == "__main__":
    sys.exit(main())
