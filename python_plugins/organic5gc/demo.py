# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a core under load in the lab, its SMF moved to the other host, and what that cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from organic5gc.display import StepDisplay
from organic5gc.migration import Migration, Pfcp
from organic5gc.playbooks import PlaybookFailed, PlaybookRun, Progress, ask

SESSIONS = 200
RATE_PER_S = 200
PING_INTERVAL_MS = 5

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

        self._play(["lab_up"], lab_name=self.lab_name, lab_network_prefix=self.lab_network_prefix)
        inventory = self.project / "inventories" / self.lab_name / "hosts.yml"
        self._play(
            # An interrupted demo may have left its clients; their figures would be mixed with ours.
            ["prepare_hosts", "build_minicore", "deploy_core", "ran_stop", "ran_start"],
            inventory,
            ran_sessions=SESSIONS,
            ran_rate=RATE_PER_S,
            ran_ping_interval_ms=PING_INTERVAL_MS,
        )
        where = ask(self.project, "nf_hosts", "community.docker.docker_container_info", {"name": "smf"}, inventory)
        try:
            self._play(["migrate_smf"], inventory, target_host=other_host(where), migration_report=str(report))
        except (DemoError, PlaybookFailed):
            with suppress(PlaybookFailed):
                self._play(["ran_stop"], inventory, ran_summary=str(clients))
            raise
        self._play(["ran_stop"], inventory, ran_summary=str(clients))

        migration = Migration.merge(json.loads(report.read_text()), json.loads(clients.read_text()))
        migration.write(result)
        return migration, result

    def _play(self, names: list[str], inventory: Path | None = None, **extravars: object) -> None:
        playbooks = [f"playbooks/{name}.yml" for name in names]
        try:
            PlaybookRun(self.project, playbooks, extravars, inventory, on_progress=self._show).run()
        except BaseException:
            self.display.end("fail")
            raise

    def _show(self, progress: Progress) -> None:
        if progress.ended:
            self.display.end()
        elif progress.task:
            self.display.detail(progress.task)
        else:
            self.display.begin(TITLES[Path(progress.playbook).stem])


def other_host(answers: Mapping[str, Mapping[str, Any]]) -> str:
    """The host where the SMF does not run, from each host's answer of community.docker.docker_container_info."""
    running = [host for host, answer in answers.items() if answer["exists"] and answer["container"]["State"]["Running"]]
    if len(running) != 1 or len(answers) < 2:
        raise DemoError(
            f"Exactly one running SMF on two hosts or more was expected, found {len(running)} "
            f"({', '.join(running) or 'none'}) on {', '.join(answers)}. "
            "Remove the core with `.venv/bin/ansible-playbook playbooks/remove_core.yml`, then try again."
        )
    return next(host for host in answers if host not in running)


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
