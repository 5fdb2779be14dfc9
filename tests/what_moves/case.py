# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that a program or its container can hold, and what a migration does with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

FIRST = "0.1.0"
NEXT = "0.2.0"
"""The release that was the first, and the one that is being made (galaxy.yml of organic.live_migration)."""


class Outcome(enum.Enum):
    """What becomes of it."""

    CARRIED = "carried"
    """It is on the target host as it was on the source host, before the process runs there."""
    REFUSED = "refused"
    """The preflight names it, and nothing is touched."""


class Kind(enum.Enum):
    """Where it lives; the headings of docs/limits.md, in this order."""

    NETWORK = "Links, addresses and routes"
    PACKET_FILTER = "Packet filter and traffic control"
    SETTINGS = "Names and kernel settings"
    FILES = "Files and mounts"
    IPC = "System V IPC and POSIX message queues"
    SOCKET = "Sockets"
    PROCESS = "Processes"
    MEMORY = "Memory"


ASK = "docker exec $NAME /usr/bin/python3 /cases/ask.py"
"""Prints what the case's program answers, see programs/answering.py."""


@dataclass(frozen=True)
class Case:
    """One row of docs/limits.md, and one test.

    ``prepare``, ``setup`` and ``check`` are shell scripts for the host on which the container runs. In the last two
    $NAME is the name of the container, $INIT its first process as the host counts, $ADDRESS and $PEER the addresses of
    the container and of another machine on its network, and $net runs a program of the host in its network namespace.

    Attributes:
        name: of the test.
        holds: what it is, as users call it; the first column of the table.
        since: the release from which on this outcome holds.
        program: the program that the container runs, programs/NAME.py. It prints "ready" when it holds its state.
        options: of ``docker run``.
        prepare: what is done on the first host before the container is started.
        arguments: of the migration, besides the usual.
        setup: what is done to the container once its program is ready.
        check: prints the state, which must be the same before and after each migration.
        expected: is in what ``check`` prints, so that a check which sees nothing cannot pass.
        blocker: refused: the blocker's code.
        named: refused: what the blocker's message contains, so that a user finds the object.
        refused_by: strategies that do not take it, which the remark says.
        survives_failure: it is also looked at after a migration that failed in the restore, which must harm nothing.
        exhaustive: whether ``make test`` leaves it to ``make exhaustive``.
        remark: the last column of the table.
    """

    name: str
    kind: Kind
    holds: str
    outcome: Outcome
    since: str
    program: str = "idle"
    options: tuple[str, ...] = ()
    prepare: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    setup: str = ""
    check: str = ""
    expected: str = ""
    blocker: str = ""
    named: str = ""
    refused_by: tuple[str, ...] = ()
    survives_failure: bool = False
    exhaustive: bool = True
    remark: str = ""

    def __post_init__(self) -> None:
        if self.outcome is Outcome.CARRIED and not (self.check and self.expected):
            raise ValueError(f"The case {self.name} checks nothing")
        if self.outcome is Outcome.REFUSED and not (self.blocker and self.named):
            raise ValueError(f"The case {self.name} names no blocker")
