# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drain moved, what it did not and why, and where everything lives now."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import health, policy
from ansible_collections.organic.core5g.plugins.plugin_utils.drain import AWAY, Survey, is_usable, why_not

COLUMNS = 80
MOVED, WOULD_MOVE = "moved", "would_move"
_MOVES = {MOVED: "moved", WOULD_MOVE: "would move"}
_IN_DOUBT = "in_doubt"


@dataclass(frozen=True)
class Done:
    """What was planned and what came of it.

    Attributes:
        host: that was drained, or whose containers came back.
        direction: AWAY or BACK.
        plan: fields of drain.Plan.
        batches: results of containers_migrate, by the host that the containers left.
        before, after: surveys of each host; ``after`` is empty where nothing was done.
        core: fields of drain.Core.
        n4_addresses: of the NFs; their PFCP associations are between these.
        home: names of containers that had left the host before.
        tolerated_loss: how many sessions their users may have ended meanwhile.
        dry_run: nothing was done; the batches say what would be.
    """

    host: str
    direction: str
    plan: Mapping[str, Any]
    batches: Mapping[str, Mapping[str, Any]]
    before: Mapping[str, Survey]
    after: Mapping[str, Survey]
    core: Mapping[str, Any] = field(default_factory=dict)
    n4_addresses: Mapping[str, str] = field(default_factory=dict)
    home: Collection[str] = ()
    tolerated_loss: int = 0
    dry_run: bool = False


class DrainReport:
    """Made of what was done; asks nobody."""

    def __init__(self, done: Done) -> None:
        self._done = done
        self._ended = {
            one["name"]: {**self._corrected(one), "from": source}
            for source, batch in done.batches.items()
            for one in batch.get("migrations", [])
        }
        self._surveys = {**done.before, **done.after}
        self._places = self._where()
        self.violations = self._violations()

    def _corrected(self, ended: Mapping[str, Any]) -> dict[str, Any]:
        """With the core's own remedy for SCTP. In check mode a network that the drain would create is not missing."""
        codes = {blocker["code"] for blocker in ended["blockers"]}
        if self._done.dry_run and codes == {"network_missing"}:
            return {**ended, "status": WOULD_MOVE, "reason": ""}
        remedy = policy.sctp_remedy({**ended, "msg": ended["reason"]}, self._done.core.get("sctp_remedy", ""))
        return {**ended, "reason": remedy or ended["reason"]}

    @property
    def containers(self) -> list[dict[str, Any]]:
        """One entry a container that was to move, in the order of the moves; those that were refused last."""
        found = []
        for source, moves in self._done.plan["moves"].items():
            for move in moves:
                ended = self._ended.get(move["name"], self._lost(source, move))
                its = ended["migration"]
                found.append(
                    {
                        "name": move["name"],
                        "from": source,
                        "to": move["target_host"],
                        "status": ended["status"],
                        "reason": ended["reason"],
                        "outcome": its.get("outcome", ""),
                        "strategy": its.get("strategy") or move["options"].get("strategy", ""),
                        "note": self._done.plan["notes"].get(move["name"], ""),
                        "process_downtime_ms": its.get("process_downtime_ms"),
                        "predicted_downtime_ms": ended["prediction"].get("predicted_downtime_ms"),
                        "migration_time_ms": its.get("migration_time_ms"),
                        "started_at": _began(its),
                    }
                )
        for name, reason in self._done.plan["refused"].items():
            found.append(
                {"name": name, "from": self._places.get(name, ""), "to": "", "status": "stays", "reason": reason}
            )
        return found

    def _lost(self, source: str, move: Mapping[str, Any]) -> dict[str, Any]:
        """A move of which no result came back: the task itself failed."""
        reason = str(self._done.batches.get(source, {}).get("msg") or "It was not begun.")
        return {"name": move["name"], "status": "failed", "reason": reason, "migration": {}, "prediction": {}}

    def _where(self) -> dict[str, str]:
        """The host of each container, as the last survey says; where none could, what is known from the migrations."""
        places: dict[str, str] = {}
        for ended in self._ended.values():
            if ended["status"] == MOVED:
                places[ended["name"]] = ended["target_host"]
            elif ended["migration"].get("outcome") == _IN_DOUBT:
                places[ended["name"]] = f"{ended['from']} (frozen, in doubt) or {ended['target_host']}"
            else:
                places[ended["name"]] = ended["from"]
        unsure = {}
        for host, survey in self._surveys.items():
            if is_usable(survey):
                names = {entry["name"] for entry in survey["nfs"] if entry["container"]["pid"]}
                names |= {one["name"] for one in (survey.get("resources") or {}).get("containers", [])}
                places.update(dict.fromkeys(names, host))
            else:
                names = {name for name, at in places.items() if at == host} | _running_in(
                    self._done.before.get(host, {})
                )
                unsure.update(dict.fromkeys(names, f"{host} (cannot be reached)"))
        seen = {name for survey in self._surveys.values() if is_usable(survey) for name in _running_in(survey)}
        places.update({name: host for name, host in unsure.items() if name not in seen})
        return dict(sorted(places.items()))

    def _violations(self) -> list[str]:
        """What the NFs lost that moved, each once."""
        done = self._done
        if done.dry_run or not done.after:
            return []
        found: list[str] = []
        before, after = (
            health.answers({host: survey["nfs"] for host, survey in surveys.items() if is_usable(survey)})
            for surveys in (done.before, done.after)
        )
        kept = done.core.get("kept", {})
        for name, ended in self._ended.items():
            if name in before and ended["status"] == MOVED:
                address = done.n4_addresses.get(name, before[name]["address"])
                migrated = health.Migrated(name, address, before, after, done.tolerated_loss, kept)
                found += health.compare(migrated)["violations"]
        return list(dict.fromkeys(found))

    @property
    def unreachable(self) -> dict[str, str]:
        return {host: why_not(survey) for host, survey in self._surveys.items() if not is_usable(survey)}

    @property
    def home(self) -> list[str]:
        """Names of the containers that have left the host, and that an undrain brings back."""
        moved = {name for name, ended in self._ended.items() if ended["status"] == MOVED}
        if self._done.direction == AWAY:
            return sorted({*self._done.home, *moved})
        back = moved | set(self._done.plan["already"])
        return sorted(set(self._done.home) - back)

    @property
    def is_complete(self) -> bool:
        return all(one["status"] in _MOVES for one in self.containers) and not self.violations

    def as_dict(self) -> dict[str, Any]:
        return {
            "host": self._done.host,
            "direction": self._done.direction,
            "complete": self.is_complete,
            "dry_run": self._done.dry_run,
            "containers": self.containers,
            "violations": self.violations,
            "where": self._places,
            "unreachable": self.unreachable,
            "home": self.home,
        }

    def failure(self) -> str:
        """Why the drain is not complete, and what to do; empty if it is."""
        stay = [one for one in self.containers if one["status"] not in _MOVES]
        parts = [f"{one['name']}: {one['reason'].rstrip('.')}." for one in stay]
        parts += [f"{text}." for text in self.violations]
        if not parts:
            return ""
        what = "did not leave" if self._done.direction == AWAY else "did not come back to"
        counted = f"{len(stay)} of {len(self.containers)} containers {what} {self._done.host}. " if stay else ""
        return f"{counted}{' '.join(parts)} Remove the causes and run this playbook again, which goes on."

    def lines(self) -> list[str]:
        """A table of at most 80 columns."""
        return list(self._lines())

    def _lines(self) -> Iterator[str]:
        entries = self.containers
        moved = sum(one["status"] in _MOVES for one in entries)
        did = "would leave" if self._done.dry_run else "left"
        if self._done.direction != AWAY:
            did = "would come back to" if self._done.dry_run else "came back to"
        counted = f"{moved} of {len(entries)} containers {did} it" if entries else "there is nothing to move"
        yield f"{self._done.host}: {counted}"
        width = max([len(one["name"]) for one in entries] + [4])
        if entries:
            yield f"  {'name':<{width}}  {'from':<12}  {'to':<12}  {'result':<11}  {'downtime':>9}  {'time':>7}"
        for one in entries:
            down = one.get("process_downtime_ms") or one.get("predicted_downtime_ms")
            took = one.get("migration_time_ms")
            yield (
                f"  {one['name']:<{width}}  {one['from'][:12]:<12}  {one['to'][:12]:<12}  "
                f"{one['status'].replace('_', ' '):<11}  {f'{down:.0f} ms' if down else '':>9}  "
                f"{f'{took / 1000:.1f} s' if took else '':>7}"
            ).rstrip()
            if one["status"] not in _MOVES:
                yield from _wrapped(one["reason"])
        for text in self.violations:
            yield from _wrapped(f"Not kept: {text}")
        for host, reason in self.unreachable.items():
            yield from _wrapped(f"{host} cannot be reached: {reason}")
        by_host: dict[str, list[str]] = {}
        for name, host in self._places.items():
            by_host.setdefault(host, []).append(name)
        for host in sorted({*by_host, *self._surveys} - set(self.unreachable)):
            yield from _wrapped(f"{host}: {' '.join(by_host.get(host, [])) or 'nothing'}", "  now on ")


def _began(migration: Mapping[str, Any]) -> float | None:
    """When a migration began, in Unix seconds of its source host; the agent there begins when all is prepared."""
    agent_began = (migration.get("statistics") or {}).get("started_at")
    if not agent_began:
        return None
    prepared_ms: float = sum(step["duration_ms"] for step in migration["steps"] if step["name"] == "prepare")
    return round(float(agent_began) - prepared_ms / 1000, 3)


def _running_in(survey: Survey) -> set[str]:
    """Names of what ran when a host was surveyed."""
    if "nfs" not in survey:
        return set()
    names = {entry["name"] for entry in survey["nfs"] if entry["container"]["pid"]}
    return names | {one["name"] for one in (survey.get("resources") or {}).get("containers", [])}


def _wrapped(text: str, first: str = "    ") -> list[str]:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=first, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )


@dataclass(frozen=True)
class Record:
    """What is remembered of a drain: the names of the containers that have left a host. Kept in its report's file.

    Raises:
        ValueError: the file is not the report of this host.
    """

    path: Path
    host: str

    def home(self) -> list[str]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        try:
            found = json.loads(text)
            if found["host"] == self.host:
                return [str(name) for name in found["home"]]
        except (KeyError, TypeError, ValueError):
            pass
        raise ValueError(
            f"{self.path} is not the report of a drain of {self.host}. Set drain_report to another file, or remove it"
        )

    def write(self, report: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.new")
        new.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")
        new.replace(self.path)


def done_of(fields: Mapping[str, Any]) -> Done:
    known = {one.name for one in dataclasses.fields(Done)}
    return Done(**{name: value for name, value in fields.items() if name in known})
