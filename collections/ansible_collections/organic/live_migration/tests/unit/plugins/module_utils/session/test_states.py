# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.session import states


def test_every_state_has_a_constant_of_its_name() -> None:
    constants = {
        value for name, value in vars(states).items()
        if name.isupper() and isinstance(value, str) and value not in states.ROLES
    }  # fmt: skip
    assert constants == set(states.STATES)


def test_no_state_is_before_and_after_the_commit() -> None:
    assert not states.CANCELLABLE & states.AFTER_COMMIT
    assert not states.CANCELLABLE & states.FINAL


def test_every_state_stands_somewhere() -> None:
    assert all(state.shown or state.journal for state in states.STATES.values())


@pytest.mark.parametrize(
    ("role", "state"),
    [("source", states.RESTORED), ("source", states.COMPLETED), ("target", states.COMMITTED),
     ("target", states.POSTCOPY_ACTIVE), ("source", states.CANCELLED), ("source", "ready")],
)  # fmt: skip
def test_a_journal_holds_no_state_of_the_other_end(role: str, state: str) -> None:
    with pytest.raises(ValueError, match=f"'{state}' is not a state that the {role}"):
        states.check_journal(role, state)


@pytest.mark.parametrize("state", [states.RESTORED, states.COMMITTED, "ready"])
def test_users_see_no_state_of_the_journal_alone(state: str) -> None:
    with pytest.raises(ValueError, match=state):
        states.check_shown(state)
