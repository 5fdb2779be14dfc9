# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/limits.md from the list of cases: ``python -m tests.what_moves.table``."""

from __future__ import annotations

from pathlib import Path

from .case import Case, Kind, Outcome
from .cases import CASES

LIMITS = Path(__file__).resolve().parents[2] / "docs/limits.md"
_HEAD = """\
# What moves, and what is refused

Each row is a test of [tests/what_moves](../tests/README.md), from which `python -m tests.what_moves.table` makes this
page. *Carried* is on the target host before the process runs there, as it was on the source host. *Refused* is named
by the preflight (`--check` shows it), with its blocker's code and a remedy, before anything is touched.
"""


def _row(case: Case) -> str:
    what = "carried" if case.outcome is Outcome.CARRIED else f"refused (`{case.blocker}`)"
    return f"| {case.holds} | {what} | {case.since} | {case.remark} |"


def page() -> str:
    """The text of docs/limits.md."""
    parts = [_HEAD]
    for kind in Kind:
        rows = [_row(case) for case in CASES if case.kind is kind]
        if rows:
            lines = [f"## {kind.value}", "", "| what | outcome | since | remark |", "|---|---|---|---|", *rows, ""]
            parts.append("\n".join(lines))
    return "\n".join(parts)


if __name__ == "__main__":
    LIMITS.write_text(page())
