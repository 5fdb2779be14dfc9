# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.playbook import run_playbook
from tests.harness.site import Site

PREFIX = "case-"
WORK = "/run/organic-cases"
FILES = "/run/organic-case-files"
"""Where cases make files of a host."""
PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(scope="module")
def lab(site: Site) -> Iterator[Site]:
    """The hosts with the programs of the cases and an image with Python."""
    run_playbook("--inventory", str(site.inventory), "playbooks/build_minicore.yml")

    def clean() -> None:
        for host in site.edges:
            host.run(f"docker ps --all --quiet --filter name=^{PREFIX} | xargs -r docker rm --force --volumes")
            host.run(f"rm -rf {WORK} {FILES}")

    clean()
    for host in site.edges:
        for program in PROGRAMS.glob("*.py"):
            host.put(program.read_bytes(), f"{WORK}/{program.name}")
    try:
        yield site
    finally:
        clean()
