# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host is asked, by what task, and what its answer is taken for; Ansible's executor is a fake."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.playbook.task import Task
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.migration.phases import (
    Done,
    OutcomeAnswer,
    Parameters,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils import ansible_compat, hosts
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts


class HostVars(dict):
    """Ansible's, as far as it is used."""

    _inventory = SimpleNamespace(get_host=lambda name: SimpleNamespace(name=name))
    _variable_manager = None


def hosts_of(attributes: dict[str, Any], host: str = "edge-a") -> Hosts:
    """Of an action whose task has these attributes."""
    task = Task()
    for name, value in attributes.items():
        setattr(task, name, value)
    action = SimpleNamespace(
        _task=task, _play_context=SimpleNamespace(copy=dict), _loader=None, _shared_loader_obj=None
    )
    task_vars = {"hostvars": HostVars({"edge-a": {}, "edge-b": {}, "localhost": {}}), "inventory_hostname": host}
    return Hosts(action, task_vars, "edge-b")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """The tasks that were run on the target."""
    tasks: list[Task] = []

    class Executor:
        def __init__(self, **given: Any) -> None:
            if ansible_compat.TaskContext is None:
                task, task_vars = given["task"], given["job_vars"]
            else:
                context = ansible_compat.TaskContext.current()
                task, task_vars = context.task, context.task_vars
            tasks.append(task)
            task_vars["ansible_delegated_vars"] = {task.delegate_to: {}}  # as Ansible's does

        def run(self) -> Any:
            result = {"agent": {"answer": {}}}
            if ansible_compat.UnifiedTaskResult is None:
                return result
            return ansible_compat.UnifiedTaskResult.from_action_result_dict(result)

    monkeypatch.setattr(ansible_compat, "TaskExecutor", Executor)
    return tasks


@pytest.mark.parametrize(
    "attributes",
    [{"loop": [1]}, {"loop": [1], "loop_with": "items"}, {"register": "moved"},
     {"until": ["moved is succeeded"], "retries": 2}, {"failed_when": ["moved.migration.status != 'completed'"]},
     {"changed_when": ["moved.ok"]}],
)  # fmt: skip
def test_what_the_user_wants_of_the_task_is_not_wanted_of_its_part_on_the_target(
    run: list[Task], attributes: dict[str, Any]
) -> None:
    assert hosts_of(attributes).on_target(Parameters(phases.RECOVER), Done) == Done()
    [task] = run
    assert (task.action, task.args, task.delegate_to) == (
        hosts.AGENT,
        Parameters(phases.RECOVER).as_module_arguments(),
        "edge-b",
    )
    assert not any((task.loop, task.loop_with, task.register, task.until, task.failed_when, task.changed_when))
    assert task.retries is None


def test_whom_the_task_was_delegated_to_is_not_forgotten(run: list[Task]) -> None:
    asked = hosts_of({"delegate_to": "edge-a"}, host="localhost")
    asked.on_target(Parameters(phases.RECOVER), Done)
    assert "ansible_delegated_vars" not in asked._vars


def test_which_host_could_not_be_reached_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any) -> None:
        raise AnsibleConnectionFailure("timed out")

    asked = hosts_of({})
    monkeypatch.setattr(ansible_compat, "run_module_on", lambda *_given: {"unreachable": True, "msg": "timed out"})
    with pytest.raises(AnsibleActionFail):
        asked.on_target(Parameters(phases.RECOVER), Done)
    assert asked.unreachable == "edge-b"
    monkeypatch.setattr(ansible_compat, "run_action", refuse)
    with pytest.raises(AnsibleConnectionFailure):
        asked.on_source(Parameters(phases.RECOVER), Done)
    assert asked.unreachable == "edge-a"


def test_the_source_is_where_the_task_works() -> None:
    assert hosts_of({}).source == "edge-a"
    assert hosts_of({"delegate_to": "edge-a"}, host="localhost").source == "edge-a"


@pytest.mark.parametrize(
    ("result", "message", "traceback"),
    [
        ({"unreachable": True, "msg": "timed out"}, "Host 'edge-a' cannot be reached: timed out", None),
        ({"failed": True, "module_stderr": "no python"}, "Host 'edge-a': no python", None),
        ({"failed": True, "msg": "boom", "exception": "Traceback"}, "Host 'edge-a': boom", "Traceback"),
        ({"agent": {"failure": {"message": "No.", "details": {}, "traceback": "T"}}}, "No.", "T"),
        (
            {"agent": {"answer": {"outcome": 5}}},
            "does not fit this version of the collection: .*5 is not of type str",
            None,
        ),
        ({"agent": {"ok": True}}, "does not fit this version of the collection: 'answer'", None),
    ],
)
def test_anything_but_an_answer_fails_the_action(
    monkeypatch: pytest.MonkeyPatch, result: dict[str, Any], message: str, traceback: str | None
) -> None:
    monkeypatch.setattr(ansible_compat, "run_action", lambda *_given: result)
    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(ansible_compat._display, "vvv", lambda text, host: shown.append((text, host)))
    with pytest.raises(AnsibleActionFail, match=message) as failed:
        hosts_of({}).on_source(Parameters(phases.QUERY_OUTCOME), OutcomeAnswer)
    assert failed.value.result.get("exception") == traceback
    assert shown == ([(traceback, "edge-a")] if traceback else [])
