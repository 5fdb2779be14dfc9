# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task accepts the failure of an action only if the action returns it: both shown with ansible-playbook itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.organic.live_migration.plugins.plugin_utils.failures import as_results

ACTION = """\
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.plugin_utils.failures import as_results

class ActionModule(ActionBase):
    @as_results
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        raise AnsibleActionFail("the container has exited", result={"left": 3})
"""
PLAY = [
    {
        "name": "Fail",
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {"name": "Fail", "fails": {}, "failed_when": False, "register": "found"},
            {
                "name": "Read the result",
                "ansible.builtin.assert": {"that": ["found.msg == 'the container has exited'", "found.left == 3"]},
            },
        ],
    }
]


def test_failed_when_false_accepts_what_is_returned(tmp_path: Path) -> None:
    plugins = tmp_path / "action_plugins"
    plugins.mkdir()
    (plugins / "fails.py").write_text(ACTION)
    play = tmp_path / "play.yml"
    play.write_text(json.dumps(PLAY))
    done = subprocess.run(
        ["ansible-playbook", "--inventory", "localhost,", "--connection", "local", str(play)],
        env={**os.environ, "ANSIBLE_ACTION_PLUGINS": str(plugins)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_host_that_cannot_be_reached_is_raised() -> None:
    def run(_action: Any, _tmp: Any = None, _task_vars: Any = None) -> dict[str, Any]:
        raise AnsibleConnectionFailure("no route")

    with pytest.raises(AnsibleConnectionFailure):
        as_results(run)(None, None, {})


def test_what_succeeds_is_returned_as_it_is() -> None:
    def run(_action: Any, _tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        if task_vars is None:
            raise AnsibleActionFail("no variables")
        return {"changed": True, **task_vars}

    assert as_results(run)(None, None, {"seen": 1}) == {"changed": True, "seen": 1}
    assert as_results(run)(None)["msg"] == "no variables"
