# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a play between two of its tasks, when no host runs anything of it.

The file that ORGANIC5GC_STOP names says that somebody wants that. Ansible knows no such request: a signal ends its
workers, and leaves their modules on the hosts. Loaded by each run of the package organic5gc.
"""

from __future__ import annotations

import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: organic5gc_stop
type: notification
short_description: Stop a play between two tasks
description:
  - Ends the play before its next task when the file that C(ORGANIC5GC_STOP) names is there.
"""


def stop_if_asked(_callback: object, *_of_the_task: object, **_more_of_it: object) -> None:
    """Called before each task; the tasks before have ended on all hosts."""
    if os.path.exists(os.environ.get("ORGANIC5GC_STOP", "")):
        raise KeyboardInterrupt  # Ansible ends in order, and reports that it was interrupted


CallbackModule = type(  # its base has no types
    "CallbackModule",
    (CallbackBase,),
    {
        "CALLBACK_VERSION": 2.0,
        "CALLBACK_TYPE": "notification",
        "CALLBACK_NAME": "organic5gc_stop",
        "v2_playbook_on_task_start": stop_if_asked,
        "v2_playbook_on_handler_task_start": stop_if_asked,
    },
)
