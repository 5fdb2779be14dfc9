# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that say how long a migration goes on, and when it gives up."""

    DOCUMENTATION = r"""
options:
  max_rounds:
    description: Maximum number of pre-copy rounds.
    type: int
    default: 30
  on_no_convergence:
    description:
      - What to do when the process writes faster than its memory can be sent, so that rounds do not get smaller.
      - V(throttle) takes CPU time from the container, 20 % and then 10 % more after each such round, up to 99 %.
      - V(post_copy) goes over to post-copy.
      - V(fail) gives up; the process runs on where it was.
    type: str
    choices: [throttle, post_copy, fail]
    default: throttle
  postcopy_timeout_s:
    description:
      - How long the process may wait in post-copy when the link to its memory broke, in seconds.
      - Then it is stopped on both hosts, and its state is lost. Whether the target host had all its memory before, and
        lets it run on, is asked there first; for as long as it cannot be asked, the frozen copy is kept on the source.
    type: int
    default: 60
  switchover_timeout_ms:
    description:
      - How long the process may be stopped before the commit point, in milliseconds. Then it goes on where it was,
        whatever the switchover was waiting for, and the message names the step that had not ended.
      - The time in which memory is sent is added to it. With O(strategy=inter_copy) that is 10 ms for each MB of
        memory (a link of 1 Gbit/s); with O(strategy=pre_copy) it is O(downtime_limit_ms).
    type: int
    default: 1000
    version_added: 0.2.0
"""
