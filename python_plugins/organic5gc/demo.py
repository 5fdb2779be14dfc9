# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a whole core with UEs in the lab, one of its NFs moved to the other host, and what that cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from organic5gc import report as reports
from organic5gc.display import StepDisplay
from organic5gc.errors import OrganicError, PlaybookFailed
from organic5gc.migration import Migration, Pfcp
from organic5gc.playbooks import PlaybookRun, Progress, ask

UES = 100
REGISTRATIONS_PER_S = 50
PROCEDURES_PER_S = 20
PING_INTERVAL_MS = 5
SBI_ADDRESSES = "(nf_addresses | organic.core5g.nf_addresses_at('sbi'))"
INPUTS = ("playbooks", "collections", "images")
NFS = ("smf", "amf", "ausf", "udm", "udr", "pcf", "nrf", "nssf", "scp", "upf")
"""What it can move. The N2 front is missing: it ends SCTP, which cannot be moved."""

TITLES = {
    "lab_up": "Lab of edge-a, edge-b and ran-a",
    "prepare_hosts": "Docker, CRIU and the resident runtime on the hosts",
    "build_minicore": "Image of the small core",
    "deploy_core": "The whole core: ten NFs and the N2 front",
    "provision_subscribers": "Subscribers in the UDR",
    "gnb_start": f"{UES} UEs with PDU sessions, {PROCEDURES_PER_S} procedures/s, a ping every {PING_INTERVAL_MS} ms",
    "migrate_nf": "Migration",
    "gnb_stop": "gNBs and UEs stopped",
}


class DemoError(OrganicError):
    """The demo cannot go on; the message says why and what to do."""


@dataclass
class Demo:
    """The steps of the demo on the project's lab; they are safe to repeat, and a repetition moves the SMF back."""

    project: Path
    display: StepDisplay
    lab_name: str
    lab_network_prefix: str
    nf: str = "smf"
    strategy: str = "profile"
    """As of playbooks/migrate_nf.yml: the choice of the NF's profile, or a strategy by its name."""

    def run(self) -> tuple[Migration, Path]:
        """Bring everything up, migrate, and return the result and its file."""
        directory = self.project / "artifacts" / "demo"
        directory.mkdir(parents=True, exist_ok=True)
        names = ("migration.json", "report.json", "clients.json", "migration.html")
        result, report, clients, page = (directory / name for name in names)
        for path in (result, report, clients, page):
            path.unlink(missing_ok=True)

        hosts = self._provide_core()
        # An interrupted demo may have left its gNBs; their figures would be mixed with ours.
        self._play(
            ["gnb_stop", "gnb_start"],
            gnb_ues=UES,
            gnb_rate=REGISTRATIONS_PER_S,
            gnb_procedures_rate=PROCEDURES_PER_S,
            gnb_ping_interval_ms=PING_INTERVAL_MS,
            gnb_probes={self.nf: f"http://{{{{ {SBI_ADDRESSES}.{self.nf} }}}}:8000/minicore/v1/alive"},
        )
        try:
            self._play(
                ["migrate_nf"],
                nf=self.nf,
                target_host=other_host(hosts, self.nf),
                migration_strategy=self.strategy,
                migration_report=str(report),
                force_migration=True,
            )
        except PlaybookFailed:
            with suppress(PlaybookFailed):
                self._play(["gnb_stop"], gnb_summary=str(clients))
            raise
        self._play(["gnb_stop"], gnb_summary=str(clients))

        migration = Migration.merge(json.loads(report.read_text()), json.loads(clients.read_text()))
        migration.write(result)
        sources = [(str(path), json.loads(path.read_text())) for path in (report, result, clients)]
        reports.write(page, reports.render(reports.read_all(sources)))
        return migration, result

    def _provide_core(self) -> Hosts:
        """Lab, hosts, image and core, and where each NF runs. What is there and has not changed is left alone."""
        lab_changed = self._play(["lab_up"], lab_name=self.lab_name, lab_network_prefix=self.lab_network_prefix)
        provided = self.project / ".cache" / "demo" / f"{self.lab_name}.provided"
        inputs = fingerprint(self.project / name for name in INPUTS)
        if not lab_changed and provided.is_file() and provided.read_text() == inputs:
            hosts = self._find_nfs()
            if all(len(found) == 1 for found in hosts.running.values()) and hosts.subscribers >= UES:
                return hosts
        provided.unlink(missing_ok=True)
        self._play(["prepare_hosts", "build_minicore", "deploy_core", "provision_subscribers"])
        provided.parent.mkdir(parents=True, exist_ok=True)
        provided.write_text(inputs)
        return self._find_nfs()

    def _find_nfs(self) -> Hosts:
        self.display.begin("Where the NFs run")
        arguments = {"nfs": f"{{{{ {SBI_ADDRESSES} }}}}", "must_run": False}
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
    """The NF hosts, on which of them each NF runs and tells its state, and how many subscribers the UDR has."""

    names: list[str]
    running: dict[str, list[str]]
    subscribers: int = 0

    @classmethod
    def of(cls, answers: Mapping[str, Mapping[str, Any]]) -> Self:
        """From each host's answer of organic.core5g.nf_state_info."""
        running: dict[str, list[str]] = {}
        subscribers = 0
        for host, answer in answers.items():
            for nf in answer["nfs"]:
                running.setdefault(nf["name"], []).extend([host] if nf["state"] else [])
                subscribers += (nf["state"] or {}).get("subscribers", 0)
        return cls(sorted(answers), running, subscribers)


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
    gaps, sctp, procedures = migration.gaps_ms, migration.sctp_associations, migration.procedures
    sbi, requests = migration.sbi_connections, migration.sbi_requests
    rows = [
        ("migration time", f"{migration.migration_time_ms:.1f} ms"),
        ("process downtime", f"{migration.process_downtime_ms:.1f} ms"),
        (f"gap on the SBI of the {migration.nf}", f"{gaps.sbi:.1f} ms"),
        ("gap on N2", f"{gaps.n2:.1f} ms"),
        ("gap on N3", f"{gaps.n3:.1f} ms"),
        ("gap between procedures", f"{gaps.procedures:.1f} ms"),
        ("bytes sent", f"{migration.bytes_sent} ({migration.bytes_sent / 1e6:.1f} MB)"),
        ("procedures", f"{procedures.succeeded} succeeded, {procedures.failed} failed"),
        ("UEs registered", f"{migration.ues.before} before, {migration.ues.after} after"),
        ("re-authentications", f"{migration.reauthentications}"),
        ("NAS counts and keys", f"{migration.nas_mismatches} did not match"),
        ("PDU sessions", f"{migration.sessions.before} before, {migration.sessions.after} after"),
        ("PFCP association", _association(migration.pfcp)),
        ("SCTP associations", f"{sctp.kept} of {sctp.opened} kept"),
        ("SBI requests", f"{requests.succeeded} answered, {requests.failed} failed"),
        ("SBI connections of the client", f"{sbi.kept} of {sbi.opened} kept"),
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
        return "none of its own"
    before, after = pfcp.recovery_time_stamp_before, pfcp.recovery_time_stamp_after
    return f"{'kept' if pfcp.association_kept else 'LOST'}, recovery time stamp {before} before, {after} after"
