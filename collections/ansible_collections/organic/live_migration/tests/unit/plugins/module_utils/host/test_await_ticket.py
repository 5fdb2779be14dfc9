# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.host.await_ticket import AwaitTicket

MIGRATION = "00112233445566ff"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "AWAIT", str(tmp_path))
    return tmp_path


def test_those_of_migrations_are_listed(directory: Path) -> None:
    AwaitTicket("core.smf").hold(MIGRATION)
    AwaitTicket("core.amf").permit_without_limit("f" * 16)
    AwaitTicket("upf").permit(60)
    AwaitTicket("core.nrf").hold()
    (directory / "core.udm~").write_text(f"hold {MIGRATION}\n")
    assert AwaitTicket.of_migrations() == {"core.amf": "f" * 16, "core.smf": MIGRATION}
    assert (directory / "core.smf").read_text() == f"hold {MIGRATION}\n"


def test_there_are_none_where_the_runtime_is_not_installed(directory: Path) -> None:
    directory.rmdir()
    assert AwaitTicket.of_migrations() == {}


def test_one_that_another_migration_has_written_is_not_revoked() -> None:
    ticket = AwaitTicket("core.smf")
    ticket.hold("f" * 16)
    ticket.revoke_of(MIGRATION)
    assert ticket.is_hold
    ticket.revoke_of("f" * 16)
    assert not ticket.is_hold
    ticket.revoke_of("f" * 16)
