# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where NFs run, and whether a migration kept what it must keep. Works on what nf_state_info returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError

Found = Mapping[str, Iterable[Mapping[str, Any]]]
"""Host name -> entries ``nfs`` of nf_state_info on that host."""


def _containers(found: Found, nf: str) -> dict[str, Mapping[str, Any]]:
    return {
        host: entry["container"]
        for host, entries in found.items()
        for entry in entries
        if entry["name"] == nf and entry["container"]["status"] != "absent"
    }


def running_on(found: Found, nf: str) -> str | None:
    """The host on which the NF runs, None if it runs nowhere. Two hosts are an error."""
    hosts = sorted(host for host, container in _containers(found, nf).items() if container["pid"])
    if len(hosts) > 1:
        raise CoreError(
            f"The NF {nf} has a running container on {' and '.join(hosts)}. "
            "If a migration is under way, await its end; else remove the one that is not live"
        )
    return hosts[0] if hosts else None


def belongs_to(found: Found, nf: str) -> str | None:
    """The host of an NF: where it runs, else where the engine would start it again.

    A container that an NF has left by migration is stopped and has the restart policy ``no``.
    """
    running = running_on(found, nf)
    if running is not None:
        return running
    hosts = sorted(host for host, container in _containers(found, nf).items() if container["restart_policy"] != "no")
    if len(hosts) > 1:
        raise CoreError(
            f"The NF {nf} runs nowhere, and {' and '.join(hosts)} hold a stopped container of it. "
            "Remove all but one, or run playbooks/remove_core.yml"
        )
    return hosts[0] if hosts else None


def answers(found: Found) -> dict[str, Mapping[str, Any]]:
    """NF name -> its entry, of every NF that told its state."""
    return {entry["name"]: entry for entries in found.values() for entry in entries if entry["state"]}


class Comparison:
    """Judges a migration of ``nf`` by the states of all NFs before and after it."""

    def __init__(self, nf: str, address: str, before: Found, after: Found, may_end: int = 0) -> None:
        """``may_end``: how many sessions their users may have ended meanwhile."""
        self._nf = nf
        self._address = address
        self._may_end = may_end
        self._before = answers(before)
        self._after = answers(after)
        self._faults: list[str] = []

    def result(self) -> dict[str, Any]:
        """``faults`` is empty if nothing was lost; the other fields are of the report's schema."""
        if self._nf not in self._before:
            raise CoreError(f"The NF {self._nf} did not tell its state before the migration")
        for nf, before in self._before.items():
            if nf not in self._after:
                self._faults.append(f"{nf} does not tell its state any more")
            elif self._after[nf]["state"]["nf_instance_id"] != before["state"]["nf_instance_id"]:
                self._faults.append(f"{nf} was restarted, it is another instance")
        return {
            "registration_alive": self._registration(),
            "pfcp": self._associations(),
            "sessions": self._sessions(),
            "faults": self._faults,
        }

    def _registration(self) -> bool:
        """By the word of the NF and by the NRF's. Registering anew means that it was lost meanwhile."""
        count = len(self._faults)
        before, after = self._state_before(self._nf), self._state_after(self._nf)
        if before.get("nrf_registered") and not after.get("nrf_registered"):
            self._faults.append(f"{self._nf} has lost its registration at the NRF")
        elif before.get("nrf_registrations") != after.get("nrf_registrations"):
            self._faults.append(f"{self._nf} had to register at the NRF anew")
        missing = _registered(self._state_before("nrf")) - _registered(self._state_after("nrf"))
        if missing:
            self._faults.append(f"The NRF has lost the registrations {', '.join(sorted(missing))}")
        return len(self._faults) == count

    def _associations(self) -> dict[str, Any] | None:
        """Both ends of the NF's associations: up, and with the time stamps of before (TS 29.244, clause 8.2.65)."""
        own = self._state_before(self._nf).get("pfcp", [])
        if not own:
            return None
        count = len(self._faults)
        for association in own:
            self._association(self._nf, association)
        for peer in self._before:
            for association in self._state_before(peer).get("pfcp", []):
                if peer != self._nf and association["peer"] == self._address:
                    self._association(peer, association)
        first = own[0]
        now = _association_with(self._state_after(self._nf), first["peer"]) or {}
        return {
            "association_kept": len(self._faults) == count,
            "recovery_time_stamp_before": first["local_recovery_time_stamp"],
            "recovery_time_stamp_after": now.get("local_recovery_time_stamp"),
            "peer_recovery_time_stamp_before": first["recovery_time_stamp"],
            "peer_recovery_time_stamp_after": now.get("recovery_time_stamp"),
        }

    def _association(self, nf: str, before: Mapping[str, Any]) -> None:
        peer = before["peer"]
        after = _association_with(self._state_after(nf), peer)
        if not before["up"]:
            return
        if after is None or not after["up"]:
            self._faults.append(f"{nf} has lost its PFCP association with {peer}")
            return
        for field in ("recovery_time_stamp", "local_recovery_time_stamp"):
            if before[field] != after[field]:
                self._faults.append(
                    f"{nf} has another {field} in its PFCP association with {peer}: "
                    f"{before[field]} became {after[field]}"
                )

    def _sessions(self) -> dict[str, Any]:
        """None lost by the NF itself, and as many over each association as its peer holds."""
        before, after = self._before[self._nf], self._after.get(self._nf)
        least = before["sessions"]["least"]
        if after is not None and after["sessions"]["most"] < least - self._may_end:
            self._faults.append(f"{self._nf} had {least} sessions before and has {after['sessions']['most']} after")
        for other in self._after.values():
            theirs = other["sessions"]["by_peer"].get(self._address)
            if after is None or other is after or theirs is None:
                continue
            own = after["sessions"]["by_peer"].get(other["address"], {"least": 0, "most": 0})
            if own["most"] < theirs["least"] or theirs["most"] < own["least"]:
                self._faults.append(
                    f"{self._nf} holds {own['most']} sessions with {other['address']}, "
                    f"which holds {theirs['least']} with it"
                )
        return {
            "before": least,
            "after": after["sessions"]["least"] if after else 0,
            "digest_before": before["state"].get("digest"),
            "digest_after": after["state"].get("digest") if after else None,
        }

    def _state_before(self, nf: str) -> Mapping[str, Any]:
        return _state(self._before, nf)

    def _state_after(self, nf: str) -> Mapping[str, Any]:
        return _state(self._after, nf)


def _state(answered: Mapping[str, Mapping[str, Any]], nf: str) -> Mapping[str, Any]:
    state: Mapping[str, Any] = answered[nf]["state"] if nf in answered else {}
    return state


def _association_with(state: Mapping[str, Any], peer: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = next(
        (association for association in state.get("pfcp", []) if association["peer"] == peer), None
    )
    return found


def _registered(nrf: Mapping[str, Any]) -> set[str]:
    return {registration["nf_instance_id"] for registration in nrf.get("registrations", [])}
