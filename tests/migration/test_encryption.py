# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether memory can be read on the link between the hosts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

from tests.harness.hosts import Host
from tests.harness.migration import MigrationUnderTest
from tests.harness.site import WORK, Site

from .places import HERE

MEMORY_MB = 20
SECRET = "--dirty-pages-per-s"
"""Each process has its arguments on its stack."""


@pytest.fixture(scope="module")
def migrating(site: Site) -> Iterator[MigrationUnderTest]:
    made = MigrationUnderTest(site, "wire-tapped", MEMORY_MB)
    for host in site.edges:
        host.put((HERE / "wire.py").read_bytes(), f"{WORK}/wire.py")
    yield made
    made.remove()


class Wire:
    """Captures all packets of a host until it is asked."""

    def __init__(self, host: Host, text: str) -> None:
        self._process = subprocess.Popen(
            host.command(f"exec python3 {WORK}/wire.py {text}"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"

    def ask(self) -> dict[str, Any]:
        return dict(json.loads(self._process.communicate(timeout=60)[0]))


CASES = [
    pytest.param(strategy, encryption, id=f"{strategy}-{encryption}", marks=marks)
    for strategy in STRATEGIES
    for encryption, marks in (
        ("none", () if strategy == next(iter(STRATEGIES)) else pytest.mark.exhaustive),
        ("tls", ()),
    )
]
"""Without encryption a strategy is enough to show that the capture finds the memory."""


@pytest.mark.parametrize(("strategy", "encryption"), CASES)
def test_memory_is_read_on_the_wire_unless_it_is_encrypted(
    migrating: MigrationUnderTest, strategy: str, encryption: str
) -> None:
    client = migrating.client()
    wire = Wire(migrating.away, SECRET)
    try:
        migration = migrating.migrate(strategy=strategy, encryption=encryption)
    finally:
        heard = wire.ask()
    migrating.converge()
    seen = client.end()
    client.close()
    assert heard["lost"] == 0
    assert (heard["found"] > 0) == (encryption == "none"), heard
    assert migration["bytes_sent"] > MEMORY_MB << 20
    assert (seen["failed"], seen["process_kept"], seen["verified"]) == (0, True, True), seen
