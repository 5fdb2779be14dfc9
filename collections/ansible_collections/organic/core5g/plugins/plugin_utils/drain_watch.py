# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the drain of an NF makes progress, and what is shown of it."""

from __future__ import annotations

from ansible_collections.organic.core5g.plugins.module_utils.nf_drain import Progress

SUCCESSOR_GONE = 3
"""So many looks after each other at which the successor could not take sessions: it will not come back soon."""


class DrainWatch:
    """Follows one drain.

    Args:
        name: of the instance.
        timeout_s: how long its sessions may stay without one of them leaving.
        now: by the monotonic clock, as all times here.
        sessions: that it had.
    """

    def __init__(self, name: str, timeout_s: float, now: float, sessions: int) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._sessions = sessions
        self._least = sessions
        self._since = now
        self._looks_without_successor = 0
        self._shown = -1

    def fault(self, progress: Progress, now: float) -> str:
        """Why there is no use in waiting longer; empty if there is."""
        if not progress.draining:
            return f"{self._name} was asked by somebody else to serve again"
        self._looks_without_successor = self._looks_without_successor + 1 if progress.successor_error else 0
        if self._looks_without_successor >= SUCCESSOR_GONE:
            return f"The sessions of {self._name} have no instance to go to: {progress.successor_error}"
        if progress.sessions < self._least:
            self._least, self._since = progress.sessions, now
        if not progress.drained and now - self._since > self._timeout_s:
            return (
                f"{progress.sessions} sessions of {self._name} have not left it for {self._timeout_s:g} s. Those whose "
                "gNB has no N2 (RAN driver: playbooks/ran_stop.yml) cannot leave; of others the SMF's log says why"
                if progress.sessions
                else f"No session is left at {self._name}, but its associations were not released for "
                f"{self._timeout_s:g} s: the SMF's log says why"
            )
        return ""

    def lines(self, progress: Progress) -> list[str]:
        """What is shown of it: nothing if it is the same as before."""
        if progress.sessions == self._shown:
            return []
        self._shown = progress.sessions
        gone = max(0, self._sessions - progress.sessions)
        return [f"{self._name}: {gone} of {self._sessions} sessions have left it"]
