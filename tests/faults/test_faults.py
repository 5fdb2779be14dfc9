# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault during a migration: one copy lives, its client loses nothing, nothing is left, the next migration works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.harness.build import SERVER
from tests.harness.client import assert_nothing_lost, await_answers
from tests.harness.injection import FaultInjector
from tests.harness.migration import MigrationUnderTest
from tests.harness.playbook import PlaybookResult
from tests.harness.site import Site

SMALL_MB, BIG_MB = 20, 300


@dataclass(frozen=True)
class Fault:
    """A case.

    Attributes:
        injection_point, act: of the fault injector; ``{peer}`` is the address of the other host.
        side: where: source or target.
        message: pattern of the message to the user. None: the outcome depends on which side is faster.
        big: with so much memory that the transfer takes a while.
        by_itself: the hosts reach a final state without another migration.
    """

    injection_point: str
    act: str
    side: str
    message: str | None
    big: bool = False
    by_itself: bool = True


LOST = r"other host closed|broke|memory could not be moved|CRIU failed to dump: .*Error"

FAULTS = {
    "target's agent killed while it arms": Fault("target:active", "kill_worker", "target", "other host closed|broke"),
    "target's agent killed during the transfer": Fault(
        "target:pages", "kill_worker", "target", LOST, big=True
    ),
    "target's agent killed when the process is restored": Fault("target:restored", "kill_worker", "target", None),
    "target's agent killed just after the commit": Fault("target:completed", "kill_worker", "target", None),
    "target's agent and its watchdog killed": Fault(
        "target:pages", "kill_worker_and_watchdog", "target", LOST, big=True, by_itself=False
    ),
    "page server killed": Fault(
        "target:page-server", "kill_page_server", "target", r"CRIU failed to dump: .*Error \(criu/", big=True
    ),
    "target's pager killed": Fault(
        "target:pages", "kill_pager", "target", "the target's pager was ended by SIGKILL", big=True
    ),
    "memory file system full": Fault(
        "target:memory", "fill", "target", r"CRIU failed to receive pages .*Error \(criu/.*No space left"
    ),
    "program missing in the restore": Fault(
        "target:active", f"remove_program {SERVER}", "target", r"CRIU failed to restore: .*Error \(criu/.*server"
    ),
    "PID taken in the restore": Fault(
        "target:active", "occupy_pid", "target", r"CRIU failed to restore: .*Error \(criu/.*File exists"
    ),
    "target's container killed while it waits": Fault(
        "target:active", "end_container", "target", "container .*ended|CRIU failed to (start|restore)"
    ),
    "target's container killed during the transfer": Fault(
        "target:pages", "end_container", "target", "container .*ended|CRIU failed to (start|restore)", big=True
    ),
    "source's agent killed while the process is frozen": Fault(
        "source:dumping", "kill_worker", "source", "migration worker was killed", big=True
    ),
    "source's agent killed just after the commit": Fault("source:committed", "kill_worker", "source", None),
    "source's agent and its watchdog killed while the process is frozen": Fault(
        "source:dumping", "kill_worker_and_watchdog", "source", "", big=True, by_itself=False
    ),
    "link cut before the freeze": Fault("target:active", "cut {peer}", "target", "other host|connection"),
    "link cut during the transfer": Fault(
        "target:pages", "cut {peer}", "target", f"other host|connection|{LOST}", big=True
    ),
    "link cut just after the commit": Fault("source:committed", "cut {peer}", "source", None),
    "link cut for a moment": Fault("target:pages", "cut_briefly {peer}", "target", None, big=True),
}  # fmt: skip


@pytest.fixture(scope="module")
def small(site: Site) -> Iterator[MigrationUnderTest]:
    made = MigrationUnderTest(site, "fault", SMALL_MB)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def big(site: Site, small: MigrationUnderTest) -> Iterator[MigrationUnderTest]:
    made = MigrationUnderTest(site, "fault-big", BIG_MB, number=1)
    yield made
    made.remove()


def injector_of(fault: Fault, migration: MigrationUnderTest) -> FaultInjector:
    host, peer = (migration.home, migration.away) if fault.side == "source" else (migration.away, migration.home)
    return FaultInjector(host, fault.injection_point, *fault.act.replace("{peer}", peer.address).split())


def migrate_with(fault: Fault, migration: MigrationUnderTest) -> PlaybookResult:
    """Run a migration with the fault; a state of a millisecond may be missed a few times."""
    for _attempt in range(3):
        injector = injector_of(fault, migration)
        run = migration.start_migration()
        try:
            acted = injector.acted(run)
            result = run.result()
        finally:
            for host in migration.site.edges:
                migration.site.heal(host)
        if acted:
            return result
        assert result.status == 0, result.items
        migration.home = migration.away
        migration.converge()
    raise AssertionError(f"{fault.injection_point} was missed")


def assert_reported_host(migration: MigrationUnderTest, result: PlaybookResult) -> None:
    """The process runs where the result says."""
    before = migration.home
    migration.find()
    assert (migration.home is not before) == (result.status == 0 or "the process runs there" in result.message), (
        result.items
    )


QUICK = (
    "target's agent killed during the transfer",
    "target's agent and its watchdog killed",
    "program missing in the restore",
    "source's agent killed while the process is frozen",
    "source's agent killed just after the commit",
    "link cut during the transfer",
)
"""One of each kind: before, during and after the commit, of each side, and of the link."""


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=() if what in QUICK else pytest.mark.exhaustive) for what in FAULTS]
)
def test_fault(site: Site, request: pytest.FixtureRequest, what: str) -> None:
    fault = FAULTS[what]
    migration: MigrationUnderTest = request.getfixturevalue("big" if fault.big else "small")
    migration.converge_anywhere()
    client = migration.client()
    try:
        result = migrate_with(fault, migration)
        if fault.message is not None:
            assert result.status != 0
            assert re.search(fault.message, result.message), result.message
        if fault.by_itself:
            assert_reported_host(migration, result)
            migration.converge()
            await_answers(client)
        migration.migrate()
        migration.converge()
        await_answers(client)
        assert_nothing_lost(client.end())
    finally:
        client.close()


def test_criu_refuses_what_the_preflight_does_not_know(site: Site) -> None:
    source, target = site.edges
    name = "fault-unsupported"
    site.remove(name)
    site.run_unsupported(source, name, 2, "uffd")
    network = f"nsenter --target $(docker inspect --format '{{{{.State.Pid}}}}' {name}) --net ip"
    for words in (f"default via {site.ran.address} mtu 1380 advmss 1300", "10.9.0.1 via 10.200.0.1 dev eth0 onlink",
                  "blackhole 10.8.0.0/16 table 100"):  # fmt: skip
        source.run(f"{network} route replace {words}")
    routes = source.run(f"{network} route show table all")
    assert "onlink" in routes
    before = site.snapshot()
    try:
        result = site.start_playbook("migrate", source, [{"name": name, "target_host": target.name}]).result()
        assert result.status != 0
        assert re.search(r"CRIU failed to dump: .*Error \(criu/.*userfaultfd", result.message), result.message
        assert any("userfaultfd" in line for line in result.only["details"]["criu_log"])
        assert site.snapshot() == before
        assert source.run(f"{network} route show table all") == routes
    finally:
        site.remove(name)


def test_no_route_between_the_hosts(small: MigrationUnderTest) -> None:
    """Ansible reaches both, but the source does not reach the target: the target does not wait for long."""
    nowhere = small.site.address(100)
    result = small.start_migration(target_address=nowhere).result()
    assert result.status != 0
    assert re.search(rf"cannot be reached on TCP port \d+ \({nowhere}: .*set migration_address", result.message)
    assert f"runs on {small.home.name} as before" in result.message
    assert not small.deviations()
    small.migrate()
    small.converge()


@pytest.mark.parametrize(
    ("injection_point", "side"),
    [
        pytest.param("target:setup", "target", id="before the source starts", marks=pytest.mark.exhaustive),
        pytest.param("source:active", "source", id="while arming", marks=pytest.mark.exhaustive),
        pytest.param("source:dumping", "source", id="while frozen"),
        pytest.param("target:restored", "target", id="when restored", marks=pytest.mark.exhaustive),
        pytest.param("source:committed", "source", id="just after the commit", marks=pytest.mark.exhaustive),
    ],
)
def test_ansible_playbook_killed(big: MigrationUnderTest, injection_point: str, side: str) -> None:
    big.converge_anywhere()
    client = big.client()
    try:
        injector = FaultInjector(big.home if side == "source" else big.away, injection_point)
        run = big.start_migration(ssh_master=False, timeout_s=10)
        assert injector.acted(run)
        run.kill()
        big.converge_anywhere()
        await_answers(client)
        big.migrate()
        big.converge()
        await_answers(client)
        assert_nothing_lost(client.end())
    finally:
        client.close()
