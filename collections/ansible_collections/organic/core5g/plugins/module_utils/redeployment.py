# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an NF that can be drained gets to another host without a gap: a standby instance serves meanwhile.

The NF's address cannot be on two hosts at once. So the sessions go to the standby instance on the target host first,
and from there to the NF under its own address, which is on the target host by then. Works on what nf_state_info
returned; asks nobody.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils import policy
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.policy import NfsByHost


@dataclasses.dataclass(frozen=True)
class Step:
    """Sessions go from one instance to another, then the former is removed.

    Attributes:
        leaving, leaving_host: the instance that has them, and its host.
        successor, host: the one that gets them, and its host.
        associations: PFCP associations that the successor must have before the other one is drained.
    """

    leaving: str
    leaving_host: str
    successor: str
    host: str
    associations: int = 1


@dataclasses.dataclass(frozen=True)
class Request:
    """The redeployment that the user asks for.

    Attributes:
        nf: name of the NF.
        target_host: inventory name of the host that it shall run on.
        hosts: all hosts of the play.
        drains: whether the core says how the NF is drained.
        has_standby: whether the standby instance has an address.
        orchestrator: who runs the NFs.
        fixed_drivers: network drivers of the NF on which it cannot keep its address.
    """

    nf: str
    target_host: str
    hosts: Collection[str]
    drains: bool = True
    has_standby: bool = True
    orchestrator: str = "none"
    fixed_drivers: Collection[str] = ()

    @property
    def standby(self) -> str:
        return f"{self.nf}-standby"

    def refusal(self) -> str:
        """Why no host is even asked; empty if the hosts may be asked."""
        nf = self.nf
        remedy = f"remove it and deploy it there (playbooks/remove_nf.yml, playbooks/deploy_nf.yml -e nf={nf})"
        if self.target_host not in self.hosts:
            return (
                f"There is no host '{self.target_host}' to redeploy {nf} on, set target_host to one of: "
                f"{', '.join(self.hosts)}"
            )
        if not self.drains:
            return f"{nf} of this core cannot be drained, so no second instance can take its sessions: {remedy}"
        if self.orchestrator not in ("none", "kubernetes"):
            return (
                f"The orchestrator {self.orchestrator} runs {nf}, and would not know of a second instance: let it move "
                f"{nf} itself, or {remedy}"
            )
        if self.fixed_drivers:
            return (
                f"With the network driver {', '.join(self.fixed_drivers)} {nf} cannot have its address on another "
                f"host: put it on the driver macvlan or bridge, or give it another address in nf_addresses and {remedy}"
            )
        if not self.has_standby:
            return (
                f"{self.standby} has no address, and while {nf} is redeployed there are two of it: add an address that "
                f"nothing else has to nf_addresses in the inventory ({self.standby}: ...), or set standby_address"
            )
        return ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is done.

    Attributes:
        error: why nothing can be done, and what to do about it; empty if something can.
        message: what is done, for the user.
        source_host: where the sessions are now.
        steps: in their order; none if the NF runs on the target host already.
        peers: address of each NF that reports associations with the NF, by its name, by its host.
    """

    error: str = ""
    message: str = ""
    source_host: str = ""
    steps: tuple[Step, ...] = ()
    peers: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)


def plan(request: Request, found: NfsByHost) -> Plan:
    """What is to be done, by where the instances are. A run that was interrupted is finished.

    Args:
        request: of the user.
        found: state of all NFs and of the standby instance.
    """
    nf, standby, target = request.nf, request.standby, request.target_host
    try:
        here, spare = policy.running_on(found, nf), policy.running_on(found, standby)
        stopped = policy.current_host(found, nf)
    except CoreError as error:
        return Plan(error=str(error))
    if here is None and stopped is not None:
        return Plan(
            f"{nf} on {stopped} does not run: start it ('docker start {nf}'), or remove it there "
            f"(playbooks/remove_nf.yml -e nf={nf}, which also removes {standby})"
        )
    if here is None and spare is None:
        return Plan(f"{nf} runs on no host of the play: deploy it with playbooks/deploy_core.yml")
    if spare not in (None, target):
        return Plan(
            f"{standby} runs on {spare}, as a redeployment was interrupted: finish it with -e target_host={spare} first"
        )
    there, back = Step(nf, here or "", standby, target), Step(standby, target, nf, target)
    if here is None or (here == target and spare is not None):
        steps = [back]
        message = f"{nf} on {target} takes the sessions of {standby}, which an interrupted redeployment has left there"
    elif here == target:
        return Plan("", f"{nf} runs on {here} already: there is nothing to redeploy", here)
    else:
        steps = [there, back]
        message = (
            f"{nf} goes from {here} to {target}: {standby} starts on {target}, the sessions go there, {nf} is removed "
            f"from {here} and starts on {target}, the sessions go there, {standby} is removed"
        )
    first = steps[0]
    states = {entry["name"]: entry for entry in found[first.leaving_host]}
    fault, associations = _faults(states[first.leaving], first, found)
    if fault:
        return Plan(fault)
    numbered = tuple(dataclasses.replace(step, associations=associations) for step in steps)
    return Plan("", message, first.leaving_host, numbered, _peers(found))


def _faults(leaving: Mapping[str, Any], step: Step, found: NfsByHost) -> tuple[str, int]:
    """Why the sessions cannot go from an instance, empty if they can; and how many associations the next one needs."""
    if leaving["error"]:
        return (
            f"{step.leaving} on {step.leaving_host} does not report its state, so its sessions could not be followed: "
            f"{leaving['error']}",
            0,
        )
    state = leaving["state"]
    up = sum(1 for association in state.get("pfcp", []) if association["up"])
    if not up and not state.get("draining"):
        return (
            f"{step.leaving} on {step.leaving_host} has no PFCP association, so nobody would move its sessions: "
            "deploy the SMF (playbooks/deploy_nf.yml -e nf=smf), or look at its log",
            0,
        )
    given = [
        entry["name"] for entries in found.values() for entry in entries if _state(entry).get("discovers_upfs") is False
    ]
    if given:
        return (
            f"{' and '.join(given)} does not look for UPFs at the NRF, so it would not find a second one: take "
            "MINICORE_UPF out of its environment (nf_env)",
            0,
        )
    return "", max(up, 1)


def _state(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    state: Mapping[str, Any] = entry.get("state") or {}
    return state


def _peers(found: NfsByHost) -> dict[str, dict[str, str]]:
    """The NFs that say whether they look for UPFs: the SMFs."""
    peers: dict[str, dict[str, str]] = {}
    for host, entries in found.items():
        for entry in entries:
            if "discovers_upfs" in _state(entry):
                peers.setdefault(host, {})[entry["name"]] = entry["address"]
    return peers


def sessions_elsewhere(entries: Iterable[Mapping[str, Any]], address: str) -> int:
    """How many sessions SMFs have that are not at the UPF of this N4 address.

    Args:
        entries: of the SMFs, as nf_state_info returns them.
        address: of the UPF.

    Raises:
        CoreError: one does not report its state.
    """
    elsewhere = 0
    for entry in entries:
        if not entry.get("state"):
            raise CoreError(f"{entry['name']} does not report its state: {entry.get('error')}")
        state = entry["state"]
        here = sum(peer["sessions"] for peer in state.get("pfcp", []) if peer["up"] and peer["peer"] == address)
        elsewhere += state["sessions"] - here
    return elsewhere
