# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One case of the fault matrix: a migration is held in a state, a fault injected, and the outcome checked."""

from __future__ import annotations

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

from tests.harness.client import assert_nothing_lost, await_answers
from tests.harness.fault_injector import TOO_LATE
from tests.harness.hosts import CommandFailed, Host
from tests.harness.migration import MigrationUnderTest
from tests.harness.playbook import PlaybookResult, PlaybookRun
from tests.harness.site import WORK, Site
from tests.harness.wait import CONVERGE_TIMEOUT_S, until

from .matrix import Case

ATTEMPTS = 4
"""A state of a millisecond may be missed a few times."""
TIMEOUT_S = 20
"""Option of the migrations: so long an agent waits for a silent peer."""


@dataclass
class Finding:
    """The outcome of a case; an entry of the summary."""

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
    """The message of the migration; of a failed case, the reason."""
    converged_s: float | None = None

    @classmethod
    def of(cls, case: Case) -> Finding:
        return cls(case.name, case.strategy, case.state_name, case.fault_name)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class MigrationHold:
    """Holds a migration at an injection point of one host until it is released; see fault_injector.py."""

    def __init__(self, host: Host, injection_point: str) -> None:
        self._injection_point = injection_point
        self._process = subprocess.Popen(
            host.command(f"exec python3 {WORK}/fault_injector.py {shlex.quote(injection_point)} hold"),
            bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._line(CONVERGE_TIMEOUT_S) == b"waiting\n"

    def _line(self, timeout_s: float) -> bytes | None:
        """The next line; empty at the end; None when none came in time."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            return None
        return self._process.stdout.readline()

    def holds(self, migration: PlaybookRun) -> bool:
        """Wait for the injection point; False when it was missed and the migration has ended."""
        while (line := self._line(0.02)) is None:
            if migration.process.poll() is not None:
                return False
        assert line, self._failure()
        return True

    def assert_holds(self) -> None:
        """Otherwise the fault was not injected at the injection point."""
        assert self._process.poll() is None, f"{self._injection_point} was released too early: {self._failure()}"

    def _failure(self) -> str:
        assert self._process.stderr is not None
        return f"{self._injection_point}: {self._process.stderr.read().decode()}"

    def release(self) -> None:
        """The migration goes on."""
        assert self._process.stdin is not None
        if self._process.poll() is None:
            self._process.stdin.write(b"\n")
            self._process.wait(10)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()  # it releases the migration at the end of its input
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(10)


class InjectedFault:
    """A migration with a fault, and the state of the hosts before it."""

    def __init__(self, site: Site, migration: MigrationUnderTest, case: Case) -> None:
        self._site, self._migration, self._case = site, migration, case
        self._before = site.snapshot()
        self._home_before = migration.home
        self._options = {"strategy": case.strategy, **case.state.options}

    def inject(self) -> PlaybookResult | None:
        """Run a migration with the fault; returns its result, None when the controller was killed."""
        for _attempt in range(ATTEMPTS):
            was_reached, result = self._attempt()
            if was_reached:
                return result
            self._migration.find()
            self.converge(Finding.of(self._case))
            self._home_before, self._before = self._migration.home, self._site.snapshot()
        raise AssertionError(f"{self._case.state.injection_point} was missed {ATTEMPTS} times")

    def _attempt(self) -> tuple[bool, PlaybookResult | None]:
        """Whether the injection point was reached, and the result of the migration."""
        fault, site = self._case.fault, self._site
        source, target = self._migration.home, self._migration.away
        sides = {"source": source, "target": target}
        ansible_options = []
        if fault.stepped_clock:
            [python] = {site.put_stepped_clock(host) for host in site.edges}
            ansible_options = ["--extra-vars", f"ansible_python_interpreter={python}"]
        state = self._case.state
        held = MigrationHold(sides[state.side], state.injection_point)
        earlier_point, filtered = state.drop_inbound or ("", "source")
        earlier = MigrationHold(target, earlier_point) if earlier_point else None
        try:
            run = self._migration.start_migration(
                *ansible_options, ssh_master=fault.side != "controller", timeout_s=TIMEOUT_S, **self._options
            )
            if earlier and earlier.holds(run):
                other = source if filtered == "target" else target
                sides[filtered].run(f"python3 {WORK}/fault_injector.py {filtered}:now drop_inbound {other.address}")
                earlier.release()
            if not held.holds(run):
                return False, self._unharmed(run)
            if fault.side == "controller":
                run.kill()
                self._accept_inbound(sides[filtered])
                held.release()
                return True, None
            host_of_fault = sides[fault.side]
            peer = target if host_of_fault is source else source
            act = fault.act.replace("{peer}", peer.address)
            try:
                host_of_fault.run(f"python3 {WORK}/fault_injector.py {fault.side}:now {act}")
            except CommandFailed as error:
                if TOO_LATE not in error.errors:
                    raise
                held.release()
                return False, self._unharmed(run)
            held.assert_holds()
            self._accept_inbound(sides[filtered])
            held.release()
            if fault.healed_after_s is not None:
                time.sleep(fault.healed_after_s)  # the fault's own length
                site.heal(host_of_fault)
            return True, run.result()
        finally:
            held.close()
            if earlier:
                earlier.close()
            for host in site.edges:
                site.heal(host)

    @staticmethod
    def _unharmed(run: PlaybookRun) -> PlaybookResult:
        """Without a fault the migration must have succeeded; another attempt follows."""
        result = run.result()
        assert result.status == 0, result.items
        return result

    def _accept_inbound(self, filtered: Host) -> None:
        """Unless the link has been cut on that very host."""
        state, fault = self._case.state, self._case.fault
        if state.drop_inbound and not (fault.act.startswith("cut") and fault.side == state.drop_inbound[1]):
            self._site.heal(filtered)

    def converge(self, finding: Finding) -> None:
        """Wait until exactly one copy lives, and all else is as it was before."""
        began = time.monotonic()
        while True:
            state = self._site.snapshot()
            homes = self._migration.homes(state)
            finding.live_copies = len(homes)
            if len(homes) == 1:
                self._migration.home = homes[0]
                finding.leftovers = {**self._deviations(state), **self._changed(state)}
                if not finding.leftovers:
                    finding.converged_s = round(time.monotonic() - began, 1)
                    return
            assert time.monotonic() < began + CONVERGE_TIMEOUT_S, (
                f"{len(homes)} copies live after {CONVERGE_TIMEOUT_S} s; "
                f"changed: {finding.leftovers or self._brief(state)}"
            )
            time.sleep(0.1)

    def _brief(self, state: dict[str, Any]) -> dict[str, Any]:
        """The part of the snapshots that explains why there is not exactly one copy."""
        keys = ("records", "awaits", "mounts", "agents")
        return {
            host: {
                **{key: here[key] for key in keys if here[key]},
                "container": {
                    key: value
                    for key, value in here["containers"].get(self._migration.name, {}).items()
                    if key != "inside"
                },
            }
            for host, here in state.items()
        }

    def _deviations(self, state: dict[str, Any]) -> dict[str, Any]:
        wrong = self._migration.deviations(state)
        if self._case.fault.ends_process:  # a container whose process was killed has its exit code
            for found in wrong.values():
                found.pop("exit_code", None)
        return {host: found for host, found in wrong.items() if found}

    def _changed(self, state: dict[str, Any]) -> dict[str, Any]:
        """What the hosts and the container have gained and lost since."""
        pairs = {name: (here["surroundings"], state[name]["surroundings"]) for name, here in self._before.items()}
        name = self._migration.name
        pairs[name] = (
            self._before[self._home_before.name]["containers"][name]["inside"],
            state[self._migration.home.name]["containers"][name].get("inside", {}),
        )
        changed = {}
        for where, (before, after) in pairs.items():
            for what, entries in before.items():
                then, now = self._count(entries), self._count(after.get(what, []))
                if then != now:
                    changed[f"{where}: {what}"] = {"new": sorted(now - then), "gone": sorted(then - now)}
        return changed

    def _count(self, entries: list[str]) -> Counter[str]:
        """Count the entries; the files of a killed Ansible module are left by Ansible."""
        kills_module = "watchdog" in self._case.fault.act
        return Counter(entry for entry in entries if not (kills_module and entry.startswith("/tmp/ansible_")))

    def converge_failed(self, finding: Finding, result: PlaybookResult) -> None:
        """Wait for post-copy's `failed`: no copy runs, the message says so, and only the exited container is left."""
        assert "state is lost" in result.message, result.items
        began = time.monotonic()
        while True:
            state = self._site.snapshot()
            finding.live_copies = len(self._migration.homes(state))
            finding.leftovers = {
                host: left for host, here in state.items()
                if (left := {key: here[key] for key in ("records", "awaits", "mounts", "agents") if here[key]})
            }  # fmt: skip
            running = [host for host, here in state.items()
                       if here["containers"].get(self._migration.name, {}).get("status") == "running"]  # fmt: skip
            if not finding.leftovers and not running:
                finding.converged_s = round(time.monotonic() - began, 1)
                finding.process_kept = False
                return
            assert time.monotonic() < began + CONVERGE_TIMEOUT_S, (
                f"it runs on {running}; left behind: {finding.leftovers}"
            )
            time.sleep(0.1)

    def assert_reported_host(self, result: PlaybookResult) -> None:
        """The process runs where the result says."""
        moved = self._migration.home is not self._home_before
        assert moved == (result.status == 0 or "the process runs there" in result.message), result.items


def run(site: Site, migration: MigrationUnderTest, case: Case, finding: Finding) -> bool:
    """Inject the fault, wait for the final state, migrate again; fills the finding.

    Returns:
        Whether the process, or another in its place, lives: not after post-copy's `failed`.

    Raises:
        AssertionError: something is not as it must be.
    """
    fault = InjectedFault(site, migration, case)
    client = migration.client()
    try:
        result = fault.inject()
        finding.message = result.message if result else ""
        if result and result.status != 0:
            _assert_message(case, result)
        if case.may_fail_for_good and result and result.status != 0 and "is lost" in result.message:
            fault.converge_failed(finding, result)
            finding.status = "passed"
            return False
        if case.fault.by_itself or " reports that the process " in finding.message:
            fault.converge(finding)
            if result:
                fault.assert_reported_host(result)
            await_answers(client)
        elif result and result.status == 0:
            migration.home = migration.away  # the next migration recovers what is left there
        migration.migrate(strategy=case.strategy)
        fault.converge(finding)
        await_answers(client)
        seen = client.end()
        finding.process_kept = seen["process_kept"] and seen["tcp_connections"]["broken"] == 0
        finding.lost_requests = seen["failed"]
        if not (case.may_lose_the_process and not finding.process_kept):
            assert_nothing_lost(seen)
        finding.status = "passed"
        return True
    finally:
        client.close()


def _assert_message(case: Case, result: PlaybookResult) -> None:
    """The message says what failed, not which system call."""
    assert not result.message.startswith("[Errno"), result.items
    if case.fault.ends_process and case.fault.side == "source":
        assert "as before" not in result.message, result.items


WorkloadKey = tuple[int, bool]
"""Size of the memory, and whether all that it does follows from its requests."""


class WorkloadPool:
    """The containers of the cases, by what they are like; one that a case has broken is made again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made: dict[WorkloadKey, MigrationUnderTest] = {}
        self._numbers: dict[WorkloadKey, int] = {}

    @contextmanager
    def workload(self, case: Case) -> Iterator[MigrationUnderTest]:
        key = memory_mb, by_requests = self._key(case)
        if key not in self._made:
            number = self._numbers.setdefault(key, 10 + len(self._numbers))
            name = f"matrix-{memory_mb}" + ("-by-requests" if by_requests else "")
            self._made[key] = MigrationUnderTest(self._site, name, memory_mb, number, by_requests)
        try:
            yield self._made[key]
        except BaseException:
            self._force_cleanup(key)
            raise

    @staticmethod
    def _key(case: Case) -> WorkloadKey:
        return case.state.memory_mb, case.by_requests

    def forget(self, case: Case) -> None:
        """Remove what is left of a container whose process is lost."""
        self._made.pop(self._key(case)).remove()

    def _force_cleanup(self, key: WorkloadKey) -> None:
        for host in self._site.edges:
            for record in self._site.snapshot()[host.name]["records"]:
                if record.endswith(("source.json", "target.json")):
                    role = Path(record).stem
                    host.run(f"python3 {WORK}/fault_injector.py {role}:now force_cleanup")
            host.run("rm -f /opt/organic/resident/await/*")
        self._made.pop(key).remove()
        until(lambda: not any(here["agents"] for here in self._site.snapshot().values()), "the agents end")

    def close(self) -> None:
        for migration in self._made.values():
            migration.remove()
