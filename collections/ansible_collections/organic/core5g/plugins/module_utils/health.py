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


def states(found: Found) -> dict[str, Mapping[str, Any]]:
    """NF name -> its state, of every NF that answered."""
    return {entry["name"]: entry["state"] for entries in found.values() for entry in entries if entry["state"]}


class Comparison:
    """Judges a migration of ``nf`` by the states of all NFs before and after it."""

    def __init__(self, nf: str, address: str, before: Found, after: Found) -> None:
        self._nf = nf
        self._address = address
        self._before = states(before)
        self._after = states(after)
        self.faults: list[str] = []

    def result(self) -> dict[str, Any]:
        """``faults`` is empty if nothing was lost; the other fields are of the report's schema."""
        own_before = self._before.get(self._nf)
        own_after = self._after.get(self._nf)
        if own_before is None:
            raise CoreError(f"The NF {self._nf} did not tell its state before the migration")
        if own_after is None:
            self.faults.append(f"{self._nf} does not tell its state any more")
            own_after = {}
        elif own_after["nf_instance_id"] != own_before["nf_instance_id"]:
            self.faults.append(
                f"{self._nf} was restarted: "
                f"instance {own_before['nf_instance_id']} became {own_after['nf_instance_id']}"
            )
        return {
            "registration_alive": self._registration(own_before, own_after),
            "pfcp": self._associations(own_before, own_after),
            "sessions": self._sessions(own_before, own_after),
            "faults": self.faults,
        }

    def _registration(self, own_before: Mapping[str, Any], own_after: Mapping[str, Any]) -> bool:
        alive = True
        if own_before.get("nrf_registered") and not own_after.get("nrf_registered"):
            self.faults.append(f"{self._nf} has lost its registration at the NRF")
            alive = False
        missing = _registered(self._before.get("nrf", {})) - _registered(self._after.get("nrf", {}))
        if missing:
            self.faults.append(f"The NRF has lost the registrations {', '.join(sorted(missing))}")
            alive = False
        return alive

    def _associations(self, own_before: Mapping[str, Any], own_after: Mapping[str, Any]) -> dict[str, Any] | None:
        """Both ends of every association: up, and with the time stamps of before (TS 29.244, clause 8.2.65)."""
        if not own_before.get("pfcp"):
            return None
        count = len(self.faults)
        stamps = []
        for where, before, after in (
            (self._nf, own_before, own_after),
            *((peer, self._before[peer], self._after.get(peer, {})) for peer in self._before if peer != self._nf),
        ):
            now = {association["peer"]: association for association in after.get("pfcp", [])}
            for association in before.get("pfcp", []):
                peer = association["peer"]
                if where != self._nf and peer != self._address:
                    continue
                stamps.append((association, now.get(peer)))
                self._association(where, association, now.get(peer))
        own, own_now = stamps[0]
        return {
            "association_kept": len(self.faults) == count,
            "recovery_time_stamp_before": own["local_recovery_time_stamp"],
            "recovery_time_stamp_after": own_now["local_recovery_time_stamp"] if own_now else None,
            "peer_recovery_time_stamp_before": own["recovery_time_stamp"],
            "peer_recovery_time_stamp_after": own_now["recovery_time_stamp"] if own_now else None,
        }

    def _association(self, where: str, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> None:
        peer = before["peer"]
        if not before["up"]:
            return
        if after is None or not after["up"]:
            self.faults.append(f"{where} has lost its PFCP association with {peer}")
            return
        for field in ("recovery_time_stamp", "local_recovery_time_stamp"):
            if before[field] != after[field]:
                self.faults.append(
                    f"{where} has another {field} in its PFCP association with {peer}: "
                    f"{before[field]} became {after[field]}"
                )

    def _sessions(self, own_before: Mapping[str, Any], own_after: Mapping[str, Any]) -> dict[str, Any]:
        before, after = own_before.get("sessions", 0), own_after.get("sessions", 0)
        if after < before:
            self.faults.append(f"{self._nf} had {before} sessions before and has {after} after")
        return {
            "before": before,
            "after": after,
            "digest_before": own_before.get("digest"),
            "digest_after": own_after.get("digest"),
        }


def _registered(nrf: Mapping[str, Any]) -> set[str]:
    return {registration["nf_instance_id"] for registration in nrf.get("registrations", [])}
