# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the calls of this package return; the fields of a migration are those of docs/results.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from organic5gc.migration import Held, Pfcp, Step

SOURCE = "source"


@dataclass(frozen=True)
class Report:
    """The report of playbooks/migrate_nf.yml. In milliseconds and bytes; ``whole`` is the file as it is."""

    nf: str
    source_host: str
    target_host: str
    strategy: str
    method: str
    status: str
    migration_time_ms: float
    process_downtime_ms: float
    bytes_sent: int
    steps: tuple[Step, ...]
    sessions: Held
    pfcp: Pfcp | None
    violations: tuple[str, ...] = ()
    whole: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From the report that the play has written."""
        names = {one.name for one in dataclasses.fields(cls)} & data.keys()
        parts = {
            "steps": tuple(_of(Step, step) for step in data["steps"]),
            "sessions": _of(Held, data["sessions"]),
            "pfcp": _of(Pfcp, data["pfcp"]) if data.get("pfcp") else None,
            "violations": tuple(data.get("violations", ())),
            "whole": dict(data),
        }
        return cls(**{name: data[name] for name in names} | parts)


@dataclass(frozen=True)
class Done:
    """A run that has succeeded: its number in the history, and whether it changed anything."""

    run: str
    changed: bool


@dataclass(frozen=True)
class Migrated(Done):
    """``report`` is None when nothing had to move: the NF was on the target host already."""

    report: Report | None


@dataclass(frozen=True)
class Drained(Done):
    """``report`` is that of playbooks/drain_host.yml."""

    report: Mapping[str, Any]


@dataclass(frozen=True)
class Measured(Done):
    """One row for each network driver, by the titles of the table that playbooks/measure_networks.yml writes."""

    rows: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Moving:
    """A migration that leaves a host; ``in_progress`` is false when it was interrupted and must be recovered."""

    migration_id: str
    name: str
    source_host: str
    target_host: str
    state: str
    in_progress: bool
    round: int = 0
    remaining_bytes: int = 0
    expected_downtime_ms: float = 0.0


@dataclass(frozen=True)
class Association:
    """A PFCP association of an NF."""

    peer: str
    up: bool


@dataclass(frozen=True)
class NfStatus:
    """One NF on the host where its container runs. ``error`` tells why it gives no state."""

    name: str
    host: str
    address: str
    sessions: int | None
    registered: bool | None
    associations: tuple[Association, ...]
    error: str = ""


@dataclass(frozen=True)
class Status:
    """Where the NFs run, what moves, and which hosts could not be asked."""

    nfs: tuple[NfStatus, ...]
    migrations: tuple[Moving, ...]
    unreachable: Mapping[str, str]

    @classmethod
    def of(cls, report: Mapping[str, Mapping[str, Any]]) -> Self:
        """From the report of playbooks/core_status.yml."""
        nfs = [_nf(host, one) for host, entry in report.items() for one in entry["nfs"] if _runs(one)]
        moving = [
            _moving(host, one) for host, entry in report.items() for one in entry["migrations"] if one["role"] == SOURCE
        ]
        awaiting = {(one.name, one.target_host) for one in moving if one.in_progress}
        unreachable = {host: str(entry["error"]) for host, entry in report.items() if not entry["reachable"]}
        there = [one for one in nfs if not (one.error and (one.name, one.host) in awaiting)]
        return cls(tuple(sorted(there, key=lambda one: (one.name, one.host))), tuple(moving), unreachable)

    def hosts_of(self, nf: str) -> list[str]:
        """The hosts where an NF runs."""
        return [one.host for one in self.nfs if one.name == nf]


def _runs(entry: Mapping[str, Any]) -> bool:
    return bool(entry["state"]) or entry["container"]["status"] == "running"


def _nf(host: str, entry: Mapping[str, Any]) -> NfStatus:
    state = entry["state"] or {}
    associations = tuple(Association(str(one["peer"]), bool(one["up"])) for one in state.get("pfcp", []))
    return NfStatus(
        entry["name"],
        host,
        entry["address"],
        state.get("sessions"),
        state.get("nrf_registered"),
        associations,
        entry["error"] or "",
    )


def _moving(host: str, entry: Mapping[str, Any]) -> Moving:
    progress = entry["progress"]
    return Moving(
        entry["migration_id"],
        entry["name"],
        host,
        entry["peer"],
        "queued" if progress.get("queued") else entry["state"],
        entry["in_progress"],
        progress.get("round", 0),
        progress.get("remaining_bytes", 0),
        progress.get("expected_downtime_ms", 0.0),
    )


@dataclass(frozen=True)
class Recovered(Done):
    """What was recovered, by host, as container_migration_recover returns it."""

    hosts: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Ending:
    """How a cancelled run has ended. Nothing of it runs any more on the controller.

    ``outcome`` is ``cancelled``, ``completed`` (it was too late), ``failed`` or ``none`` (nothing to cancel).
    ``hosts`` are those where the container runs now; None without a container, or when they could not be asked.
    ``in_order`` is false when the play did not end between two tasks and its processes were ended: a module may still
    be at its end on a host.
    """

    outcome: str
    message: str
    hosts: tuple[str, ...] | None = None
    in_order: bool = True


def _of(kind: type, data: Mapping[str, Any]) -> Any:
    return kind(**{one.name: data[one.name] for one in dataclasses.fields(kind)})
