# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures of actions that a task may accept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.plugin_utils.ansible_compat import ActionResult, TaskVars

Action = TypeVar("Action", bound=ActionBase)
Run = Callable[[Action, Any, Any], ActionResult]


def as_results(run: Run[Action]) -> Run[Action]:
    """The ``run`` of an action, with a failure returned and not raised.

    ansible-core (2.19) takes an action that raises for failed whatever ``failed_when`` and ``until`` of its task say.
    A host that cannot be reached is raised as before: ``ignore_unreachable`` is for that.
    """

    @functools.wraps(run)
    def guarded(action: Action, tmp: str | None = None, task_vars: TaskVars | None = None) -> ActionResult:
        try:
            return run(action, tmp, task_vars)
        except AnsibleActionFail as error:
            return {"changed": False, **error.result, "failed": True, "msg": str(error)}

    return guarded
