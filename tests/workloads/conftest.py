# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.session.options import CHOICES
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

from tests.harness.containers import PREFIX, WORK
from tests.harness.site import Site

from .programs import HERE, ProgramsImage, memory_program
from .starts import Make, Program


def _tracking_methods() -> list[str]:
    return [choice for choice in CHOICES["page_tracking"] if choice != "auto"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a strategy runs once by each, or by each that tracks writes with each tracking method."""
    if "page_tracking" in metafunc.fixturenames:
        tracking = [name for name, strategy in STRATEGIES.items() if strategy.tracks_writes]
        pairs = list(itertools.product(tracking, _tracking_methods()))
        metafunc.parametrize(("strategy", "page_tracking"), pairs)
    elif "strategy" in metafunc.fixturenames:
        metafunc.parametrize("strategy", list(STRATEGIES))


def _clean(site: Site) -> None:
    for host in site.edges:
        host.run(
            f"docker ps --all --quiet --filter name=^{PREFIX} | xargs -r docker rm --force --volumes; rm -rf {WORK}"
        )
    site.ran.run(f"rm -rf {WORK}")


@pytest.fixture(scope="session")
def lab(site: Site) -> Iterator[Site]:
    """The hosts with this directory's programs; after each module no container of it is left."""
    _clean(site)
    program = memory_program().read_bytes()
    for host in site.edges:
        host.put(program, f"{WORK}/memory", 0o755)
    site.ran.put((HERE / "clients.py").read_bytes(), f"{WORK}/clients.py")
    yield site
    _clean(site)


@pytest.fixture(scope="session")
def image(site: Site) -> Iterator[str]:
    """Name of the image with programs of Debian's archive."""
    made = ProgramsImage(site)
    made.load()
    yield made.name
    made.remove()


@pytest.fixture
def make(lab: Site, image: str) -> Iterator[Make]:
    """Makes a program's container; it is gone when the test ends."""
    made: list[Program] = []

    def make_one(name: str, number: int) -> Program:
        made.append(Program(lab, image, name, number))
        return made[-1]

    yield make_one
    for program in made:
        program.site.remove(program.name)
