# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a migration kept what it must keep: one class a check. Works on what nf_state_info returned."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import flatten
from ansible_collections.organic.core5g.plugins.module_utils.policy import NfsByHost

Answers = Mapping[str, Mapping[str, Any]]
"""NF name -> its entry ``nfs`` of nf_state_info, of every NF that reported its state."""


def answers(found: NfsByHost) -> dict[str, Mapping[str, Any]]:
    # An NF that reports no more than that its port is open has an empty state.
    return {entry["name"]: entry for entries in found.values() for entry in entries if entry["state"] is not None}


@dataclasses.dataclass(frozen=True)
class Migrated:
    """An NF that was migrated, and the states of all NFs before and after.

    Attributes:
        nf: its name.
        address: its IP address.
        before: states before the migration.
        after: states after it.
        tolerated_session_loss: how many sessions their users may have ended in between.
        kept: numbers in the state of each NF that must not shrink, by dotted paths.
        same_when_quiet: values in the state of each NF that must stay the same if ``quiet``.
        quiet: no user comes, goes or moves in between.
    """

    nf: str
    address: str
    before: Answers
    after: Answers
    tolerated_session_loss: int = 0
    kept: Mapping[str, Collection[str]] = dataclasses.field(default_factory=dict)
    same_when_quiet: Mapping[str, Collection[str]] = dataclasses.field(default_factory=dict)
    quiet: bool = False

    def state_before(self, nf: str) -> Mapping[str, Any]:
        return _state(self.before, nf)

    def state_after(self, nf: str) -> Mapping[str, Any]:
        return _state(self.after, nf)


@dataclasses.dataclass
class Finding:
    """What a check found: fields of the migration's report, and what was lost."""

    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    violations: list[str] = dataclasses.field(default_factory=list)


class HealthCheck(ABC):
    """One thing that a migration must keep."""

    @abstractmethod
    def run(self, migrated: Migrated) -> Finding: ...


class SameInstances(HealthCheck):
    """Every NF that reported its state before still does, and none was restarted."""

    def run(self, migrated: Migrated) -> Finding:
        finding = Finding()
        for nf, before in migrated.before.items():
            if nf not in migrated.after:
                finding.violations.append(f"{nf} does not report its state any more")
            elif migrated.after[nf]["state"].get("nf_instance_id") != before["state"].get("nf_instance_id"):
                finding.violations.append(f"{nf} was restarted, it is another instance")
        return finding


class NrfRegistration(HealthCheck):
    """The registration at the NRF is alive, as the NF and the NRF report. A second registration means a loss before."""

    def run(self, migrated: Migrated) -> Finding:
        nf, finding = migrated.nf, Finding()
        before, after = migrated.state_before(nf), migrated.state_after(nf)
        if before.get("nrf_registered") and not after.get("nrf_registered"):
            finding.violations.append(f"{nf} has lost its registration at the NRF")
        elif before.get("nrf_registrations") != after.get("nrf_registrations"):
            finding.violations.append(f"{nf} had to register at the NRF again")
        missing = _registered(migrated.state_before("nrf")) - _registered(migrated.state_after("nrf"))
        if missing:
            finding.violations.append(f"The NRF has lost the registrations {', '.join(sorted(missing))}")
        finding.report["registration_alive"] = not finding.violations
        return finding


class PfcpAssociations(HealthCheck):
    """Both ends of the NF's associations are up, with the same time stamps (TS 29.244, clause 8.2.65)."""

    def run(self, migrated: Migrated) -> Finding:
        finding = Finding({"pfcp": None})
        own = migrated.state_before(migrated.nf).get("pfcp", [])
        if not own:
            return finding
        ends = [(migrated.nf, association) for association in own]
        for peer in migrated.before:
            for association in migrated.state_before(peer).get("pfcp", []):
                if peer != migrated.nf and association["peer"] == migrated.address:
                    ends.append((peer, association))
        for nf, association in ends:
            finding.violations += self._changes(nf, association, migrated.state_after(nf))
        first = own[0]
        now = _association_with(migrated.state_after(migrated.nf), first["peer"]) or {}
        finding.report["pfcp"] = {
            "association_kept": not finding.violations,
            "recovery_time_stamp_before": first["local_recovery_time_stamp"],
            "recovery_time_stamp_after": now.get("local_recovery_time_stamp"),
            "peer_recovery_time_stamp_before": first["recovery_time_stamp"],
            "peer_recovery_time_stamp_after": now.get("recovery_time_stamp"),
        }
        return finding

    @staticmethod
    def _changes(nf: str, before: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
        if not before["up"]:
            return []
        after = _association_with(state, before["peer"])
        if after is None or not after["up"]:
            return [f"{nf} has lost its PFCP association with {before['peer']}"]
        return [
            f"{nf} has another {field} in its PFCP association with {before['peer']}: "
            f"{before[field]} became {after[field]}"
            for field in ("recovery_time_stamp", "local_recovery_time_stamp")
            if before[field] != after[field]
        ]


class Sessions(HealthCheck):
    """The NF has lost no session, and holds as many over each association as its peer does."""

    def run(self, migrated: Migrated) -> Finding:
        nf, before, after = migrated.nf, migrated.before[migrated.nf], migrated.after.get(migrated.nf)
        least = before["sessions"]["least"]
        finding = Finding(
            {
                "sessions": {
                    "before": least,
                    "after": after["sessions"]["least"] if after else 0,
                    "digest_before": before["state"].get("digest"),
                    "digest_after": after["state"].get("digest") if after else None,
                }
            }
        )
        if after is None:
            return finding
        most = after["sessions"]["most"]
        if most < least - migrated.tolerated_session_loss:
            finding.violations.append(f"{nf} had {least} sessions before and has {most} after")
        for other in migrated.after.values():
            theirs = other["sessions"]["by_peer"].get(migrated.address)
            if other is after or theirs is None:
                continue
            own = after["sessions"]["by_peer"].get(other["address"], {"least": 0, "most": 0})
            if own["most"] < theirs["least"] or theirs["most"] < own["least"]:
                finding.violations.append(
                    f"{nf} holds {own['most']} sessions with {other['address']}, which holds {theirs['least']} with it"
                )
        return finding


class Kept(HealthCheck):
    """No NF has fewer of what its core's description calls kept, for example registered UEs."""

    def run(self, migrated: Migrated) -> Finding:
        kept: dict[str, dict[str, Any]] = {}
        finding = Finding({"kept": kept})
        for nf, before, after, path in _fields(migrated, migrated.kept):
            if path not in before["counts"]:  # of an older NF, which does not report it
                continue
            least = before["counts"][path]["least"]
            most = after["counts"].get(path, {"most": 0})["most"]
            kept.setdefault(nf, {})[path] = {"before": least, "after": most}
            if most < least - migrated.tolerated_session_loss and not (path == "sessions" and nf == migrated.nf):
                finding.violations.append(f"{nf} had {least} {_words(path)} before and has {most} after")
        return finding


class Unchanged(HealthCheck):
    """What only users change has stayed the same in every NF, if there was none: security contexts, policies, data."""

    def run(self, migrated: Migrated) -> Finding:
        same: dict[str, dict[str, bool]] = {}
        finding = Finding({"unchanged": same})
        for nf, before, after, path in _fields(migrated, migrated.same_when_quiet):
            was, now = flatten(before["state"]).get(path), flatten(after["state"]).get(path)
            same.setdefault(nf, {})[path] = was == now
            if migrated.quiet and was != now:
                finding.violations.append(f"{nf} has another {_words(path)} than before: {was} became {now}")
        return finding


CHECKS: tuple[HealthCheck, ...] = (
    SameInstances(),
    NrfRegistration(),
    PfcpAssociations(),
    Sessions(),
    Kept(),
    Unchanged(),
)


def compare(migrated: Migrated) -> dict[str, Any]:
    """What all checks report; ``violations`` is empty if nothing was lost.

    Raises:
        CoreError: the NF's state before the migration is not known.
    """
    if migrated.nf not in migrated.before:
        raise CoreError(f"The NF {migrated.nf} did not report its state before the migration")
    result: dict[str, Any] = {}
    violations: list[str] = []
    for check in CHECKS:
        finding = check.run(migrated)
        result.update(finding.report)
        violations += finding.violations
    return {**result, "violations": violations}


def _fields(
    migrated: Migrated, paths: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any], str]]:
    """NF, entries before and after, and path, of the NFs that reported both times."""
    for nf, of_nf in paths.items():
        if nf in migrated.before and nf in migrated.after:
            for path in of_nf:
                yield nf, migrated.before[nf], migrated.after[nf], path


def _words(path: str) -> str:
    """ues.registered -> registered ues"""
    return " ".join(reversed(path.split("."))).replace("_", " ")


def _state(answered: Answers, nf: str) -> Mapping[str, Any]:
    state: Mapping[str, Any] = answered[nf]["state"] if nf in answered else {}
    return state


def _association_with(state: Mapping[str, Any], peer: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = next(
        (association for association in state.get("pfcp", []) if association["peer"] == peer), None
    )
    return found


def _registered(nrf: Mapping[str, Any]) -> set[str]:
    return {registration["nf_instance_id"] for registration in nrf.get("registrations", [])}
