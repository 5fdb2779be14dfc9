# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed ansible-core has every private name that is used."""

from __future__ import annotations

import inspect

import ansible.release
import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import action_loader
from ansible.template import Templar
from ansible.utils.display import Display
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.organic.live_migration.plugins.plugin_utils import ansible_compat

VERSION = tuple(int(part) for part in ansible.release.__version__.split(".")[:2])


def test_a_task_is_run_by_an_executor_with_these_arguments() -> None:
    names = set(ansible_compat._EXECUTOR_ARGUMENTS)
    assert {"host", "play_context", "loader", "shared_loader_obj", "final_q", "variable_manager"} <= names
    assert names - {"host", "play_context", "loader", "shared_loader_obj", "final_q", "variable_manager"} <= {
        "task", "job_vars", "new_stdin"
    }  # fmt: skip
    if "task" not in names:
        assert list(inspect.signature(ansible_compat.TaskContext.create).parameters) == [
            "task", "task_vars", "host_name"
        ]  # fmt: skip
        assert callable(ansible_compat.UnifiedTaskResult.as_result_dict)


def test_an_action_has_what_the_executor_is_given() -> None:
    action = ActionBase.__dict__["__init__"]
    given = {"task", "connection", "play_context", "loader", "templar", "shared_loader_obj"}
    assert given <= set(inspect.signature(action).parameters)
    source = inspect.getsource(action)
    assert all(f"self._{name} = " in source for name in given)
    assert callable(Templar.template)
    assert {"module_name", "module_args", "task_vars"} <= set(inspect.signature(ActionBase._execute_module).parameters)


def test_an_action_runs_commands_as_ansible_runs_its_modules() -> None:
    assert list(inspect.signature(ActionBase._is_pipelining_enabled).parameters)[1] == "module_style"
    assert {"cmd", "in_data"} <= set(inspect.signature(ActionBase._low_level_execute_command).parameters)


def test_another_action_can_be_loaded() -> None:
    assert callable(action_loader.get)
    assert "task_vars" in inspect.signature(ActionBase.run).parameters


def test_a_task_has_what_is_changed_in_a_copy() -> None:
    task = Task().copy()
    for name in ("action", "args", "delegate_to", "loop", "loop_with", "register", "retries", "until", "failed_when",
                 "changed_when", "no_log"):  # fmt: skip
        assert hasattr(task, name)
    assert isinstance(task.dump_attrs(), dict)


def test_the_variables_of_all_hosts_know_inventory_and_manager() -> None:
    loader = DataLoader()
    inventory = InventoryManager(loader, sources=["localhost,"])
    variables = HostVars(inventory, VariableManager(loader, inventory), loader)
    assert variables._inventory is inventory
    assert variables._variable_manager is not None


def test_a_worker_has_a_queue_for_callbacks() -> None:
    assert hasattr(Display(), "_final_q")


def test_a_result_can_be_sent_before_its_task_ends() -> None:
    if VERSION >= (2, 21):
        assert callable(ansible_compat.UnifiedTaskResult.from_action_result_dict)
    elif VERSION >= (2, 19):
        names = set(inspect.signature(ansible_compat._RawTaskResult).parameters)
        assert {"host", "task", "return_data", "task_fields"} <= names
    else:
        assert {"return_data", "task_fields"} <= set(inspect.signature(ansible_compat.TaskResult).parameters)


def test_the_failure_of_an_action_has_the_traceback_of_the_host_or_none() -> None:
    try:
        raise ValueError("what the controller does at this moment")
    except ValueError:
        assert "exception" not in ansible_compat.action_failed("No.", "").result
        assert ansible_compat.action_failed("No.", "T").result["exception"] == "T"


@pytest.mark.parametrize("name", ["result", "_result"])
def test_what_a_callback_is_given_is_read_by_its_public_name_if_it_has_one(name: str) -> None:
    given = type("Given", (), {name: property(lambda _: {"changed": True})})()
    assert ansible_compat.reported(given, "result") == {"changed": True}
    assert ansible_compat.reported(given, "task") is None
