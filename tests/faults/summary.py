# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcomes of the cases: artifacts/faults/summary.json, and a table of strategies and states against faults."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .fault_case import Finding
from .matrix import FAULTS, STATES

SIGNS = {"passed": "+", "failed": "F"}


class Summary:
    """The findings so far; a case that runs again replaces its earlier finding.

    Args:
        path: of the file, which holds a list with an entry for each case.
        fresh: drop the findings of earlier runs.
    """

    def __init__(self, path: Path, fresh: bool) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        if path.exists() and not fresh:
            self._entries = {entry["case"]: entry for entry in json.loads(path.read_text())}

    def add(self, finding: Finding) -> None:
        """Written at once: an interrupted run keeps its findings."""
        self._entries[finding.case] = finding.as_dict()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(list(self._entries.values()), indent=2) + "\n")
        os.replace(temporary, self._path)

    def lines(self) -> list[str]:
        """The table; empty without findings."""
        if not self._entries:
            return []
        width = max(len(fault) for fault in FAULTS)
        lines = []
        for strategy, states in STATES.items():
            if not any(entry["strategy"] == strategy for entry in self._entries.values()):
                continue
            lines += [strategy, " " * width + " " + " ".join(states)]
            for fault in FAULTS:
                cells = (self._sign(f"{strategy}-{state}-{fault}").center(len(state)) for state in states)
                lines.append(f"{fault:{width}} {' '.join(cells)}".rstrip())
        total = len(self._entries)
        passed = sum(entry["status"] == "passed" for entry in self._entries.values())
        lines += ["", f"{passed} of {total} cases passed (+ passed, F failed, blank: the fault does not apply there)"]
        lines += [
            f"F {entry['case']}: {entry['message'][:300]}"
            for entry in self._entries.values()
            if entry["status"] != "passed"
        ]
        return [*lines, f"{self._path}"]

    def _sign(self, case: str) -> str:
        return SIGNS.get(self._entries.get(case, {}).get("status", ""), " ")
