# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of one migration: what the hosts measured and what the clients saw, see docs/results.md."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SCHEMA = Path(__file__).with_name("migration.schema.json")


@dataclass(frozen=True)
class Step:
    """A step of the migration; ``start_ms`` counts from the start of the migration."""

    name: str
    start_ms: float
    duration_ms: float


@dataclass(frozen=True)
class Requests:
    """Signalling requests of the clients over the whole run."""

    answered: int
    failed: int
    duplicated: int


@dataclass(frozen=True)
class Sessions:
    """PDU sessions that the NF held."""

    before: int
    after: int


@dataclass(frozen=True)
class Pfcp:
    """PFCP associations of the NF. A new recovery time stamp means a restart and all sessions lost (TS 29.244)."""

    association_kept: bool
    recovery_time_stamp_before: int
    recovery_time_stamp_after: int | None


@dataclass(frozen=True)
class TcpConnections:
    """The clients' connections: how many they opened, and how many of these lived through the run."""

    opened: int
    kept: int


@dataclass(frozen=True)
class Migration:
    """One migration. Durations are milliseconds, sizes are bytes."""

    nf: str
    source_host: str
    target_host: str
    strategy: str
    method: str
    status: str
    migration_time_ms: float
    process_downtime_ms: float
    service_gap_ms: float
    bytes_sent: int
    steps: tuple[Step, ...]
    requests: Requests
    sessions: Sessions
    pfcp: Pfcp | None
    tcp_connections: TcpConnections
    tcp_connections_kept: bool

    @classmethod
    def merge(cls, report: Mapping[str, Any], clients: Mapping[str, Any]) -> Self:
        """Join the report of the migrating play with the summary that the clients wrote at their end."""
        connections = TcpConnections(**_only(TcpConnections, clients["tcp_connections"]))
        return cls(
            **{name: report[name] for name in _FROM_REPORT},
            service_gap_ms=clients["service_gap_ms"],
            steps=tuple(Step(**_only(Step, step)) for step in report["steps"]),
            requests=Requests(**_only(Requests, clients["requests"])),
            sessions=Sessions(**_only(Sessions, report["sessions"])),
            pfcp=Pfcp(**_only(Pfcp, report["pfcp"])) if report["pfcp"] else None,
            tcp_connections=connections,
            tcp_connections_kept=0 < connections.opened == connections.kept,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what ``write`` wrote."""
        data = json.loads(path.read_text())
        return cls.merge(data, data)

    def write(self, path: Path) -> None:
        """Write JSON that satisfies SCHEMA."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    def violations(self) -> list[str]:
        """What was lost, in words; empty when the migration did what it promises."""
        violations = []
        if self.status != "completed":
            violations.append(f"the migration ended as {self.status}")
        if self.sessions.after < self.sessions.before:
            violations.append(f"{self.sessions.before} sessions before, {self.sessions.after} after")
        if self.pfcp and not self.pfcp.association_kept:
            violations.append("the PFCP association was lost")
        if not self.tcp_connections_kept:
            violations.append(f"{self.tcp_connections.kept} of {self.tcp_connections.opened} TCP connections were kept")
        if self.requests.failed or self.requests.duplicated:
            violations.append(f"{self.requests.failed} requests failed, {self.requests.duplicated} were answered twice")
        return violations


_FROM_REPORT = (
    "nf",
    "source_host",
    "target_host",
    "strategy",
    "method",
    "status",
    "migration_time_ms",
    "process_downtime_ms",
    "bytes_sent",
)


def _only(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass out of a mapping that may hold more."""
    return {field.name: data[field.name] for field in dataclasses.fields(kind)}
