# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever breaks during a migration: one copy lives, its client loses nothing, nothing is left, the next one works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from .site import SERVER, Client, Moving, Saboteur, Site, Told, kill_tree

SMALL_MB, BIG_MB = 20, 300


@dataclass(frozen=True)
class Fault:
    """A case.

    Attributes:
        moment, act: of the saboteur; ``{peer}`` is the other host's address.
        side: of the saboteur, and of the record whose moment it awaits: source or target.
        message: what the user must be told; a pattern. None: whether it fails depends on who is faster.
        big: with so much memory that the transfer takes a while.
        by_itself: the hosts settle without a next run.
    """

    moment: str
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
    "target's agent killed when the process stands restored": Fault("target:restored", "kill_worker", "target", None),
    "target's agent killed just after the commit": Fault("target:completed", "kill_worker", "target", None),
    "target's agent and its guardian killed": Fault(
        "target:pages", "kill_worker_and_guardian", "target", LOST, big=True, by_itself=False
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
        "source:dumping", "kill_worker", "source", "process that worked on the migration died", big=True
    ),
    "source's agent killed just after the commit": Fault("source:committed", "kill_worker", "source", None),
    "source's agent and its guardian killed while the process is frozen": Fault(
        "source:dumping", "kill_worker_and_guardian", "source", "", big=True, by_itself=False
    ),
    "link cut before the freeze": Fault("target:active", "cut {peer}", "target", "other host|connection"),
    "link cut during the transfer": Fault(
        "target:pages", "cut {peer}", "target", f"other host|connection|{LOST}", big=True
    ),
    "link cut just after the commit": Fault("source:committed", "cut {peer}", "source", None),
    "link cut for a moment": Fault("target:pages", "cut_briefly {peer}", "target", None, big=True),
}  # fmt: skip


@pytest.fixture(scope="module")
def small(site: Site) -> Iterator[Moving]:
    made = Moving(site, "fault", SMALL_MB)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def big(site: Site, small: Moving) -> Iterator[Moving]:
    made = Moving(site, "fault-big", BIG_MB, number=1)
    yield made
    made.remove()


def saboteur_of(fault: Fault, moving: Moving) -> Saboteur:
    host, peer = (moving.home, moving.away) if fault.side == "source" else (moving.away, moving.home)
    return Saboteur(host, fault.moment, *fault.act.replace("{peer}", peer.address).split())


def struck(fault: Fault, moving: Moving) -> Told:
    """A migration that the fault has struck; moments of a millisecond may be missed a few times."""
    for _attempt in range(3):
        saboteur = saboteur_of(fault, moving)
        migration = moving.start_migration()
        try:
            acted = saboteur.acted(migration)
            told = migration.told()
        finally:
            for host in moving.site.edges:
                moving.site.mend(host)
        if acted:
            return told
        assert told.status == 0, told.items
        moving.home = moving.away
        moving.settles()
    raise AssertionError(f"the moment {fault.moment} was missed")


def answers_again(client: Client) -> None:
    before = client.status()["answered"]
    client.await_status(lambda seen: seen["answered"] > before + 10 and seen["silent_ms"] < 50, 60, "it answers again")


def lost_nothing(client: Client) -> None:
    """The very same process has answered every request once, over the one connection, with its memory whole."""
    seen = client.end()
    expected = {
        "failed": 0,
        "doubled": 0,
        "disordered": 0,
        "faulty_pages": 0,
        "lost_writes": 0,
        "process_kept": True,
        "verified": True,
        "tcp_connections": {"opened": 1, "kept": 1, "broken": 0},
    }
    assert {key: seen[key] for key in expected} == expected, json.dumps(seen)


def is_where_it_is_said_to_be(moving: Moving, told: Told) -> None:
    before = moving.home
    moving.find()
    assert (moving.home is not before) == (told.status == 0 or "the process runs there" in told.message), told.items


@pytest.mark.parametrize("what", FAULTS)
def test_fault(site: Site, request: pytest.FixtureRequest, what: str) -> None:
    fault = FAULTS[what]
    moving: Moving = request.getfixturevalue("big" if fault.big else "small")
    moving.settle_anywhere()
    client = moving.client()
    try:
        told = struck(fault, moving)
        if fault.message is not None:
            assert told.status != 0
            assert re.search(fault.message, told.message), told.message
        if fault.by_itself:
            is_where_it_is_said_to_be(moving, told)
            moving.settles()
            answers_again(client)
        moving.migrate()
        moving.settles()
        answers_again(client)
        lost_nothing(client)
    finally:
        client.close()


def test_criu_refuses_what_the_preflight_does_not_know(site: Site) -> None:
    source, target = site.edges
    name = "fault-odd"
    site.remove(name)
    site.run_odd(source, name, 2, "uffd")
    before = site.traces()
    try:
        told = site.play("migrate", source, [{"name": name, "target_host": target.name}]).told()
        assert told.status != 0
        assert re.search(r"CRIU failed to dump: .*Error \(criu/.*userfaultfd", told.message), told.message
        assert any("userfaultfd" in line for line in told.only["details"]["criu_log"])
        assert site.traces() == before
    finally:
        site.remove(name)


def test_no_way_between_the_hosts(small: Moving) -> None:
    """Ansible reaches both, and the source does not reach the target: nothing waits there for long."""
    nowhere = small.site.address(100)
    told = small.start_migration(target_address=nowhere).told()
    assert told.status != 0
    assert re.search(rf"cannot be reached on TCP port \d+ \({nowhere}: .*set migration_address", told.message)
    assert f"runs on {small.home.name} as before" in told.message
    assert not small.unsettled()
    small.migrate()
    small.settles()


@pytest.mark.parametrize(
    ("moment", "side"),
    [
        pytest.param("target:setup", "target", id="before the source has begun"),
        pytest.param("source:active", "source", id="while arming"),
        pytest.param("source:dumping", "source", id="while frozen"),
        pytest.param("target:restored", "target", id="when restored"),
        pytest.param("source:committed", "source", id="just after the commit"),
    ],
)
def test_ansible_playbook_killed(big: Moving, moment: str, side: str) -> None:
    big.settle_anywhere()
    client = big.client()
    try:
        saboteur = Saboteur(big.home if side == "source" else big.away, moment)
        migration = big.start_migration(alone=True, timeout_s=10)
        assert saboteur.acted(migration)
        kill_tree(migration.process.pid)
        migration.process.communicate()
        big.settle_anywhere()
        answers_again(client)
        big.migrate()
        big.settles()
        answers_again(client)
        lost_nothing(client)
    finally:
        client.close()
