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
class Gaps:
    """Longest time without an answer while one was due, as gNBs, UEs and an SBI client saw it over the whole run."""

    sbi: float
    n2: float
    n3: float
    procedures: float


@dataclass(frozen=True)
class Outcomes:
    """Procedures or requests of the clients over the whole run."""

    succeeded: int
    failed: int


@dataclass(frozen=True)
class Held:
    """What the core held before the migration and after it."""

    before: int
    after: int


@dataclass(frozen=True)
class Pfcp:
    """PFCP association of the NF. A new recovery time stamp means a restart and all sessions lost (TS 29.244)."""

    association_kept: bool
    recovery_time_stamp_before: int
    recovery_time_stamp_after: int | None


@dataclass(frozen=True)
class Connections:
    """Associations or connections that the clients opened, and how many of these lived through the run."""

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
    gaps_ms: Gaps
    bytes_sent: int
    steps: tuple[Step, ...]
    procedures: Outcomes
    sbi_requests: Outcomes
    ues: Held
    sessions: Held
    reauthentications: int
    nas_mismatches: int
    """Wrong keys of gNBs, NAS COUNTs that jumped and NAS messages that failed their check."""
    pfcp: Pfcp | None
    sctp_associations: Connections
    sbi_connections: Connections

    @classmethod
    def merge(cls, report: Mapping[str, Any], clients: Mapping[str, Any]) -> Self:
        """Join the report of the migrating play with the summary of the gNB driver, which probed the NF's SBI."""
        probe = clients["probes"][report["nf"]]
        gaps, associations = clients["gaps_ms"], clients["associations"]
        return cls.of(
            {
                **report,
                "gaps_ms": gaps | {"sbi": gaps["sbi"][report["nf"]]},
                "procedures": {
                    "succeeded": sum(kind["succeeded"] for kind in clients["procedures"].values()),
                    "failed": clients["failed"] + clients["unfinished"],
                },
                "sbi_requests": {"succeeded": probe["answered"], "failed": probe["sent"] - probe["answered"]},
                "ues": report["kept"]["amf"]["ues.registered"],
                "sessions": report["kept"]["smf"]["sessions"],
                "reauthentications": clients["reauthentications"],
                "nas_mismatches": sum(clients[name] for name in ("wrong_keys", "count_jumps", "nas_errors")),
                "sctp_associations": {
                    "opened": associations["gnbs"],
                    "kept": max(0, associations["gnbs"] - associations["lost"]),
                },
                "sbi_connections": {"opened": probe["connections"], "kept": int(probe["connections"] == 1)},
            }
        )

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From what a result file holds, and maybe more."""
        parts: dict[str, type] = {
            "gaps_ms": Gaps,
            "procedures": Outcomes,
            "sbi_requests": Outcomes,
            "ues": Held,
            "sessions": Held,
            "sctp_associations": Connections,
            "sbi_connections": Connections,
        }
        return cls(
            **_only(cls, data)
            | {name: kind(**_only(kind, data[name])) for name, kind in parts.items()}
            | {
                "steps": tuple(Step(**_only(Step, step)) for step in data["steps"]),
                "pfcp": Pfcp(**_only(Pfcp, data["pfcp"])) if data["pfcp"] else None,
            }
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what ``write`` wrote."""
        return cls.of(json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        """Write JSON that satisfies SCHEMA."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    def violations(self) -> list[str]:
        """What was lost, in words; empty when the migration did what it promises."""
        violations = []
        if self.status != "completed":
            violations.append(f"the migration ended as {self.status}")
        for what, held in (("UEs", self.ues), ("PDU sessions", self.sessions)):
            if held.after < held.before:
                violations.append(f"{held.before} {what} before, {held.after} after")
        if self.pfcp and not self.pfcp.association_kept:
            violations.append("the PFCP association was lost")
        opened = {"SCTP associations": self.sctp_associations, "SBI connections": self.sbi_connections}
        for what, connections in opened.items():
            if not 0 < connections.opened == connections.kept:
                violations.append(f"{connections.kept} of {connections.opened} {what} were kept")
        for what, outcomes in (("procedures", self.procedures), ("SBI requests", self.sbi_requests)):
            if outcomes.failed:
                violations.append(f"{outcomes.failed} {what} failed")
        if self.reauthentications:
            violations.append(f"{self.reauthentications} registered UEs were authenticated again")
        if self.nas_mismatches:
            violations.append(f"{self.nas_mismatches} NAS counts, keys or messages did not match")
        return violations


def _only(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass out of a mapping that may hold more."""
    return {field.name: data[field.name] for field in dataclasses.fields(kind)}
