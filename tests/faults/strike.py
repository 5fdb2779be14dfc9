# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One case of the fault matrix: a migration that is held in a state, struck, let go, and looked at."""

from __future__ import annotations

import json
import select
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hosts import CommandFailed

from .matrix import Case
from .saboteur import TOO_LATE
from .site import SETTLES_S, WORK, Client, Host, Moving, Play, Site, Told, kill_tree, until

ATTEMPTS = 4
"""A state of a millisecond may be missed a few times."""
TIMEOUT_S = 20
"""Of the migrations' single steps: so long an agent waits for a peer that says nothing."""


@dataclass
class Finding:
    """What became of a case; an entry of the summary."""

    case: str
    strategy: str
    state: str
    fault: str
    live_copies: int | None = None
    process_kept: bool | None = None
    lost_requests: int | None = None
    leftovers: dict[str, Any] = field(default_factory=dict)
    status: str = "failed"
    message: str = ""
    """What the user was told; of a case that failed, why it did."""
    settled_s: float | None = None

    @classmethod
    def of(cls, case: Case) -> Finding:
        return cls(case.name, case.strategy, case.state_name, case.fault_name)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Watcher:
    """Holds a migration in a moment, on one host, until it is told to let go; see saboteur.py."""

    def __init__(self, host: Host, moment: str) -> None:
        self._moment = moment
        self._process = subprocess.Popen(
            host.command(f"exec python3 {WORK}/saboteur.py {shlex.quote(moment)} hold"),
            bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._line(SETTLES_S) == b"waiting\n"

    def _line(self, timeout_s: float) -> bytes | None:
        """The next line; empty at the end; None when none came in time."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            return None
        return self._process.stdout.readline()

    def holds(self, migration: Play) -> bool:
        """Await the moment; False when it was missed, and the migration is over."""
        while (line := self._line(0.02)) is None:
            if migration.process.poll() is not None:
                return False
        assert line, self._why()
        return True

    def assert_holds(self) -> None:
        """Else what has been done meanwhile was not done in the moment."""
        assert self._process.poll() is None, f"{self._moment} was let go too early: {self._why()}"

    def _why(self) -> str:
        assert self._process.stderr is not None
        return f"{self._moment}: {self._process.stderr.read().decode()}"

    def let_go(self) -> None:
        """The migration goes on."""
        assert self._process.stdin is not None
        if self._process.poll() is None:
            self._process.stdin.write(b"\n")
            self._process.wait(10)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()  # it lets go at the end of its input
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(10)


class Struck:
    """A workload, its client, and what was there before the fault."""

    def __init__(self, site: Site, moving: Moving, case: Case) -> None:
        self._site, self._moving, self._case = site, moving, case
        self._before = site.traces()
        self._home_before = moving.home
        self._options = {"strategy": case.strategy, **case.state.options}

    def strike(self) -> Told | None:
        """A migration that the fault strikes; what was told of it, if anybody was left to tell."""
        for _attempt in range(ATTEMPTS):
            told = self._attempt()
            if told is not False:
                return told or None
            self._moving.find()
            self.settle(Finding.of(self._case))
            self._home_before, self._before = self._moving.home, self._site.traces()
        raise AssertionError(f"the moment {self._case.state.moment} was missed {ATTEMPTS} times")

    def _attempt(self) -> Told | bool | None:
        fault, site = self._case.fault, self._site
        source, target = self._moving.home, self._moving.away
        sides = {"source": source, "target": target}
        of_ansible = []
        if fault.stepped_clock:
            [python] = {site.put_clock(host) for host in site.edges}
            of_ansible = ["--extra-vars", f"ansible_python_interpreter={python}"]
        state = self._case.state
        watcher = Watcher(sides[state.side], state.moment)
        moment, deaf = state.deaf or ("", "source")
        first = Watcher(target, moment) if moment else None
        try:
            migration = self._moving.start_migration(
                *of_ansible, alone=fault.side == "controller", timeout_s=TIMEOUT_S, **self._options
            )
            if first and first.holds(migration):
                other = source if deaf == "target" else target
                sides[deaf].run(f"python3 {WORK}/saboteur.py {deaf}:now deafen {other.address}")
                first.let_go()
            if not watcher.holds(migration):
                return self._missed(migration)
            if fault.side == "controller":
                kill_tree(migration.process.pid)
                self._hear_again(sides[deaf])
                watcher.let_go()
                migration.process.communicate()
                return None
            striker = sides[fault.side]
            peer = target if striker is source else source
            act = fault.act.replace("{peer}", peer.address)
            try:
                striker.run(f"python3 {WORK}/saboteur.py {fault.side}:now {act}")
            except CommandFailed as error:
                if TOO_LATE not in error.errors:
                    raise
                watcher.let_go()
                return self._missed(migration)
            watcher.assert_holds()
            self._hear_again(sides[deaf])
            watcher.let_go()
            if fault.mends_after_s is not None:
                time.sleep(fault.mends_after_s)  # the fault's own length
                site.mend(striker)
            return migration.told()
        finally:
            watcher.close()
            if first:
                first.close()
            for host in site.edges:
                site.mend(host)

    @staticmethod
    def _missed(migration: Play) -> bool:
        """A migration that no fault has struck has moved the process; there is to be another one."""
        told = migration.told()
        assert told.status == 0, told.items
        return False

    def _hear_again(self, deaf: Host) -> None:
        """Unless the link has been cut on that very host."""
        state, fault = self._case.state, self._case.fault
        if state.deaf and not (fault.act.startswith("cut") and fault.side == state.deaf[1]):
            self._site.mend(deaf)

    def settle(self, finding: Finding) -> None:
        """Await that exactly one copy lives, and that all else is as it was before."""
        began = time.monotonic()
        while True:
            state = self._site.traces()
            homes = self._moving.homes(state)
            finding.live_copies = len(homes)
            if len(homes) == 1:
                self._moving.home = homes[0]
                finding.leftovers = {**self._unsettled(state), **self._changed(state)}
                if not finding.leftovers:
                    finding.settled_s = round(time.monotonic() - began, 1)
                    return
            assert time.monotonic() < began + SETTLES_S, (
                f"{len(homes)} copies live after {SETTLES_S} s; changed: {finding.leftovers or self._brief(state)}"
            )
            time.sleep(0.1)

    def _brief(self, state: dict[str, Any]) -> dict[str, Any]:
        """What tells why there is not exactly one copy."""
        keys = ("records", "awaits", "mounts", "agents")
        return {
            host: {
                **{key: here[key] for key in keys if here[key]},
                "container": {
                    key: value
                    for key, value in here["containers"].get(self._moving.name, {}).items()
                    if key != "inside"
                },
            }
            for host, here in state.items()
        }

    def _unsettled(self, state: dict[str, Any]) -> dict[str, Any]:
        wrong = self._moving.unsettled(state)
        if self._case.fault.ends_process:  # a container whose process was killed says so
            for found in wrong.values():
                found.pop("exit_code", None)
        return {host: found for host, found in wrong.items() if found}

    def _changed(self, state: dict[str, Any]) -> dict[str, Any]:
        """What the hosts and the container have now and had not before, and what they have lost."""
        pairs = {name: (here["surroundings"], state[name]["surroundings"]) for name, here in self._before.items()}
        name = self._moving.name
        pairs[name] = (
            self._before[self._home_before.name]["containers"][name]["inside"],
            state[self._moving.home.name]["containers"][name].get("inside", {}),
        )
        changed = {}
        for where, (before, after) in pairs.items():
            for what, entries in before.items():
                then, now = self._count(entries), self._count(after.get(what, []))
                if then != now:
                    changed[f"{where}: {what}"] = {"new": sorted(now - then), "gone": sorted(then - now)}
        return changed

    def _count(self, entries: list[str]) -> Counter[str]:
        """How often there is what; the files of an Ansible module that was killed are Ansible's."""
        kills_module = "guardian" in self._case.fault.act
        return Counter(entry for entry in entries if not (kills_module and entry.startswith("/tmp/ansible_")))

    def settle_failed(self, finding: Finding, told: Told) -> None:
        """Await post-copy's `failed`: no copy runs, which was said; only the container that ended is left."""
        assert "state is lost" in told.message, told.items
        began = time.monotonic()
        while True:
            state = self._site.traces()
            finding.live_copies = len(self._moving.homes(state))
            finding.leftovers = {
                host: left for host, here in state.items()
                if (left := {key: here[key] for key in ("records", "awaits", "mounts", "agents") if here[key]})
            }  # fmt: skip
            running = [host for host, here in state.items()
                       if here["containers"].get(self._moving.name, {}).get("status") == "running"]  # fmt: skip
            if not finding.leftovers and not running:
                finding.settled_s = round(time.monotonic() - began, 1)
                finding.process_kept = False
                return
            assert time.monotonic() < began + SETTLES_S, f"it runs on {running}; left behind: {finding.leftovers}"
            time.sleep(0.1)

    def is_where_it_is_said_to_be(self, told: Told) -> None:
        moved = self._moving.home is not self._home_before
        assert moved == (told.status == 0 or "the process runs there" in told.message), told.items


def run(site: Site, moving: Moving, case: Case, finding: Finding) -> bool:
    """Strike, settle, migrate again; fills the finding.

    Returns:
        Whether the process, or another in its place, lives: not after post-copy's `failed`.

    Raises:
        AssertionError: something is not as it must be.
    """
    struck = Struck(site, moving, case)
    client = moving.client()
    try:
        told = struck.strike()
        finding.message = told.message if told else ""
        if told and told.status != 0:
            _says_what_failed(case, told)
        if case.may_fail_for_good and told and told.status != 0 and "is lost" in told.message:
            struck.settle_failed(finding, told)
            finding.status = "passed"
            return False
        if case.fault.by_itself or "The target was asked" in finding.message:
            struck.settle(finding)
            if told:
                struck.is_where_it_is_said_to_be(told)
            _answers_again(client)
        elif told and told.status == 0:
            moving.home = moving.away  # what its agents have left there is the next run's
        moving.migrate(strategy=case.strategy)
        struck.settle(finding)
        _answers_again(client)
        seen = client.end()
        finding.process_kept = seen["process_kept"] and seen["tcp_connections"]["broken"] == 0
        finding.lost_requests = seen["failed"]
        if not (case.may_lose_the_process and not finding.process_kept):
            _lost_nothing(seen)
        finding.status = "passed"
        return True
    finally:
        client.close()


def _answers_again(client: Client) -> None:
    before = client.status()["answered"]
    client.await_status(lambda seen: seen["answered"] > before + 10 and seen["silent_ms"] < 50, 60, "it answers again")


def _says_what_failed(case: Case, told: Told) -> None:
    assert not told.message.startswith("[Errno"), told.items
    if case.fault.ends_process and case.fault.side == "source":
        assert "as before" not in told.message, told.items


def _lost_nothing(seen: dict[str, Any]) -> None:
    """The very same process has answered every request once, over the one connection, with its memory whole."""
    expected = {
        "failed": 0,
        "doubled": 0,
        "disordered": 0,
        "faulty_pages": 0,
        "lost_writes": 0,
        "process_kept": True,
        "verified": True,
        "tcp_connections": {"opened": 1, "kept": 1, "broken": 0},
    }
    assert {key: seen[key] for key in expected} == expected, json.dumps(seen)


class Workloads:
    """The containers that the cases strike, by the size of their memory; one that a case has broken is made anew."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made: dict[int, Moving] = {}
        self._numbers: dict[int, int] = {}

    @contextmanager
    def workload(self, memory_mb: int) -> Iterator[Moving]:
        if memory_mb not in self._made:
            number = self._numbers.setdefault(memory_mb, 10 + len(self._numbers))
            self._made[memory_mb] = Moving(self._site, f"matrix-{memory_mb}", memory_mb, number=number)
        try:
            yield self._made[memory_mb]
        except BaseException:
            self._give_up(memory_mb)
            raise

    def forget(self, memory_mb: int) -> None:
        """Of one whose process is lost, what is left."""
        self._made.pop(memory_mb).remove()

    def _give_up(self, memory_mb: int) -> None:
        for host in self._site.edges:
            for record in self._site.traces()[host.name]["records"]:
                if record.endswith(("source.json", "target.json")):
                    role = Path(record).stem
                    host.run(f"python3 {WORK}/saboteur.py {role}:now give_up")
            host.run("rm -f /opt/organic/resident/await/*")
        self._made.pop(memory_mb).remove()
        until(lambda: not any(here["agents"] for here in self._site.traces().values()), "the agents end")

    def close(self) -> None:
        for moving in self._made.values():
            moving.remove()
