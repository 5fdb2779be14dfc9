# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment's build context. Its image needs a registry, which the tests do not have."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_context_holds_the_pins_and_the_collections(tmp_path: Path) -> None:
    command = ["ansible-builder", "create", "--context", str(tmp_path), "--output-filename", "Containerfile"]
    finished = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    pins = {line.strip() for line in (tmp_path / "_build/requirements.txt").read_text().splitlines() if "==" in line}
    assert pins == {line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert (tmp_path / "_build/organic/live_migration/galaxy.yml").is_file()
    assert "COPY _build/organic" in (tmp_path / "Containerfile").read_text()
