# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A 5G core on the hosts of an inventory: what the playbooks of the project do, as functions."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from organic5gc.errors import InvalidRequest
from organic5gc.playbooks import PlaybookRun, Progress, Stop
from organic5gc.results import Done, Drained, Ending, Measured, Migrated, Recovered, Report, Status
from organic5gc.running import CANCEL_TIMEOUT_S, RETRY_S, Running
from organic5gc.runs import History, Run, default_directory

RECOVER = "organic.live_migration.container_migration_recover"
CANCEL = "organic.live_migration.container_migration_cancel"

T = TypeVar("T")
Handler = Callable[[Progress], None]


def _ignore(_: Progress) -> None:
    """Nobody wants to see the events."""


def find_project(start: Path) -> Path:
    """The checkout that a directory belongs to."""
    start = start.resolve()
    if (start / "ansible.cfg").is_file():
        return start
    for directory in (start, *start.parents):
        if (directory / "ansible.cfg").is_file() and (directory / "playbooks" / "migrate_nf.yml").is_file():
            return directory
    raise InvalidRequest(
        f"{start} is not a checkout of Organic 5GC, nor in one: name its directory with --project or ORGANIC5GC_PROJECT"
    )


@dataclass
class Core:
    """The core of an inventory. Each call is a run of its own: nothing of one call is left for the next.

    ``project`` is the checkout, ``inventory`` overrides the one that ansible.cfg names. A function ``start_X`` returns
    at once; ``X`` does the same and waits, and raises an error of ``organic5gc.errors``. ``extra`` are further
    variables of the playbook; ``on_progress`` is called in the run's own thread, and cannot disturb it.
    """

    project: Path
    inventory: Path | None = None
    data: Path = field(default_factory=default_directory)

    def __post_init__(self) -> None:
        self.project = find_project(self.project)
        if self.inventory is not None:
            self.inventory = self.inventory.resolve()
            if not self.inventory.exists():
                raise InvalidRequest(f"There is no inventory {self.inventory}")
        self.history = History(self.data)

    def start_deploy(
        self,
        nfs: Sequence[str] = (),
        placement: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
    ) -> Running[Done]:
        """Run NFs of the core, all of them by default; one that runs already stays where it is."""
        wanted: dict[str, object] = {"nf_names": list(nfs)} if nfs else {}
        if placement:
            wanted["nf_placement"] = dict(placement)
        return self._start("deploy", "deploy_core", wanted, extra, on_progress, lambda run, play: _done(run, play))

    def deploy(
        self,
        nfs: Sequence[str] = (),
        placement: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
        timeout_s: float | None = None,
    ) -> Done:
        """As start_deploy."""
        return self.start_deploy(nfs, placement, extra, on_progress).result(timeout_s)

    def start_migrate(
        self,
        nf: str,
        target_host: str,
        strategy: str = "profile",
        method: str = "resident",
        options: Mapping[str, object] | None = None,
        force: bool = False,
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
    ) -> Running[Migrated]:
        """Move an NF to another host, see playbooks/migrate_nf.yml; ``options`` are those of container_migrate."""
        wanted: dict[str, object] = {
            "nf": nf,
            "target_host": target_host,
            "migration_strategy": strategy,
            "migration_method": method,
            "migration_options": dict(options or {}),
            "force_migration": force,
        }

        def read(run: Run, play: PlaybookRun) -> Migrated:
            report = self.history.directory_of(run) / "report.json"
            found = Report.of(json.loads(report.read_text())) if report.is_file() else None
            return Migrated(run.id, _changed(play), found)

        return self._start("migrate", "migrate_nf", wanted, extra, on_progress, read, "migration_report", nf)

    def migrate(
        self,
        nf: str,
        target_host: str,
        strategy: str = "profile",
        method: str = "resident",
        options: Mapping[str, object] | None = None,
        force: bool = False,
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
        timeout_s: float | None = None,
    ) -> Migrated:
        """As start_migrate."""
        return self.start_migrate(nf, target_host, strategy, method, options, force, extra, on_progress).result(
            timeout_s
        )

    def start_drain(
        self,
        host: str,
        back: bool = False,
        parallel: int = 2,
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
    ) -> Running[Drained]:
        """Empty a host of its NFs, or bring back what that moved away, see playbooks/drain_host.yml."""
        wanted: dict[str, object] = {"host": host, "drain_parallel": parallel}
        kept = self.data / "drained" / f"{host}.json"

        def read(run: Run, play: PlaybookRun) -> Drained:
            report = json.loads(kept.read_text()) if kept.is_file() else {}
            return Drained(run.id, _changed(play), report)

        playbook = "undrain_host" if back else "drain_host"
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        wanted["drain_report"] = str(kept)
        return self._start("undrain" if back else "drain", playbook, wanted, extra, on_progress, read)

    def drain(
        self,
        host: str,
        back: bool = False,
        parallel: int = 2,
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
        timeout_s: float | None = None,
    ) -> Drained:
        """As start_drain."""
        return self.start_drain(host, back, parallel, extra, on_progress).result(timeout_s)

    def start_measure_networks(
        self,
        drivers: Sequence[str] = (),
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
    ) -> Running[Measured]:
        """Measure the network drivers on two hosts, see playbooks/measure_networks.yml."""
        wanted: dict[str, object] = {"network_measurement_drivers": list(drivers)} if drivers else {}

        def read(run: Run, play: PlaybookRun) -> Measured:
            with (self.history.directory_of(run) / "networks" / "table.csv").open(newline="") as table:
                return Measured(run.id, _changed(play), tuple(csv.DictReader(table)))

        return self._start(
            "measure-networks", "measure_networks", wanted, extra, on_progress, read, "network_measurement_directory"
        )

    def measure_networks(
        self,
        drivers: Sequence[str] = (),
        extra: Mapping[str, object] | None = None,
        on_progress: Handler = _ignore,
        timeout_s: float | None = None,
    ) -> Measured:
        """As start_measure_networks."""
        return self.start_measure_networks(drivers, extra, on_progress).result(timeout_s)

    def start_recover(self, on_progress: Handler = _ignore) -> Running[Recovered]:
        """Recover interrupted migrations on all hosts; InDoubt while a target host cannot be asked."""
        return self._start(
            "recover",
            "recover_migrations",
            {},
            None,
            on_progress,
            lambda run, play: Recovered(run.id, _changed(play), _answers(play, RECOVER)),
        )

    def recover(self, on_progress: Handler = _ignore, timeout_s: float | None = None) -> Recovered:
        """As start_recover."""
        return self.start_recover(on_progress).result(timeout_s)

    def status(self, nfs: Sequence[str] = ()) -> Status:
        """Where each NF runs, what moves, and which hosts cannot be reached. Not kept in the history."""
        report = self._private("status") / f"status-{time.monotonic_ns()}.json"
        wanted: dict[str, object] = {"status_report": str(report)} | ({"nf_names": list(nfs)} if nfs else {})
        try:
            self._play("core_status", wanted, self._private("status")).run()
            return Status.of(json.loads(report.read_text()))
        finally:
            report.unlink(missing_ok=True)

    def cancel(self, nf: str, timeout_s: float = CANCEL_TIMEOUT_S) -> Ending:
        """Cancel the migration of an NF that any program runs, and wait until it has ended.

        A run of this history ends before its next task. Raises PlaybookFailed when the migration is past its commit
        point.
        """
        runs = [run for run in self.history.list() if run.is_alive and run.arguments.get("nf") == nf]
        for run in runs:
            self.history.stop_file(run).touch(mode=0o600)
        deadline = time.monotonic() + timeout_s
        states: set[str] = set()
        while True:
            states |= set(self.cancel_on_hosts(nf).values()) - {"none"}
            if not any(run.is_alive for run in self.history.list() if run.id in {one.id for one in runs}):
                break
            if time.monotonic() > deadline:
                raise InvalidRequest(f"The run {runs[0].id} has not ended within {timeout_s:g} s")
            time.sleep(RETRY_S)
        if not runs and not states:
            return Ending("none", f"No migration of {nf} is in progress.")
        hosts = tuple(self.status().hosts_of(nf))
        outcome = "cancelled" if "cancelled" in states or not states else "failed"
        return Ending(
            outcome, f"The migration of {nf} was {outcome}. It runs on {', '.join(hosts) or 'no host'}.", hosts
        )

    def cancel_on_hosts(self, container: str) -> dict[str, str]:
        """Cancel what leaves any host now; the states by host, ``none`` where nothing does."""
        play = self._play("cancel_migration", {"container": container}, self._private("cancel"))
        play.run()
        return {host: str(answer["state"]) for host, answer in _answers(play, CANCEL).items()}

    def _start(
        self,
        command: str,
        playbook: str,
        wanted: Mapping[str, object],
        extra: Mapping[str, object] | None,
        on_progress: Handler,
        read: Callable[[Run, PlaybookRun], T],
        report: str = "",
        container: str = "",
    ) -> Running[T]:
        """Begin a run. ``report`` is the variable that names where the playbook writes what it has to say."""
        self._check(playbook)
        run = self.history.begin(command, {**wanted, **(extra or {})}, self.project)
        directory = self.history.directory_of(run)
        variables = {**(extra or {}), **wanted}
        if report:
            variables[report] = str(directory / ("networks" if report.endswith("directory") else "report.json"))
        play = self._play(playbook, variables, directory)
        play.on_progress = on_progress
        play.stop = Stop(self.history.stop_file(run))
        return Running(self, self.history, run, play, lambda: read(run, play), container)

    def _play(self, playbook: str, variables: Mapping[str, object], directory: Path) -> PlaybookRun:
        self._check(playbook)
        return PlaybookRun(self.project, [f"playbooks/{playbook}.yml"], variables, self.inventory, directory=directory)

    def _check(self, playbook: str) -> None:
        if not (self.project / "playbooks" / f"{playbook}.yml").is_file():
            raise InvalidRequest(f"This version of Organic 5GC has no playbooks/{playbook}.yml")

    def _private(self, name: str) -> Path:
        """Directory for the output of the last short runs, which the history leaves out."""
        directory = self.data / "short" / name
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data.chmod(0o700)
        return directory


def _answers(play: PlaybookRun, module: str) -> dict[str, dict[str, Any]]:
    return play.results.get(module, {})


def _changed(play: PlaybookRun) -> bool:
    return any(result.get("changed") for hosts in play.results.values() for result in hosts.values())


def _done(run: Run, play: PlaybookRun) -> Done:
    return Done(run.id, _changed(play))
