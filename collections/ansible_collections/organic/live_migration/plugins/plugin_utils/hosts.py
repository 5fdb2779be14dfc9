# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running the agent module on both hosts of a migration from one action."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.executor.task_executor import TaskExecutor
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import ContainerSpec
from ansible_collections.organic.live_migration.plugins.module_utils.engines.registry import DEFAULT

try:
    from ansible.executor.task_result import _RawTaskResult
except ImportError:  # before ansible-core 2.19 there are no events; the result is the same
    _RawTaskResult = None

display = Display()

AGENT = "organic.live_migration.container_migration_agent"


class Hosts:
    """The two hosts of a migration.

    Args:
        action: the running action; the host that its task works on is the source.
        task_vars: of the source host.
        target: inventory name of the target host; None where none is to be asked.
        engine: name of the container engine of both.
    """

    def __init__(
        self, action: ActionBase, task_vars: dict[str, Any], target: str | None, engine: str = DEFAULT
    ) -> None:
        self.engine = engine
        self._action = action
        self._vars = task_vars
        self._inventory = task_vars["hostvars"]._inventory
        self._host = self._inventory.get_host(task_vars["inventory_hostname"])
        self.source: str = action._task.delegate_to or self._host.name
        self.target = target or ""
        if target is None:
            return
        if target not in task_vars["hostvars"]:
            raise AnsibleActionFail(
                f"The target host '{target}' is not in the inventory. 'ansible-inventory --graph' shows what is."
            )
        if target == self.source:
            raise AnsibleActionFail(f"Source and target are the same host, '{target}'. Name another target_host.")

    def target_addresses(self, wanted: str | None) -> list[str]:
        """Where the source host reaches the target."""
        target = self._vars["hostvars"][self.target]
        for address in (wanted, target.get("migration_address"), target.get("ansible_host")):
            if address:
                return [str(address)]
        return [self.target]

    def on_source(self, **arguments: Any) -> dict[str, Any]:
        """Run the agent module on the source host."""
        result: dict[str, Any] = self._action._execute_module(
            module_name=AGENT, module_args={"engine": self.engine, **arguments}, task_vars=self._vars
        )
        return _checked(result, self.source)

    def on_target(self, **arguments: Any) -> dict[str, Any]:
        """Run the agent module on the target host, as a task with delegate_to would."""
        task = self._action._task.copy()
        task.action = AGENT
        task.args = {"engine": self.engine, **arguments}
        task.delegate_to = self.target
        # what the user wants of the whole task is not wanted of this part of it
        task.loop = task.loop_with = task.register = task.retries = None
        task.until, task.failed_when, task.changed_when = [], [], []
        task.no_log = True
        executor = TaskExecutor(
            self._host,
            task,
            dict(self._vars),  # it notes there whom it delegates to
            self._action._play_context.copy(),
            self._action._loader,
            self._action._shared_loader_obj,
            None,
            self._vars["hostvars"]._variable_manager,
        )
        return _checked(executor.run(), self.target)

    def announce(self, progress: dict[str, Any]) -> None:
        """Tell the callback plugins how far a migration is, as Ansible does of its own asynchronous tasks.

        It reaches them as ``v2_runner_on_async_poll`` with the progress as ``migration``, and users of ansible-runner
        as the event ``runner_on_async_poll``.
        """
        queue = display._final_q  # the way of every callback out of a worker; None where there is no worker
        if queue is None or _RawTaskResult is None:
            return
        news = {
            "ansible_job_id": progress.get("migration_id"),
            "started": 1,
            "finished": 0,
            "migration": {**progress, "source_host": self.source, "target_host": self.target},
        }
        task = self._action._task
        queue.send_callback(
            "v2_runner_on_async_poll",
            _RawTaskResult(host=self._host, task=task, return_data=news, task_fields=task.dump_attrs()),
        )


def container_of(host: str, answer: dict[str, Any]) -> ContainerSpec:
    """The container on the source host, as that host described it."""
    try:
        return ContainerSpec.from_dict(answer["source"])
    except ValueError as error:
        raise AnsibleActionFail(f"Host '{host}' described the container wrongly: {error}") from None


def _checked(result: dict[str, Any], host: str) -> dict[str, Any]:
    """The agent's answer; a host that cannot be reached, or a module that broke, fails the action."""
    if result.get("unreachable"):
        raise AnsibleActionFail(f"Host '{host}' cannot be reached: {result.get('msg')}")
    if result.get("failed") or "agent" not in result:
        raise AnsibleActionFail(f"Host '{host}': {result.get('msg') or result.get('module_stderr') or result}")
    answer: dict[str, Any] = result["agent"]
    return answer
