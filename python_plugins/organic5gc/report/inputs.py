# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report is made of: the JSON files of a migration, a drain, a benchmark, and of the clients meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from organic5gc import migration as results
from organic5gc.errors import InvalidRequest
from organic5gc.migration import Held, Pfcp, Step
from organic5gc.runs import History

_FIRST_DOWN, _LAST_DOWN = "freeze", "run"
_REPORTED = ("migrate", "drain", "undrain")
"""Commands whose runs have figures for a report."""


@dataclass(frozen=True)
class Round:
    """A round of pre-copy; ``at_ms`` counts from the start of the agent on the source host."""

    number: int
    at_ms: float
    duration_ms: float
    pages_written: int
    bytes_sent: int


@dataclass(frozen=True)
class Cost:
    """What a strategy costs by the cost model."""

    strategy: str
    downtime_ms: float
    migration_time_ms: float
    bytes_sent: int


@dataclass(frozen=True)
class Series:
    """How long the answers of one interface took: Unix seconds when a request was due, and milliseconds."""

    name: str
    points: tuple[tuple[float, float], ...]
    bin_ms: float


@dataclass(frozen=True)
class Clients:
    """What clients measured while NFs migrated (``gnb_summary`` of playbooks/gnb_stop.yml)."""

    gaps_ms: Mapping[str, float]
    failed: int
    series: tuple[Series, ...]

    def covers(self, time_s: float) -> bool:
        """Whether they measured at this time."""
        return any(one.points and one.points[0][0] <= time_s <= one.points[-1][0] for one in self.series)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Clients:
        gaps = dict(data["gaps_ms"])
        gaps |= {f"sbi.{nf}": ms for nf, ms in gaps.pop("sbi", {}).items()}
        series = tuple(
            Series(name, tuple((float(due), float(ms)) for due, ms in one["points"]), float(one["bin_ms"]))
            for name, one in data.get("latencies", {}).items()
        )
        return cls(gaps, int(data["failed"]) + int(data["unfinished"]), series)


@dataclass(frozen=True)
class Migration:
    """A migration, as far as a file describes it. Milliseconds and bytes; ``started_at`` in Unix seconds."""

    name: str
    source_host: str
    target_host: str
    strategy: str
    method: str
    status: str
    outcome: str
    migration_time_ms: float
    process_downtime_ms: float
    bytes_sent: int
    steps: tuple[Step, ...]
    memory_bytes: int = 0
    started_at: float = 0.0
    expected_downtime_ms: float = 0.0
    downtime_limit_ms: float = 0.0
    rounds: tuple[Round, ...] = ()
    health: tuple[tuple[str, Held], ...] = ()
    pfcp: Pfcp | None = None
    is_verified: bool = False
    violations: tuple[str, ...] = ()
    costs: tuple[Cost, ...] = ()
    predicted: Cost | None = None
    gaps_ms: Mapping[str, float] = field(default_factory=dict)
    clients: Clients | None = None

    @property
    def down_steps(self) -> tuple[Step, ...]:
        """The steps in which the process was stopped; none where a step of the downtime is missing."""
        names = [step.name for step in self.steps]
        if _FIRST_DOWN not in names or _LAST_DOWN not in names:
            return ()
        return self.steps[names.index(_FIRST_DOWN) : names.index(_LAST_DOWN) + 1]

    @property
    def agent_start_ms(self) -> float:
        """When the agent on the source host began, since the start of the migration: after the preparation."""
        first = self.steps[0] if self.steps else None
        return first.duration_ms if first and first.name == "prepare" else 0.0

    @property
    def freeze_at(self) -> float | None:
        """Unix seconds of the freeze."""
        if not self.started_at or not self.down_steps:
            return None
        return self.started_at + (self.down_steps[0].start_ms - self.agent_start_ms) / 1000

    def with_clients(self, clients: Clients) -> Migration:
        return replace(self, clients=clients, gaps_ms={**self.gaps_ms, **clients.gaps_ms})

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Migration:
        statistics = data.get("statistics") or {}
        prediction = data.get("prediction") or {}
        costs = tuple(_only(Cost, one) for one in prediction.get("strategies", ()))
        gaps = data.get("gaps_ms") or {}
        name = str(data.get("nf") or data["name"])
        return cls(
            name=name,
            source_host=str(data["source_host"]),
            target_host=str(data["target_host"]),
            strategy=str(data["strategy"]),
            method=str(data["method"]),
            status=str(data["status"]),
            outcome=str(data.get("outcome", data["status"])),
            migration_time_ms=float(data["migration_time_ms"]),
            process_downtime_ms=float(data["process_downtime_ms"]),
            bytes_sent=int(data["bytes_sent"]),
            steps=tuple(_only(Step, step) for step in data["steps"]),
            memory_bytes=int(data.get("memory_bytes", 0)),
            started_at=float(statistics.get("started_at", 0)),
            expected_downtime_ms=float(statistics.get("expected_downtime_ms", 0)),
            downtime_limit_ms=float(statistics.get("downtime_limit_ms", 0)),
            rounds=tuple(_only(Round, one) for one in statistics.get("rounds", ())),
            health=tuple(_health(data)),
            pfcp=_only(Pfcp, data["pfcp"]) if data.get("pfcp") else None,
            is_verified="violations" in data or "ues" in data,
            violations=tuple(results.Migration.of(data).violations() if "ues" in data else data.get("violations", ())),
            costs=costs,
            predicted=_only(Cost, prediction) if prediction else None,
            gaps_ms={f"sbi.{name}" if key == "sbi" else key: float(ms) for key, ms in gaps.items()},
        )

    def is_same(self, other: Migration) -> bool:
        """Whether two files describe one migration."""
        same = ("name", "source_host", "strategy", "migration_time_ms", "process_downtime_ms", "steps")
        return all(getattr(self, name) == getattr(other, name) for name in same)


@dataclass(frozen=True)
class Moved:
    """One container of a drain."""

    name: str
    source: str
    target: str
    status: str
    reason: str
    strategy: str = ""
    process_downtime_ms: float | None = None
    predicted_downtime_ms: float | None = None
    migration_time_ms: float | None = None
    started_at: float | None = None


@dataclass(frozen=True)
class Drain:
    """A drain of a host, or its undrain."""

    host: str
    direction: str
    is_complete: bool
    is_dry_run: bool
    containers: tuple[Moved, ...]
    violations: tuple[str, ...]
    where: Mapping[str, str]
    unreachable: Mapping[str, str]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Drain:
        known = {one.name for one in fields(Moved)}
        moved = tuple(
            Moved(
                **{"source": one["from"], "target": one["to"]}
                | {name: value for name, value in one.items() if name in known}
            )
            for one in data["containers"]
        )
        return cls(
            data["host"],
            data["direction"],
            bool(data["complete"]),
            bool(data.get("dry_run")),
            moved,
            tuple(data["violations"]),
            data["where"],
            data["unreachable"],
        )


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some runs."""

    median: float
    min: float
    max: float


@dataclass(frozen=True)
class Load:
    """All runs of one tool with one strategy and load, and what the cost model predicts for them."""

    backend: str
    strategy: str
    memory_mb: int
    dirty_pages_per_s: int
    runs: int
    service_gap_ms: Spread
    process_downtime_ms: Spread
    migration_time_ms: Spread
    bytes_sent: int
    requests_failed: int
    predicted: Mapping[str, float]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Load:
        values: dict[str, Any] = {one.name: data[one.name] for one in fields(cls) if one.name != "predicted"}
        for name in ("service_gap_ms", "process_downtime_ms", "migration_time_ms"):
            values[name] = _only(Spread, values[name])
        return cls(**values, predicted=data.get("predicted", {}))


@dataclass(frozen=True)
class Benchmark:
    """Results of `make benchmark` or `make benchmark-sweep`."""

    loads: tuple[Load, ...]


@dataclass(frozen=True)
class UnderLoad:
    """A migration of an NF by a strategy, of `make core`."""

    nf: str
    strategy: str
    completed: bool
    migration_time_ms: float
    process_downtime_ms: float
    gap_ms: Mapping[str, float]
    failed: Mapping[str, int]


@dataclass(frozen=True)
class Campaign:
    """Each NF by each strategy (`make core`)."""

    rows: tuple[UnderLoad, ...]


Subject = Migration | Drain | Benchmark | Campaign


def read_all(found: Sequence[tuple[str, Any]]) -> list[Subject]:
    """The subjects of a report from names and JSON values; figures of clients go to the migrations of their time.

    Raises:
        InvalidRequest: a value is none of what a report can be made of.
    """
    subjects: list[Subject] = []
    clients: list[Clients] = []
    for name, data in found:
        one = _read(name, data)
        if isinstance(one, Clients):
            clients.append(one)
        elif isinstance(one, Migration):
            _add(subjects, one)
        else:
            subjects.append(one)
    if not subjects:
        raise InvalidRequest("There is no migration, drain or benchmark in these files")
    return [_with_clients(one, clients, len(subjects)) for one in subjects]


def source(name: str, history: History) -> Any:
    """The JSON value of a file, or what a run of the history has left.

    Raises:
        InvalidRequest: it is neither.
    """
    path = Path(name)
    if not path.exists():
        run = history.find(name)
        found = run.result.get("report") or run.result
        if run.command not in _REPORTED or not found:
            raise InvalidRequest(
                f"Run {run.id} ({run.command}, {run.status}) has left nothing that a report shows: name one of a "
                "migration or a drain. organic5gc runs lists them."
            )
        return found.get("whole", found)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} cannot be read as JSON: {error}") from None


def _read(name: str, data: Any) -> Subject | Clients:
    try:
        if isinstance(data, list) and data and "service_gap_ms" in data[0]:
            return Benchmark(tuple(Load.of(one) for one in data))
        if isinstance(data, dict):
            if "migration" in data and isinstance(data["migration"], dict):
                return _read(name, data["migration"])
            if "steps" in data and "source_host" in data:
                return Migration.of(data)
            if "containers" in data and "direction" in data:
                return Drain.of(data)
            if data.get("results") and "service_gap_ms" in data["results"][0]:
                return Benchmark(tuple(Load.of(one) for one in data["results"]))
            if data.get("rows") and "gap_ms" in data["rows"][0]:
                return Campaign(tuple(_only(UnderLoad, one) for one in data["rows"]))
            if "gaps_ms" in data and "associations" in data:
                return Clients.of(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InvalidRequest(f"{name} does not have the form that it seems to have: {what}") from None
    raise InvalidRequest(
        f"{name} is none of these: a migration (migration_report), a drain (drain_report), results of make benchmark, "
        "make benchmark-sweep or make core, figures of clients (gnb_summary)"
    )


def _add(subjects: list[Subject], migration: Migration) -> None:
    """The result of the demo and the report that it was made of are one migration."""
    for number, one in enumerate(subjects):
        if isinstance(one, Migration) and one.is_same(migration):
            fuller, other = sorted((one, migration), key=lambda each: bool(each.started_at), reverse=True)
            subjects[number] = replace(
                fuller,
                gaps_ms={**other.gaps_ms, **fuller.gaps_ms},
                health=fuller.health or other.health,
                is_verified=fuller.is_verified or other.is_verified,
                violations=tuple(dict.fromkeys([*fuller.violations, *other.violations])),
            )
            return
    subjects.append(migration)


def _with_clients(subject: Subject, clients: Sequence[Clients], subjects: int) -> Subject:
    if not isinstance(subject, Migration):
        return subject
    for one in clients:
        if subject.freeze_at is not None and one.covers(subject.freeze_at):
            return subject.with_clients(one)
    if len(clients) == subjects == 1 and subject.freeze_at is None:
        return replace(subject, gaps_ms={**subject.gaps_ms, **clients[0].gaps_ms})
    return subject


def _health(data: Mapping[str, Any]) -> Sequence[tuple[str, Held]]:
    """What was counted before and after, by what it is."""
    found = [
        (f"{nf}: {what.replace('.', ' ').replace('_', ' ')}", _only(Held, counts))
        for nf, counted in (data.get("kept") or {}).items()
        for what, counts in counted.items()
    ]
    if not found and "ues" in data:
        found = [("registered UEs", _only(Held, data["ues"])), ("PDU sessions", _only(Held, data["sessions"]))]
    elif not found and data.get("sessions"):
        found = [("PDU sessions", _only(Held, data["sessions"]))]
    return found


def _only(kind: type, data: Mapping[str, Any]) -> Any:
    """The fields of a dataclass out of a mapping that may hold more."""
    return kind(**{one.name: data[one.name] for one in fields(kind)})
