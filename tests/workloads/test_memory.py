# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No page of a migrated process is stale, lost or revived, whatever the process does with its memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.memory.dirty_tracking import SOFT_DIRTY

from tests.harness.containers import WORK, Container, arrived, run_resident, start_migrations
from tests.harness.site import Site
from tests.harness.wait import until

PORT = 7001
NUMBER = 40
MEMORY_MB = 64
EMULATED_LIMIT_MS = 10_000
EMULATED_TIMEOUT_S = 600
SHAPES = {
    "one process": ["--pages-per-s", "1000"],
    "8 threads": ["--threads", "8", "--pages-per-s", "4000"],
    "tree of 4 processes": ["--tree", "--pages-per-s", "2000"],
}


class Memory(Container):
    """A container with the program of memory.c."""

    def start(self, shape: str) -> None:
        self.site.remove(self.name)
        self.site.ran.run(f"ip neighbour flush to {self.site.address(NUMBER)}")
        command = ["/memory", "--port", str(PORT), "--memory-mb", str(MEMORY_MB), *SHAPES[shape]]
        run_resident(self, NUMBER, command, f"--volume={WORK}/memory:/memory:ro")
        until(lambda: "ready" in self.logs(), "the memory is filled")

    def check(self) -> dict[str, dict[str, int]]:
        """Have every process check its memory; returns its findings by process."""
        script = f"import socket; link = socket.create_connection(('{self.site.address(NUMBER)}', {PORT}), 30); "
        script += "link.sendall(b'check\\n'); print(link.makefile().readline())"
        found: dict[str, dict[str, int]] = json.loads(self.site.ran.run(f'python3 -c "{script}"'))
        return found


def assert_whole(found: dict[str, dict[str, int]]) -> None:
    for process, figures in found.items():
        assert figures["faulty"] == 0, (process, figures)
        assert figures["failures"] == 0, (process, figures)
        assert figures["generations"] == figures["writes"], (process, figures)


def assert_goes_on(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> None:
    assert before.keys() == after.keys()
    for process, figures in after.items():
        busy = "operations" if figures["operations"] else "writes"
        assert figures[busy] > before[process][busy], (process, before[process], figures)


def there_and_back(lab: Site, shape: str, **choices: Any) -> list[dict[str, Any]]:
    """Move it twice, with these options of container_migrate; returns the results of both migrations."""
    results = []
    memory = Memory(lab, "memory", lab.edges[0])
    memory.start(shape)
    try:
        before = memory.check()
        assert len(before) == (4 if "tree" in shape else 1)
        for _hop in range(2):
            results += arrived(start_migrations([memory], timeout_s=EMULATED_TIMEOUT_S, **choices), [memory])
            after = memory.check()
            assert_whole(after)
            assert_goes_on(before, after)
            before = memory.check()
            assert_goes_on(after, before)
        assert_whole(before)
    finally:
        memory.site.remove(memory.name)
    return results


@pytest.mark.parametrize("shape", SHAPES)
def test_every_page_arrives(lab: Site, shape: str, strategy: str) -> None:
    for result in there_and_back(lab, shape, strategy=strategy):
        assert result["strategy"] == strategy


@pytest.mark.parametrize("shape", SHAPES)
def test_every_page_arrives_however_it_is_tracked(lab: Site, shape: str, strategy: str, page_tracking: str) -> None:
    lacks = json.loads(lab.edges[0].run(f"{paths.PAGER} check"))
    if lacks[page_tracking]:
        pytest.skip(f"this kernel cannot track so: {lacks[page_tracking]}; `make debian-kernel` has one that can")
    # soft-dirty bits report whole huge pages, which takes long on an emulated processor
    choices = {"strategy": strategy, "page_tracking": page_tracking, "downtime_limit_ms": EMULATED_LIMIT_MS}
    for result in there_and_back(lab, shape, **choices):
        statistics = result["statistics"]
        assert statistics["page_tracking"] == page_tracking
        assert (statistics["tracking_stop_ms"] > 0) == (page_tracking == SOFT_DIRTY)
