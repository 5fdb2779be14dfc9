# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slow link is not taken for a hung host: the downtime exceeds the stall timeout while memory is transferred."""

from __future__ import annotations

import json

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.session.stall import STALL_TIMEOUT_S

from tests.harness.containers import Container, arrived, start_migrations
from tests.harness.site import Site

from .file_users import ask, use_files

PORT = 7004
NUMBER = 14
MEMORY_MB, RATE = 30, "16mbit"


@pytest.mark.parametrize("encryption", ["none", pytest.param("tls", marks=pytest.mark.exhaustive)])
def test_all_memory_crosses_a_slow_link(lab: Site, encryption: str) -> None:
    container = Container(lab, "slow", lab.edges[0])
    use_files(container, NUMBER, "/srv", str(PORT), str(MEMORY_MB))
    source = container.home
    [route] = json.loads(source.run(f"ip -json route get {container.away.address}"))
    try:
        before = ask(container, NUMBER, PORT)
        source.run(f"tc qdisc replace dev {route['dev']} root tbf rate {RATE} burst 64kb latency 200ms")
        try:
            [moved] = arrived(start_migrations([container], encryption=encryption), [container])
        finally:
            source.run(f"tc qdisc delete dev {route['dev']} root")
        assert moved["process_downtime_ms"] > 1000 * (STALL_TIMEOUT_S + 2)
        after = ask(container, NUMBER, PORT)
        assert after["faults"] == []
        assert (after["pid"], after["sum"]) == (before["pid"], before["sum"])
    finally:
        lab.remove(container.name)
