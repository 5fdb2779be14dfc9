# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a clone of each program stays in step under load (strategy ppm), and what parts it.

Both run until the time is over, then the clone takes over; one that is given up before is followed by pre_copy. Nothing
may be lost either way. Writes artifacts/in-step/programs.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.harness.containers import start_migrations
from tests.harness.playbook import PROJECT

from . import starts
from .starts import Make, Program
from .test_programs import await_steps

HOLD_S = float(os.environ.get("IN_STEP_S", "60"))
OUT = PROJECT / "artifacts/in-step/programs.md"
SPANS_S = (0.1, 1.0, 60.0)
PATIENT_MS = 200
"""So that the load of the machine does not decide how long they stay in step."""
POLL_S = 1.0
PROGRAMS: dict[str, Callable[[Make], Program]] = {
    "Redis": lambda make: starts.redis(make, forks=False),
    "Redis, forks each second": starts.redis,
    "etcd": starts.etcd,
    "OsmoHLR": starts.hlr,
    "unbound": starts.unbound,
    "nginx": starts.nginx,
    "HAProxy, 2 threads": starts.haproxy,
    "HAProxy, TLS 1.3": starts.haproxy_tls,
    "nghttpd, HTTP/2 over TLS 1.3": starts.nghttpd,
    "Node.js": starts.nodejs,
    "Erlang": starts.erlang,
}
MUST_STAY = ("Redis", "unbound", "HAProxy, TLS 1.3")
"""For a second at least: nothing in their answers but what follows from the requests."""
rows: list[str] = []


@dataclass
class Stay:
    """What container_migration_info said last of a clone, and how it ended."""

    seconds: float = 0.0
    inputs: int = 0
    answers: int = 0
    parted: str = ""
    moved_by: str = ""

    def note(self, clone: dict[str, Any]) -> None:
        self.seconds = clone["parallel_ms"] / 1000
        self.inputs, self.answers = clone["inputs"], clone["answers_compared"]


def look(program: Program, stay: Stay) -> None:
    """Have it go on when the time is over, or when another strategy waits."""
    found = program.site.run_module(program.home, "container_migration_info", name=program.name)
    for migration in found.get("migrations", []):
        progress = migration.get("progress") or {}
        if migration["state"] != "pre-switchover":
            continue
        if progress.get("strategy") == "ppm" and progress.get("clone"):
            stay.note(progress["clone"])
            if stay.seconds < HOLD_S:
                continue
        program.site.run_module(program.home, "container_migration_continue", name=program.name)


def write(name: str, stay: Stay) -> None:
    spans = ["yes" if stay.seconds >= span else "no" if stay.parted else "not tried" for span in SPANS_S]
    figures = [f"{stay.seconds:.1f} s", f"{stay.inputs / max(stay.seconds, 0.001):.0f}", str(stay.answers)]
    rows.append("| " + " | ".join([name, *spans, *figures, stay.moved_by, stay.parted]) + " |")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    head = [
        "| program | 100 ms | 1 s | 60 s | in step | inputs/s | answers compared | moved by | parted by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    OUT.write_text("\n".join([*head, *rows, ""]))


@pytest.mark.parametrize("name", PROGRAMS)
def test_how_long_a_clone_stays_in_step(make: Make, name: str) -> None:
    program = PROGRAMS[name](make)
    stay = Stay()
    with program.client() as client:
        steps = client.ask("report")["steps"]
        run = start_migrations(
            [program],
            strategy="ppm",
            pause_before_switchover=True,
            ppm_attempts=1,
            ppm_max_wait_ms=PATIENT_MS,
            timeout_s=round(HOLD_S) + 60,
        )
        while run.process.poll() is None:
            look(program, stay)
            time.sleep(POLL_S)  # between two looks
        result = run.result()
        assert result.status == 0, result.items
        program.home = program.away
        migration = result.only["migration"]
        await_steps(client, steps)
        report = client.ask("quiet")
    stay.moved_by = migration["strategy"]
    if migration["attempts"]:
        [attempt] = migration["attempts"]
        stay.parted = attempt["message"].partition(" The container runs on")[0]
        stay.seconds = max(stay.seconds, attempt["parallel_ms"] / 1000)
    else:
        stay.note(migration)
    write(name, stay)
    assert report["faults"] == []
    assert stay.seconds >= 1 or name not in MUST_STAY, stay
