# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every private name of ansible-core that this collection uses. A unit test asserts that the installed one has them.

From 2.17 on; `make ansible-core-versions` runs the tests under several versions.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.executor.task_executor import TaskExecutor
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

try:
    from ansible._internal._task import TaskContext, UnifiedTaskResult
except ImportError:  # before ansible-core 2.21 an executor is given its task and the variables
    TaskContext = UnifiedTaskResult = None
try:
    from ansible.executor.task_result import _RawTaskResult
except ImportError:  # since 2.21 a worker sends a UnifiedTaskResult
    _RawTaskResult = None
_BEFORE_2_19 = UnifiedTaskResult is None and _RawTaskResult is None
if _BEFORE_2_19:
    from ansible.executor.task_result import TaskResult

_display = Display()
_EXECUTOR_ARGUMENTS = tuple(inspect.signature(TaskExecutor).parameters)

TaskVars = dict[str, Any]
"""Ansible's own: whatever a user has defined."""
ModuleResult = Mapping[str, Any]
ActionResult = dict[str, Any]


def source_name(action: ActionBase, task_vars: TaskVars) -> str:
    """Inventory name of the host that the action's task works on."""
    return str(action._task.delegate_to or task_vars["inventory_hostname"])


def delegate_of(action: ActionBase) -> str | None:
    """The host to which the action's task is delegated."""
    delegate: str | None = action._task.delegate_to
    return delegate


def render(action: ActionBase, template: object) -> str:
    """A variable of the user's, which may be a template, as text."""
    return str(action._templar.template(template))


def uses_pipelining(action: ActionBase) -> bool:
    """Whether Ansible would send a module to the host on standard input."""
    return bool(action._is_pipelining_enabled("new"))


def run_command(action: ActionBase, command: str, standard_input: bytes) -> ModuleResult:
    """Run a command on the host that the action's task works on, as Ansible runs its modules."""
    result: ModuleResult = action._low_level_execute_command(command, in_data=standard_input)
    return result


def run_action(action: ActionBase, name: str, arguments: Mapping[str, object], task_vars: TaskVars) -> ModuleResult:
    """Run a module that has an action plugin on the host that the action's task works on."""
    task = action._task.copy()
    task.action, task.args = name, dict(arguments)
    plugin = action._shared_loader_obj.action_loader.get(
        name,
        task=task,
        connection=action._connection,
        play_context=action._play_context,
        loader=action._loader,
        templar=action._templar,
        shared_loader_obj=action._shared_loader_obj,
    )
    result: ModuleResult = plugin.run(task_vars=task_vars)
    return result


def run_module_on(
    action: ActionBase, host: str, module: str, arguments: Mapping[str, object], task_vars: TaskVars
) -> ModuleResult:
    """Run a module on another host, as a task with delegate_to would."""
    task = action._task.copy()
    task.action = module
    task.args = dict(arguments)
    task.delegate_to = host
    # what the user wants of the whole task is not wanted of this part of it
    task.loop = task.loop_with = task.register = task.retries = None
    task.until, task.failed_when, task.changed_when = [], [], []
    task.no_log = True
    variables = dict(task_vars)  # ansible_delegated_vars are added to it
    given = {
        "host": _host_of(task_vars),
        "task": task,
        "job_vars": variables,
        "play_context": action._play_context.copy(),
        "new_stdin": None,
        "loader": action._loader,
        "shared_loader_obj": action._shared_loader_obj,
        "final_q": None,
        "variable_manager": task_vars["hostvars"]._variable_manager,
    }
    with _context_of(task, variables):
        result = TaskExecutor(**{name: given[name] for name in _EXECUTOR_ARGUMENTS}).run()
    finished: ModuleResult = result if UnifiedTaskResult is None else result.as_result_dict()
    return finished


def _context_of(task: Any, variables: TaskVars) -> AbstractContextManager[object]:
    """Where an executor finds its task and the variables."""
    if TaskContext is None:
        return nullcontext()
    context: AbstractContextManager[object] = TaskContext.create(task, variables, variables["inventory_hostname"])
    return context


def send_progress(action: ActionBase, migration: Mapping[str, object], task_vars: TaskVars) -> None:
    """Send progress to the callback plugins, as Ansible does for its own asynchronous tasks.

    It reaches them as ``v2_runner_on_async_poll`` with the progress as ``migration``, and users of ansible-runner as
    the event ``runner_on_async_poll``.
    """
    _send(action, {"ansible_job_id": migration["migration_id"], "migration": dict(migration)}, task_vars)


def send_batch(action: ActionBase, batch: Mapping[str, object], task_vars: TaskVars) -> None:
    """The same for the progress of many migrations together, as ``batch``."""
    _send(action, {"ansible_job_id": "", "batch": dict(batch)}, task_vars)


def _send(action: ActionBase, fields: ActionResult, task_vars: TaskVars) -> None:
    queue = _display._final_q  # the queue of every callback of a worker; None where there is no worker
    if queue is None:
        return
    host, task, result = _host_of(task_vars), action._task, {"started": 1, "finished": 0, **fields}
    sent: tuple[object, ...]
    if UnifiedTaskResult is not None:
        sent = (host, task, UnifiedTaskResult.from_action_result_dict({**result, "finished": False}))
    elif _RawTaskResult is not None:
        sent = (_RawTaskResult(host=host, task=task, return_data=result, task_fields=task.dump_attrs()),)
    else:
        sent = (TaskResult(host.name, task._uuid, result, task_fields=task.dump_attrs()),)
    queue.send_callback("v2_runner_on_async_poll", *sent)


def reported(given: object, name: str) -> Any:
    """``host``, ``task`` or ``result`` of what a callback plugin is given, or None; private before core 2.19."""
    return getattr(given, name if hasattr(type(given), name) else f"_{name}", None)


def action_failed(message: str, traceback: str) -> AnsibleActionFail:
    """The failure of an action, with the traceback of the host, if there is one.

    Before ansible-core 2.19 its result has the traceback of what the controller does at this moment, which hides it.
    """
    given = {"exception": traceback} if traceback else {}
    failed = AnsibleActionFail(message, result=dict(given))
    if _BEFORE_2_19:
        del failed.result["exception"]
        failed.result.update(given)
    return failed


def show_traceback(host: str, traceback: str) -> None:
    """Show the traceback of an error on a host with -vvv.

    As ``exception`` of a result, ansible-core from 2.19 on shows it only if DISPLAY_TRACEBACK says so.
    """
    _display.vvv(traceback, host=host)


def _host_of(task_vars: TaskVars) -> Any:
    return task_vars["hostvars"]._inventory.get_host(task_vars["inventory_hostname"])
