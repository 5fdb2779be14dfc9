# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a core under load in the lab, its SMF moved to the other host, and what that cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from organic5gc.display import StepDisplay
from organic5gc.migration import Migration, Pfcp
from organic5gc.playbooks import PlaybookFailed, PlaybookRun, Progress, ask

SESSIONS = 200
RATE_PER_S = 200
PING_INTERVAL_MS = 5
INPUTS = ("playbooks", "collections", "images")
NFS = ["nrf", "upf", "smf"]
"""What the demo shows of the core. All others would only cost time here."""

TITLES = {
    "lab_up": "Lab of edge-a, edge-b and ran-a",
    "prepare_hosts": "Docker, CRIU and the resident runtime on the hosts",
    "build_minicore": "Image of the small core",
    "deploy_core": "NRF, SMF and UPF",
    "ran_start": f"{SESSIONS} PDU sessions, {RATE_PER_S} requests/s, a ping every {PING_INTERVAL_MS} ms",
    "migrate_smf": "Migration of the SMF",
    "ran_stop": "Clients stopped",
}


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


@dataclass
class Demo:
    """The steps of the demo on the project's lab; they are safe to repeat, and a repetition moves the SMF back."""

    project: Path
    display: StepDisplay
    lab_name: str
    lab_network_prefix: str

    def run(self) -> tuple[Migration, Path]:
        """Bring everything up, migrate, and return the result and its file."""
        directory = self.project / "artifacts" / "demo"
        directory.mkdir(parents=True, exist_ok=True)
        result, report, clients = (directory / name for name in ("migration.json", "report.json", "clients.json"))
        for path in (result, report, clients):
            path.unlink(missing_ok=True)

        hosts = self._provide_core()
        # An interrupted demo may have left its clients; their figures would be mixed with ours.
        self._play(
            ["ran_stop", "ran_start"],
            ran_sessions=SESSIONS,
            ran_rate=RATE_PER_S,
            ran_ping_interval_ms=PING_INTERVAL_MS,
        )
        try:
            self._play(["migrate_smf"], target_host=other_host(hosts, "smf"), migration_report=str(report))
        except PlaybookFailed:
            with suppress(PlaybookFailed):
                self._play(["ran_stop"], ran_summary=str(clients))
            raise
        self._play(["ran_stop"], ran_summary=str(clients))

        migration = Migration.merge(json.loads(report.read_text()), json.loads(clients.read_text()))
        migration.write(result)
        return migration, result

    def _provide_core(self) -> Hosts:
        """Lab, hosts, image and core, and where each NF runs. What is there and has not changed is left alone."""
        lab_changed = self._play(["lab_up"], lab_name=self.lab_name, lab_network_prefix=self.lab_network_prefix)
        provided = self.project / ".cache" / "demo" / f"{self.lab_name}.provided"
        inputs = fingerprint(self.project / name for name in INPUTS)
        if not lab_changed and provided.is_file() and provided.read_text() == inputs:
            hosts = self._find_nfs()
            if all(len(found) == 1 for found in hosts.running.values()):
                return hosts
        provided.unlink(missing_ok=True)
        self._play(["prepare_hosts", "build_minicore", "deploy_core"], nf_names=NFS)
        provided.parent.mkdir(parents=True, exist_ok=True)
        provided.write_text(inputs)
        return self._find_nfs()

    def _find_nfs(self) -> Hosts:
        self.display.begin("Where the NFs run")
        addresses = f"{{{{ nf_addresses | dict2items | selectattr('key', 'in', {NFS}) | items2dict }}}}"
        arguments = {"nfs": addresses, "must_run": False}
        with self._closing_the_line():
            answers = ask(self.project, "nf_hosts", "organic.core5g.nf_state_info", arguments, self._inventory)
        self.display.end()
        return Hosts.of(answers)

    @property
    def _inventory(self) -> Path:
        return self.project / "inventories" / self.lab_name / "hosts.yml"

    def _play(self, names: list[str], **extravars: object) -> bool:
        playbooks = [f"playbooks/{name}.yml" for name in names]
        inventory = None if names == ["lab_up"] else self._inventory
        with self._closing_the_line():
            return PlaybookRun(self.project, playbooks, extravars, inventory, on_progress=self._show).run()

    @contextmanager
    def _closing_the_line(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.display.end("fail")
            raise

    def _show(self, progress: Progress) -> None:
        if progress.ended:
            self.display.end()
        elif progress.task:
            self.display.detail(str(progress.migration or progress.task))
        else:
            self.display.begin(TITLES[Path(progress.playbook).stem])


@dataclass(frozen=True)
class Hosts:
    """The NF hosts, and on which of them each NF runs and tells its state."""

    names: list[str]
    running: dict[str, list[str]]

    @classmethod
    def of(cls, answers: Mapping[str, Mapping[str, Any]]) -> Self:
        """From each host's answer of organic.core5g.nf_state_info."""
        running: dict[str, list[str]] = {}
        for host, answer in answers.items():
            for nf in answer["nfs"]:
                running.setdefault(nf["name"], []).extend([host] if nf["state"] else [])
        return cls(sorted(answers), running)


def other_host(hosts: Hosts, nf: str) -> str:
    """A host where the NF does not run."""
    running = hosts.running.get(nf, [])
    others = [host for host in hosts.names if host not in running]
    if len(running) != 1 or not others:
        raise DemoError(
            f"Exactly one running {nf} on two hosts or more was expected, found {len(running)} "
            f"({', '.join(running) or 'none'}) on {', '.join(hosts.names) or 'no host'}. "
            "Remove the core with `.venv/bin/ansible-playbook playbooks/remove_core.yml`, then try again."
        )
    return others[0]


def fingerprint(directories: Iterable[Path]) -> str:
    """A hash over the names and contents of all files of directories."""
    digest = hashlib.sha256()
    for path in sorted(path for directory in directories for path in directory.rglob("*") if path.is_file()):
        if "__pycache__" not in path.parts and "output" not in path.parts:
            digest.update(f"{path} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def table(migration: Migration) -> str:
    """The result for a person to read."""
    requests = migration.requests
    rows = [
        ("migration time", f"{migration.migration_time_ms:.1f} ms"),
        ("process downtime", f"{migration.process_downtime_ms:.1f} ms"),
        ("service gap seen by the clients", f"{migration.service_gap_ms:.1f} ms"),
        ("bytes sent", f"{migration.bytes_sent} ({migration.bytes_sent / 1e6:.1f} MB)"),
        (
            "requests",
            f"{requests.answered} answered, {requests.failed} failed, {requests.duplicated} answered twice",
        ),
        ("PDU sessions", f"{migration.sessions.before} before, {migration.sessions.after} after"),
        ("PFCP association", _association(migration.pfcp)),
        ("TCP connections", f"{migration.tcp_connections.kept} of {migration.tcp_connections.opened} kept"),
    ]
    lines = [
        f"{migration.nf} moved from {migration.source_host} to {migration.target_host} "
        f"({migration.strategy}, {migration.method}): {migration.status}",
        "",
        *(f"  {name:<34}{value}" for name, value in rows),
        "",
        f"  {'step':<34}{'start ms':>10}{'duration ms':>14}",
        *(f"  {step.name:<34}{step.start_ms:>10.1f}{step.duration_ms:>14.1f}" for step in migration.steps),
    ]
    return "\n".join(lines)


def _association(pfcp: Pfcp | None) -> str:
    if pfcp is None:
        return "none"
    before, after = pfcp.recovery_time_stamp_before, pfcp.recovery_time_stamp_after
    return f"{'kept' if pfcp.association_kept else 'LOST'}, recovery time stamp {before} before, {after} after"
