# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limits the CPU time of a container is lifted for the downtime, and holds again afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.build import SERVER
from tests.harness.hosts import Host
from tests.harness.injection import FaultInjector
from tests.harness.migration import PORT
from tests.harness.site import Site
from tests.harness.wait import until

NAME = "limited"
CPUS = "0.1"
THREADS = "200"
"""Their restore takes several times as much CPU time as the container has in a period."""
SHARES = "64"
FILES = "cpu$P/cpu.cfs_quota_us cpu$P/cpu.shares .$P/cpu.max .$P/cpu.weight"


@pytest.fixture
def limited(site: Site) -> Iterator[Site]:
    site.remove(NAME)
    command = [SERVER, "--port", str(PORT), "--memory-mb", "20", "--threads", THREADS]
    site.run_resident(site.edges[0], NAME, 8, command, "--cpus", CPUS, "--cpu-shares", SHARES)
    try:
        yield site
    finally:
        site.remove(NAME)


def limit(host: Host) -> str:
    """What the kernel says of the container's limit: the same text on hosts that are alike."""
    pid = f"$(docker inspect --format '{{{{.State.Pid}}}}' {NAME})"
    group = f"$(grep -E '^0:|[:,]cpu[:,]' /proc/{pid}/cgroup | cut -d: -f3 | head -n 1)"
    return host.run(f"P={group}; cd /sys/fs/cgroup; cat {FILES} 2>/dev/null || true")


@pytest.mark.parametrize("strategy", ["pre_copy", pytest.param("post_copy", marks=pytest.mark.exhaustive)])
def test_the_limit_is_the_same_on_the_target(limited: Site, strategy: str) -> None:
    source, target = limited.edges
    before = limit(source)
    assert before.split()[0] == "10000", before
    case = {"name": NAME, "target_host": target.name, "strategy": strategy}
    result = limited.start_playbook("migrate", source, [case]).result()
    assert result.status == 0, result.items
    assert limit(target) == before


@pytest.mark.exhaustive
@pytest.mark.parametrize(("point", "on_source"), [("source:dumping", True), ("target:completed", False)])
def test_it_holds_again_after_a_failure(limited: Site, point: str, on_source: bool) -> None:
    """Of the source before the commit, of the target after it."""
    home = limited.edges[0]
    before = limit(home)
    for _attempt in range(5):  # a state of milliseconds may be missed
        away = limited.other(home)
        injector = FaultInjector(home if on_source else away, point, "kill_worker")
        run = limited.start_playbook("migrate", home, [{"name": NAME, "target_host": away.name}])
        is_hit = injector.acted(run)
        result = run.result()
        if is_hit:
            break
        assert result.status == 0, result.items
        home = away
    assert is_hit
    live = home if on_source else away
    until(lambda: limit(live) == before, "the limit holds again")
