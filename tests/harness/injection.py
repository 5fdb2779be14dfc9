# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault injection at a point of a migration."""

from __future__ import annotations

import shlex
import subprocess

from .hosts import Host
from .playbook import PlaybookRun
from .site import WORK
from .wait import until


class FaultInjector:
    """Waits on a host until a migration reaches an injection point, and acts there; see fault_injector.py."""

    def __init__(self, host: Host, injection_point: str, *act: str) -> None:
        self._process = subprocess.Popen(
            host.command(f"exec python3 {WORK}/fault_injector.py {shlex.join([injection_point, *act])}"),
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "waiting\n"

    def acted(self, migration: PlaybookRun) -> bool:
        """Wait until it has; False when the migration ended before."""
        until(
            lambda: self._process.poll() is not None or migration.process.poll() is not None,
            "the fault is injected, or the migration ends",
        )
        if self._process.poll() is None:
            self._process.terminate()
        output, errors = self._process.communicate(timeout=10)
        assert output or not errors, errors
        return bool(output)
