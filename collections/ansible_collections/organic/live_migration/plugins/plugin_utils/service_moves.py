# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends the moves of Docker Swarm services whose controller was killed: the hosts go on alone, the Swarm does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field

from ansible.errors import AnsibleError
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import await_key
from ansible_collections.organic.live_migration.plugins.module_utils.engines.swarm import ServiceMove
from ansible_collections.organic.live_migration.plugins.module_utils.errors import as_sentence
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    NEVER_RAN,
    RUNNING,
    Done,
    HostMigrations,
    MovesAnswer,
    NodeAnswer,
    Parameters,
    SwarmAnswer,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts


@dataclass(frozen=True)
class EndedMove:
    """A move that was ended, or in check mode would be.

    Attributes:
        source_node, target_node: host names of the nodes.
        outcome: RUNNING: the process runs on the target node, where the service stays now. NEVER_RAN: it runs on the
            source node, and the service is as it was before.
    """

    name: str
    source_node: str
    target_node: str
    outcome: str


@dataclass
class Ended:
    """What became of the moves that a host ends.

    Attributes:
        moves: that were ended.
        faults: why others were not.
        warnings: why it is not known whether there are any.
    """

    moves: list[EndedMove] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_dicts(self) -> list[dict[str, str]]:
        return [asdict(move) for move in self.moves]


class ServiceMoves:
    """The moves that begin at the node of one host, or end there when the source node is gone.

    Args:
        hosts: the host, as the source.
        node: its id in its Docker Swarm.
        is_manager: whether it is a manager.
    """

    def __init__(self, hosts: Hosts, node: str, is_manager: bool) -> None:
        self._hosts = hosts
        self._node = node
        self._manager = hosts.source if is_manager else ""
        self._by_node = {node: hosts.source}

    @classmethod
    def of(cls, hosts: Hosts, found: HostMigrations, dry_run: bool) -> ServiceMoves | None:
        """Those of a host that has answered ``recover``, in a dry run without its engine; None if it is in no Swarm."""
        node = NodeAnswer(found.node, found.is_manager)
        if dry_run:
            node = hosts.on(hosts.source, Parameters(phases.SWARM_NODE), NodeAnswer)
        if node.blockers:
            raise AnsibleError(f"Host '{hosts.source}': {as_sentence(node.blockers[0].message)}")
        return cls(hosts, node.node, node.is_manager) if node.node else None

    def end(self, busy: Collection[str], dry_run: bool) -> Ended:
        """End them all, except those of services whose migration is in progress or in doubt.

        Args:
            busy: names of these services.
            dry_run: change nothing.
        """
        ended = Ended()
        try:
            self._find_manager()
            moves = self._hosts.on(self._manager, Parameters(phases.SWARM_MOVES), MovesAnswer).moves
        except AnsibleError as error:
            ended.warnings.append(
                f"Whether a service was to move away from {self._hosts.source} is not known: {as_sentence(str(error))}"
            )
            return ended
        for move in moves:
            if move.service in busy or not self._is_mine(move):
                continue
            if move.source != self._node and not move.has_arrived:
                ended.faults.append(
                    f"Service '{move.service}' was to move from the node {move.source_name or move.source}, which the "
                    f"Swarm has lost contact with, and has not arrived on {self._hosts.source}: bring that node back, "
                    "or remove and deploy the service."
                )
                continue
            try:
                outcome = self._outcome(move) if dry_run else self._end(move)
            except AnsibleError as error:
                ended.faults.append(f"The move of service '{move.service}' did not end: {as_sentence(str(error))}")
                continue
            ended.moves.append(EndedMove(move.service, move.source_name, move.target_name, outcome))
        return ended

    def _is_mine(self, move: ServiceMove) -> bool:
        return move.source == self._node or (move.target == self._node and not move.source_is_ready)

    @staticmethod
    def _outcome(move: ServiceMove) -> str:
        return RUNNING if move.has_arrived else NEVER_RAN

    def _end(self, move: ServiceMove) -> str:
        request = Parameters(phases.SWARM_SERVICE, move.service, action=phases.RECOVER)
        done = self._hosts.on(self._manager, request, SwarmAnswer).done
        key = await_key(move.command)
        for node in (move.source, move.target) if key else ():
            host = self._host_of(node)
            if host:
                self._hosts.on(host, Parameters(phases.AWAIT_FILE, key or "", action=phases.REVOKE), Done)
        return NEVER_RAN if done == phases.REVERT else RUNNING

    def _find_manager(self) -> None:
        """Raises AnsibleError when no host of the inventory is a manager that answers."""
        for host in () if self._manager else self._hosts.others:
            if self._ask(host).is_manager:
                self._manager = host
                return
        if not self._manager:
            raise AnsibleError("No host of the inventory is a manager of its Docker Swarm")

    def _host_of(self, node: str) -> str:
        """Inventory name of the host that is a node; empty if none is that can be reached."""
        for host in self._hosts.others:
            if node in self._by_node:
                break
            self._ask(host)
        return self._by_node.get(node, "")

    def _ask(self, host: str) -> NodeAnswer:
        try:
            answer = self._hosts.on(host, Parameters(phases.SWARM_NODE), NodeAnswer)
        except AnsibleError:
            return NodeAnswer("", False)
        if answer.node:
            self._by_node[answer.node] = host
        return answer
