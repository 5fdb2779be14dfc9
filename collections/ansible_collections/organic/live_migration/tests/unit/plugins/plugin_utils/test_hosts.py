# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host is asked, and by what task; what runs it is played."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.playbook.task import Task
from ansible_collections.organic.live_migration.plugins.plugin_utils import hosts
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
        def __init__(self, _host: Any, task: Task, task_vars: dict[str, Any], *_others: Any) -> None:
            tasks.append(task)
            task_vars["ansible_delegated_vars"] = {task.delegate_to: {}}  # as Ansible's does

        def run(self) -> dict[str, Any]:
            return {"agent": {"ok": True}}

    monkeypatch.setattr(hosts, "TaskExecutor", Executor)
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
    assert hosts_of(attributes).on_target(phase="prepare") == {"ok": True}
    [task] = run
    assert (task.action, task.args, task.delegate_to) == (
        hosts.AGENT,
        {"engine": "docker", "phase": "prepare"},
        "edge-b",
    )
    assert not any((task.loop, task.loop_with, task.register, task.until, task.failed_when, task.changed_when))
    assert task.retries is None


def test_whom_the_task_was_delegated_to_is_not_forgotten(run: list[Task]) -> None:
    asked = hosts_of({"delegate_to": "edge-a"}, host="localhost")
    asked.on_target(phase="prepare")
    assert "ansible_delegated_vars" not in asked._vars


def test_the_source_is_where_the_task_works() -> None:
    assert hosts_of({}).source == "edge-a"
    assert hosts_of({"delegate_to": "edge-a"}, host="localhost").source == "edge-a"
