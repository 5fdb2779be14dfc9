# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as pip installs it from the repository, with all that it needs, into a fresh environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.playbook import PROJECT

from .conftest import CoreSite


def run(directory: Path, *words: str) -> str:
    """A command of a user who has nothing but the environment."""
    environment = {
        "PATH": f"{directory / 'venv/bin'}:{os.defpath}",
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "ORGANIC5GC_PROJECT": str(PROJECT),
        # Of the machine: where packages come from, if not from PyPI itself.
        **{key: value for key, value in os.environ.items() if key.startswith("PIP_")},
    }
    done = subprocess.run(
        words, cwd=directory / "checkout", env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.exhaustive
def test_a_fresh_environment_has_all_that_is_needed(core: CoreSite, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(PROJECT / name, checkout)
    shutil.copytree(PROJECT / "python_plugins", checkout / "python_plugins")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    # What pip would choose today is not for a test to depend on.
    pins = str(PROJECT / "requirements.txt")
    run(tmp_path, "pip", "install", ".[report]", "--quiet", "--constraint", pins)
    assert "migrate" in run(tmp_path, "organic5gc", "--help")
    inventory = str(PROJECT / core.inventory)
    found = json.loads(run(tmp_path, "organic5gc", "--inventory", inventory, "status", "--json"))
    assert {nf["name"]: nf["host"] for nf in found["nfs"]} == {nf: entry["host"] for nf, entry in core.states().items()}
    deployed = json.loads(run(tmp_path, "organic5gc", "-i", inventory, "deploy", *core.states(), "--json"))
    assert not deployed["changed"]
