# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source's host does about the copy that it keeps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.migration import source_cleanup
from ansible_collections.organic.live_migration.plugins.module_utils.network.interfaces import Interface


@pytest.fixture
def did(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    links = SimpleNamespace(down=lambda: calls.append("down"))
    monkeypatch.setattr(source_cleanup, "_links", lambda _record: links)
    monkeypatch.setattr(source_cleanup, "drop_sent", lambda *given: calls.append(given))
    return calls


def record(kept_interfaces: list[str], is_alive: bool = True) -> Any:
    return SimpleNamespace(
        init=SimpleNamespace(pid=7, alive=is_alive),
        is_mute=False,
        migration_id="0123456789abcdef",
        interfaces=[Interface("net1", "02:00:00:00:00:01", ["192.0.2.1/24", "192.0.2.3/24"])],
        kept_interfaces=kept_interfaces,
    )


def test_the_frozen_copy_sends_nothing_over_a_link_that_stays_either(did: list[Any]) -> None:
    one = record(["eth0"])
    source_cleanup.link_down(one)
    assert did == [(7, ["192.0.2.1", "192.0.2.3"], "0123456789abcdef"), "down"]
    source_cleanup.link_down(one)
    assert did[2:] == ["down"]


def test_a_container_that_has_ended_is_left_alone_as_another_process_may_have_its_pid(did: list[Any]) -> None:
    source_cleanup.link_down(record(["eth0"], is_alive=False))
    assert did == []


def test_without_such_a_link_its_own_ones_go_down(did: list[Any]) -> None:
    source_cleanup.link_down(record([]))
    assert did == ["down"]


def test_its_links_go_down_though_the_rules_cannot_be_set(did: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object) -> None:
        raise MigrationError("iptables-restore failed")

    monkeypatch.setattr(source_cleanup, "drop_sent", fail)
    source_cleanup.link_down(record(["eth0"]))
    assert did == ["down"]
