# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a migration, in one table.

The names are those of QEMU's migration (``MigrationStatus``, docs/devel/migration/main.rst), and ``restored`` and
``committed``, which the two-phase commit adds, and ``cloned`` of strategy ppm. A state stands in two places: in the
journal of each host, from which a recovery decides which copy of the process is the live one, and in the progress file
of the source host, which users see. Not every state is entered in both.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "source"
TARGET = "target"
ROLES = (SOURCE, TARGET)

SETUP = "setup"
ACTIVE = "active"
PRE_SWITCHOVER = "pre-switchover"
"""The migration waits for the command to continue, while the process runs on the source host."""
SWITCHOVER = "switchover"
CLONED = "cloned"
"""Strategy ppm: the process runs on the source host, and a clone of it, which nobody hears, on the target host."""
RESTORED = "restored"
"""The process is restored on the target host, stopped, and waits for the commit."""
COMMITTED = "committed"
"""The commit point has passed: the process never runs on the source host again."""
POSTCOPY_ACTIVE = "postcopy-active"
"""The process runs on the target host and needs pages of the frozen copy on the source host."""
POSTCOPY_PAUSED = "postcopy-paused"
"""The same, while the link between the hosts is broken."""
COMPLETED = "completed"
"""In the target's journal: the process was told to run there."""
CANCELLING = "cancelling"
CANCELLED = "cancelled"
FAILED = "failed"


@dataclass(frozen=True)
class State:
    """One state of a migration.

    Attributes:
        name: QEMU's.
        journal: the roles whose journal can hold it.
        shown: whether the progress file of the source host can hold it.
        cancellable: the commit point may still lie ahead, so that a command to cancel is accepted.
        committed: the commit point has passed.
        final: the migration has ended.
    """

    name: str
    journal: tuple[str, ...] = ()
    shown: bool = True
    cancellable: bool = False
    committed: bool = False
    final: bool = False


STATES = {
    state.name: state
    for state in (
        State(SETUP, journal=ROLES, cancellable=True),
        State(ACTIVE, journal=ROLES, cancellable=True),
        State(PRE_SWITCHOVER, cancellable=True),
        State(SWITCHOVER, journal=(SOURCE,), cancellable=True),
        State(CLONED, journal=ROLES, cancellable=True),
        State(RESTORED, journal=(TARGET,), shown=False),
        State(COMMITTED, journal=(SOURCE,), shown=False, committed=True),
        State(POSTCOPY_ACTIVE, journal=(SOURCE,), committed=True),
        State(POSTCOPY_PAUSED, committed=True),
        State(COMPLETED, journal=(TARGET,), committed=True, final=True),
        State(CANCELLING, cancellable=True),
        State(CANCELLED, final=True),
        State(FAILED, final=True),
    )
}

SHOWN = tuple(state.name for state in STATES.values() if state.shown)
"""The states of the progress file."""
CANCELLABLE = frozenset(state.name for state in STATES.values() if state.cancellable)
AFTER_COMMIT = frozenset(state.name for state in STATES.values() if state.committed)
FINAL = frozenset(state.name for state in STATES.values() if state.final)


def check_role(role: str) -> None:
    """Raises ValueError for anything but a role."""
    if role not in ROLES:
        raise ValueError(f"'{role}' is not a role in a migration")


def check_journal(role: str, state: str) -> None:
    """Raises ValueError when the journal of this role cannot hold this state."""
    if state not in STATES or role not in STATES[state].journal:
        raise ValueError(f"'{state}' is not a state that the {role} of a migration records")


def check_shown(state: str) -> None:
    """Raises ValueError when the progress file cannot hold this state."""
    if state not in SHOWN:
        raise ValueError(f"'{state}' is not a state of a migration")
