# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running the agent module on both hosts of a migration from one action."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TypeVar

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.engines import registry
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Failure
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import Parameters
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Snapshot
from ansible_collections.organic.live_migration.plugins.plugin_utils import ansible_compat
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import ModuleResult, TaskVars

AGENT = "organic.live_migration.container_migration_agent"

Answer = TypeVar("Answer", bound=typed.Dataclass)


class Hosts:
    """The two hosts of a migration.

    Args:
        action: the running action; the host that its task works on is the source.
        task_vars: of the source host.
        target: inventory name of the target host; None where only the source is asked.
    """

    def __init__(self, action: ActionBase, task_vars: TaskVars, target: str | None) -> None:
        self.follows_events = True
        """Whether each event of a migration is fetched at once. Of many at the same time, each call would cost more."""
        self._action = action
        self._vars = task_vars
        self.engine = self.variable("migration_engine") or self._default_engine()
        """Name of the container engine of both hosts: the source host's variable ``migration_engine``."""
        self.unreachable = ""
        """Inventory name of the host that could not be reached when it was asked last."""
        if self.engine not in registry.ENGINES:
            raise AnsibleActionFail(
                f"The variable migration_engine is '{self.engine}'. Set it to one of {', '.join(registry.ENGINES)}."
            )
        self.source = ansible_compat.source_name(action, task_vars)
        self.target = target or ""
        if target is None:
            return
        if target not in task_vars["hostvars"]:
            raise AnsibleActionFail(
                f"The target host '{target}' is not in the inventory. 'ansible-inventory --graph' lists its hosts."
            )
        if target == self.source:
            raise AnsibleActionFail(f"Source and target are the same host, '{target}'. Name another target_host.")

    def _default_engine(self) -> str:
        """That of the orchestrator which the inventory names, if it has one of its own."""
        orchestrator = self.variable("orchestrator")
        return orchestrator if orchestrator in registry.ENGINES else registry.DEFAULT

    def target_addresses(self, wanted: str | None) -> list[str]:
        """Where the source host reaches the target."""
        target = self._vars["hostvars"][self.target]
        for address in (wanted, target.get("migration_address"), target.get("ansible_host")):
            if address:
                return [str(address)]
        return [self.target]

    def variable(self, name: str, host: str = "") -> str:
        """A variable of the source host, or of another one; empty where it is not set."""
        found = self._vars["hostvars"][host].get(name) if host else self._vars.get(name)
        return "" if found is None else ansible_compat.render(self._action, found)

    def on_source(self, parameters: Parameters, answer: type[Answer]) -> Answer:
        """Run a phase of the agent module on the source host.

        Raises:
            AnsibleActionFail: the phase failed, or the host cannot be reached.
        """
        arguments = replace(parameters, engine=self.engine).as_module_arguments()
        try:
            result = ansible_compat.run_action(self._action, AGENT, arguments, self._vars)
        except AnsibleConnectionFailure:
            self.unreachable = self.source
            raise
        return self._read(result, self.source, answer)

    def on_target(self, parameters: Parameters, answer: type[Answer]) -> Answer:
        """Run a phase of the agent module on the target host.

        Raises:
            AnsibleActionFail: the phase failed, or the host cannot be reached.
        """
        arguments = replace(parameters, engine=self.engine).as_module_arguments()
        result = ansible_compat.run_module_on(self._action, self.target, AGENT, arguments, self._vars)
        return self._read(result, self.target, answer)

    def on(self, host: str, parameters: Parameters, answer: type[Answer]) -> Answer:
        """Run a phase of the agent module on any host of the inventory.

        Raises:
            AnsibleActionFail: the phase failed, or the host cannot be reached.
        """
        if host == self.source:
            return self.on_source(parameters, answer)
        arguments = replace(parameters, engine=self.engine).as_module_arguments()
        result = ansible_compat.run_module_on(self._action, host, AGENT, arguments, self._vars)
        return self._read(result, host, answer) if host == self.target else _read(result, host, answer)

    @property
    def others(self) -> list[str]:
        """Inventory names of the hosts that have no part in the migration; those of the source's groups come first."""
        groups = self._vars.get("groups", {})
        near = [members for name, members in groups.items() if name != "all" and self.source in members]
        everyone = dict.fromkeys(host for members in [*near, groups.get("all", [])] for host in members)
        return [host for host in everyone if host not in (self.source, self.target)]

    def announce(self, progress: Snapshot) -> None:
        """Send the progress of a migration to the callback plugins."""
        migration = {**asdict(progress), "source_host": self.source, "target_host": self.target}
        ansible_compat.send_progress(self._action, migration, self._vars)

    def _read(self, result: ModuleResult, host: str, answer: type[Answer]) -> Answer:
        if result.get("unreachable"):
            self.unreachable = host
        return _read(result, host, answer)


def _read(result: ModuleResult, host: str, answer: type[Answer]) -> Answer:
    """The agent's answer in the result of its module."""
    if result.get("unreachable"):
        raise _failed(Failure(f"Host '{host}' cannot be reached: {result.get('msg')}"), host)
    if result.get("failed") or "agent" not in result:
        message = result.get("msg") or result.get("module_stderr") or result
        raise _failed(Failure(f"Host '{host}': {message}", traceback=str(result.get("exception") or "")), host)
    agent = result["agent"]
    try:
        if "failure" in agent:
            raise _failed(typed.from_dict(Failure, agent["failure"]), host)
        return typed.from_dict(answer, agent["answer"], complete=True)
    except (KeyError, ValueError) as error:
        raise _failed(
            Failure(f"Host '{host}' gave an answer that does not fit this version of the collection: {error}"), host
        ) from None


def _failed(failure: Failure, host: str) -> AnsibleActionFail:
    """Fails the action; a traceback from the host is shown, too."""
    if failure.traceback:
        ansible_compat.show_traceback(host, failure.traceback)
    return ansible_compat.action_failed(failure.message, failure.traceback)
