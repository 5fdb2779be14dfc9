# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of blockers says what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "troubleshooting.py"
spec = importlib.util.spec_from_file_location("troubleshooting", SCRIPT)
assert spec is not None
assert spec.loader is not None
troubleshooting = importlib.util.module_from_spec(spec)
spec.loader.exec_module(troubleshooting)


def test_the_page_is_up_to_date() -> None:
    assert troubleshooting.PAGE.read_text() == troubleshooting.page(), "run python tools/troubleshooting.py"


def test_constants_are_resolved_and_values_of_a_run_are_left_out() -> None:
    source = '_DO = "Do it"\nBlocker("a", f"No {x} here", _DO)\nBlocker("b", found.what, found.remedy)\n'
    source += 'Blocker(code, "", "")\n'
    assert list(troubleshooting.blockers(source)) == [("a", "No ... here", "Do it"), ("b", "...", "...")]


def test_known_codes_are_listed() -> None:
    page = troubleshooting.page()
    assert all(f"| `{code}` |" in page for code in ("runtime_missing", "same_host", "swarm_missing"))
