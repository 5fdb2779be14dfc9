# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``organic5gc demo``: what it is asked for, and its result for people and for programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from organic5gc.demo import NFS, Demo, table
from organic5gc.display import StepDisplay
from organic5gc.errors import InvalidRequest
from organic5gc.migration import Migration

NEXT = (
    "Next: fix the cause that the message names and run `make demo` again; it continues from here.\n"
    "For a fresh start run `make lab-down` first."
)
"""What a person reads below an error."""


@dataclass(frozen=True)
class Shown:
    """What the demo has shown.

    Attributes:
        violations: what was lost, in words.
        file: the result as JSON.
        page: the same as a report in HTML.
    """

    migration: Migration
    violations: list[str]
    file: str
    page: str

    def text(self) -> str:
        """For a person; the last line is the path of the result."""
        lost = [f"Check failed: {violation}" for violation in self.violations]
        return "\n".join([f"\n{table(self.migration)}\n", *lost, self.page, self.file])


def run(project: Path, lab_name: str, lab_network_prefix: str, nf: str, strategy: str, stream: TextIO) -> Shown:
    """Run it, and show its steps on a stream.

    Raises InvalidRequest for an NF that it cannot move and for a user who cannot make the lab, and the errors of runs.
    """
    if nf not in NFS:
        raise InvalidRequest(f"--nf: invalid choice: '{nf}' (choose from {', '.join(NFS)})")
    if os.geteuid() != 0:
        raise InvalidRequest("The lab is made of network namespaces and needs root: sudo make demo")
    migration, file = Demo(project, StepDisplay(stream), lab_name, lab_network_prefix, nf, strategy).run()
    paths = [os.path.relpath(path) for path in (file, file.with_suffix(".html"))]
    return Shown(migration, migration.violations(), *paths)
