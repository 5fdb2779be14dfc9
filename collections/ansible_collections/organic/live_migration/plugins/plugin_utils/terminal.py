# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Showing a text on the terminal from an action, only where a person reads it and nobody asked for quiet."""

from __future__ import annotations

from ansible import constants, context
from ansible.playbook.task import Task
from ansible.utils.display import Display

display = Display()

_DEFAULT_CALLBACK = ("default", "ansible.builtin.default")


def show(task: Task, lines: list[str]) -> None:
    """Show lines while a task runs, if Ansible's own default callback shows its results.

    Other callbacks are left alone: they write JSON, for example, or show the lines from the result themselves, as
    organic.live_migration.migration_progress does.
    """
    if lines and is_wanted(task):
        display.display("\n".join(lines))


def is_wanted(task: Task) -> bool:
    if task.no_log or "start_at_task" not in context.CLIARGS:  # an option of ansible-playbook and of nothing else
        return False
    if constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK") not in _DEFAULT_CALLBACK:
        return False
    shown = constants.config.get_config_value("display_ok_hosts", plugin_type="callback", plugin_name="default")
    return bool(shown)
