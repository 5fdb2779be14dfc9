# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of a Docker Swarm as a manager sees it, and moving its one task to another node.

Swarm starts the new task beside the old one and ends the old one itself, when the new one is healthy (order
``start-first``). Until then both nodes satisfy the constraints: with a constraint on the target alone, any event of the
source node, and any new leader, would end the task whose process is still to be moved. What the service was like before
is kept in a label of the service, which Swarm stores on all managers.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from .. import decoded, typed
from ..decoded import JsonObject
from ..errors import Blocker, EngineError
from .docker_api import DockerApi
from .service_checks import LABEL, SECOND_NS, Findings, ServiceChecks, networks_of, unreachable

_NODE_CONSTRAINT = re.compile(r"\s*node\.(id|hostname)\s*(==|!=)")
_UPDATE = {"Parallelism": 1, "Delay": 0, "FailureAction": "pause", "Monitor": SECOND_NS, "MaxFailureRatio": 0,
           "Order": "start-first"}  # fmt: skip
_ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")
_POLL_S = 0.1
_UPDATE_END_S = 15.0
_ATTEMPTS = 5


@dataclass(frozen=True)
class ServiceMove:
    """The move of a service that nobody has ended yet.

    Attributes:
        command: of its containers.
        source, target: ids of the nodes.
        source_name, target_name: host names of the nodes; empty where a node is not known any more.
        source_is_ready: whether the source node reports to the managers.
        has_arrived: whether its task on the target node is healthy, so that it has its process.
    """

    service: str
    command: tuple[str, ...]
    source: str
    target: str
    source_name: str
    target_name: str
    source_is_ready: bool
    has_arrived: bool


@dataclass(frozen=True)
class _Kept:
    """What LABEL keeps of a service while it moves.

    Attributes:
        source, target: ids of the nodes.
        constraints: of its placement before; None where it had none.
        force: its ForceUpdate before.
        update: its UpdateConfig before, which only Swarm reads.
    """

    source: str
    target: str
    constraints: list[str] | None
    force: int
    update: object

    @classmethod
    def of(cls, service: JsonObject | None) -> _Kept | None:
        """What a service says of its move; None where it is in none."""
        text = decoded.labels(service or {}, "Spec", "Labels").get(LABEL)
        return None if text is None else typed.from_dict(cls, json.loads(text))


def unfinished_moves(api: DockerApi) -> list[ServiceMove]:
    """The moves of services that have begun and not ended, as a manager knows them.

    Raises:
        EngineError: the host is no manager, or the Swarm has no quorum.
    """
    found = []
    for answer in decoded.checked_list(api.call("GET", "/services", filters=json.dumps({"label": [LABEL]}))):
        kept, name = _Kept.of(answer), decoded.text(answer, "Spec", "Name")
        if kept is None:
            continue  # ended since the managers were asked
        source, target = (api.get(f"/nodes/{node}") or {} for node in (kept.source, kept.target))
        container = decoded.section(answer, "Spec", "TaskTemplate", "ContainerSpec")
        found.append(
            ServiceMove(
                service=name,
                command=(*decoded.texts(container, "Command"), *decoded.texts(container, "Args")),
                source=kept.source,
                target=kept.target,
                source_name=_hostname(source),
                target_name=_hostname(target),
                source_is_ready=_is_ready(source),
                has_arrived=SwarmService(api, name).runs_on(kept.target),
            )
        )
    return found


class SwarmService:
    """One service.

    Args:
        api: of the engine of a manager.
        name: of the service.
    """

    def __init__(self, api: DockerApi, name: str) -> None:
        self._api = api
        self._name = name

    def check(self, source: str, target: str, patience_s: float) -> Findings:
        """Whether its task can be moved from a node to another; nodes are given by their ids.

        Args:
            patience_s: how long the new task may take until it is healthy.
        """
        try:
            service = self._after_update()
            nodes = self._nodes()
            names = networks_of(service) if service else []
            networks = [self._api.get(f"/networks/{network}") for network in names]
        except EngineError as error:
            return Findings([unreachable(str(error))])
        if service is None:
            return Findings([Blocker("service_unknown", f"The Swarm has no service '{self._name}'", "Check the name")])
        return ServiceChecks(service, nodes, networks, patience_s).findings(source, target)

    def _nodes(self) -> dict[str, JsonObject]:
        return {decoded.text(node, "ID"): node for node in decoded.checked_list(self._api.call("GET", "/nodes"))}

    def _service(self) -> JsonObject | None:
        return self._api.get(f"/services/{quote(self._name, safe='')}")

    def _after_update(self) -> JsonObject | None:
        """The service, once an update that is about to end has: Swarm watches new tasks for 5 s by default."""
        deadline = time.monotonic() + _UPDATE_END_S
        while True:
            service = self._service()
            state = decoded.value(service or {}, "UpdateStatus", "State")
            if state != "updating" or time.monotonic() > deadline:
                return service
            time.sleep(_POLL_S)

    # The move

    def place(self, source: str, target: str, timeout_s: float) -> None:
        """Have a second task started on the target node, beside the one on the source node.

        Raises:
            EngineError: Swarm refuses, or starts it elsewhere or not at all; the service is as before.
        """
        before = {decoded.text(task, "ID") for task in self._tasks()}

        def changed(spec: JsonObject) -> JsonObject:
            template = decoded.section(spec, "TaskTemplate")
            has_constraints = decoded.value(template, "Placement", "Constraints") is not None
            constraints = decoded.texts(template, "Placement", "Constraints") if has_constraints else None
            force = decoded.number(template, "ForceUpdate", default=0)
            kept = _Kept(source, target, constraints, force, spec.get("UpdateConfig"))
            others = [f"node.id!={other}" for other in self._nodes() if other not in (source, target)]
            return {
                **spec,
                "Labels": {**decoded.labels(spec, "Labels"), LABEL: json.dumps(typed.to_dict(kept))},
                "TaskTemplate": _placed(template, [*_others(constraints), *others], force + 1),
                "UpdateConfig": _UPDATE,
            }

        self._update(changed)
        try:
            self._await_start(before, target, timeout_s)
        except EngineError:
            self.revert()
            raise

    def _await_start(self, before: set[str], target: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        reason = "no new task appeared"
        while time.monotonic() < deadline:
            for task in self._tasks():
                if decoded.text(task, "ID") in before:
                    continue
                state, status = _state(task), decoded.section(task, "Status")
                reason = f"the new task is {state}: {status.get('Err') or status.get('Message', '')}"
                if task.get("NodeID") not in (None, "", target):
                    raise EngineError(f"Swarm placed the new task of '{self._name}' on another node than the target.")
                if state in ("failed", "rejected"):
                    raise EngineError(f"Swarm could not start '{self._name}' on the target: {reason}.")
                if state in ("starting", "running"):
                    return
            time.sleep(_POLL_S)
        raise EngineError(f"Swarm did not start '{self._name}' on the target within {timeout_s:.0f} s: {reason}.")

    def commit(self, timeout_s: float = 60) -> None:
        """The process runs on the target node: have its task stay there, and wait until the old one has ended."""
        kept = self._kept()
        if kept is None:
            return
        node = decoded.checked(self._api.call("GET", f"/nodes/{kept.target}"))
        pin = f"node.hostname=={decoded.text(node, 'Description', 'Hostname')}"

        def changed(spec: JsonObject) -> JsonObject:
            template = decoded.section(spec, "TaskTemplate")
            return _ended(spec, kept, _placed(template, [*_others(kept.constraints), pin]))

        self._update(changed)
        self._await_end(kept.source, timeout_s)

    def revert(self, timeout_s: float = 60) -> None:
        """The process runs on the source node: have the service as before, and wait until the new task has ended."""
        kept = self._kept()
        if kept is None:
            return

        def changed(spec: JsonObject) -> JsonObject:
            template = decoded.section(spec, "TaskTemplate")
            # with the force of before, so that the old task is as the service wants it
            return _ended(spec, kept, _placed(template, kept.constraints, kept.force))

        self._update(changed)
        self._await_end(kept.target, timeout_s)
        # When the target node was drained, Swarm has placed another task beside the old one. It waits for the end of
        # the hold, and would then start the program a second time.
        self._await_end(kept.source, timeout_s, but=1)

    def recover(self) -> str:
        """End a move that was interrupted, by where the process is; returns ``commit``, ``revert`` or nothing.

        Only for a service of which no migration is in progress or in doubt: the new task is healthy from the moment on
        in which its process needs nothing of the source any more.
        """
        kept = self._kept()
        if kept is None:
            return ""
        if self.runs_on(kept.target):
            self.commit()
            return "commit"
        self.revert()
        return "revert"

    def runs_on(self, node: str) -> bool:
        """Whether a task of the service runs on a node, and is healthy."""
        return any(task.get("NodeID") == node and _state(task) == "running" for task in self._tasks())

    def _kept(self) -> _Kept | None:
        return _Kept.of(self._service())

    def _tasks(self) -> list[JsonObject]:
        filters = json.dumps({"service": [self._name]})
        return decoded.checked_list(self._api.call("GET", "/tasks", filters=filters))

    def _await_end(self, node: str, timeout_s: float, but: int = 0) -> None:
        """Wait until no task of the service is left on a node, as long as the node can report that.

        Args:
            but: so many may be left.
        """
        deadline = time.monotonic() + timeout_s
        while len([task for task in self._tasks() if _lives_on(task, node)]) > but:
            if not _is_ready(self._api.get(f"/nodes/{node}") or {}):
                return
            if time.monotonic() > deadline:
                raise EngineError(f"A task of service '{self._name}' has not ended within {timeout_s:.0f} s.")
            time.sleep(_POLL_S)

    def _update(self, changed: Callable[[JsonObject], JsonObject]) -> None:
        """Give the service the specification that follows from its own; again if somebody else changed it meanwhile."""
        for attempt in range(_ATTEMPTS):
            service = decoded.checked(self._api.call("GET", f"/services/{quote(self._name, safe='')}"))
            name, version = decoded.text(service, "ID"), decoded.number(service, "Version", "Index")
            spec = changed(decoded.section(service, "Spec"))
            try:
                self._api.call("POST", f"/services/{name}/update", spec, version=version)
                return
            except EngineError as error:
                if "out of sequence" not in str(error) or attempt == _ATTEMPTS - 1:
                    raise EngineError(f"Swarm refused to change '{self._name}': {str(error).rstrip('.')}.") from None


def _state(found: JsonObject) -> str:
    """Of a task."""
    return decoded.text(found, "Status", "State")


def _is_ready(node: JsonObject) -> bool:
    return decoded.value(node, "Status", "State") == "ready"


def _hostname(node: JsonObject) -> str:
    return decoded.text(node, "Description", "Hostname", default="")


def _lives_on(task: JsonObject, node: str) -> bool:
    return task.get("NodeID") == node and _state(task) not in _ENDED


def _others(constraints: list[str] | None) -> list[str]:
    """Constraints that name no node."""
    return [one for one in constraints or () if not _NODE_CONSTRAINT.match(one)]


def _placed(template: JsonObject, constraints: list[str] | None, force: int | None = None) -> JsonObject:
    """A template of tasks with other constraints and, if one is given, another ForceUpdate."""
    placement = {**decoded.section(template, "Placement"), "Constraints": constraints}
    return {**template, "Placement": placement, **({} if force is None else {"ForceUpdate": force})}


def _ended(spec: JsonObject, kept: _Kept, template: JsonObject) -> JsonObject:
    """The specification of a service whose move has ended, with its template of tasks."""
    labels = {name: value for name, value in decoded.labels(spec, "Labels").items() if name != LABEL}
    return {**spec, "Labels": labels, "TaskTemplate": template, "UpdateConfig": kept.update}
