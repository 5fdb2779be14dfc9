# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a migration, by what the engine says; tests/faults has it refused on real hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.migration import preflight
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord

NETWORK = {"IPAddress": "192.0.2.34", "GlobalIPv6Address": "", "MacAddress": "02:42:c0:00:02:22"}


def container(**differences: Any) -> dict[str, Any]:
    """A description of one that may be moved, but for the differences."""
    return {
        "Id": "c0ffee",
        "Name": "/smf",
        "Path": "/bin/server",
        "Image": "sha256:0",
        "State": {"Status": "running", "Pid": 1},
        "Config": {"Tty": False, "Image": "nf"},
        "HostConfig": {"NetworkMode": "core"},
        "Mounts": [],
        "NetworkSettings": {"Networks": {"core": NETWORK}},
        **differences,
    }


class Engine:
    """Docker's, with one container and one network, or none."""

    experimental = True
    creates_with_many_networks = False

    def __init__(self, description: dict[str, Any] | None = None, driver: str = "macvlan") -> None:
        self._description = description
        self._driver = driver

    def identity(self) -> str:
        return "engine"

    def inspect(self, _name: str) -> dict[str, Any] | None:
        return self._description

    def image_id(self, _reference: str) -> str:
        return "sha256:0"

    def network(self, _name: str) -> dict[str, Any]:
        return {"Driver": self._driver, "Options": {}, "Id": "beef"}


def codes(blockers: list[Any]) -> list[str]:
    return [blocker.code for blocker in blockers]


@pytest.mark.parametrize(
    ("differences", "code"),
    [
        ({"Config": {"Tty": True}}, "terminal"),
        ({"HostConfig": {"NetworkMode": "host"}}, "host_network"),
        ({"Mounts": [{"RW": True, "Destination": "/data", "Type": "volume"}]}, "volume"),
        ({"NetworkSettings": {"Networks": {"core": {**NETWORK, "GlobalIPv6Address": "2001:db8::34"}}}}, "ipv6"),
        ({}, None),
    ],
)
def test_what_does_not_move_is_no_less_in_the_way_of_the_engine_s_own_checkpoint(
    records: Path, differences: dict[str, Any], code: str | None
) -> None:
    view = preflight.look_at_source(Engine(container(**differences)), "smf", [], "engine", None)
    assert codes(view.blockers) == [code] * (code is not None)


def test_a_container_moves_once_at_a_time_by_either_method(records: Path) -> None:
    entry = MigrationRecord("0" * 16, "source", "smf", "c0ffee", "edge-b", method="engine")
    entry.adopt()
    entry.save()
    view = preflight.look_at_source(Engine(container()), "smf", [], "engine", None)
    assert codes(view.blockers) == ["busy"]


def test_a_target_on_which_the_container_cannot_be_made_is_refused(records: Path) -> None:
    many = container(NetworkSettings={"Networks": {"core": NETWORK, "other": NETWORK}})
    blockers = preflight.look_at_target(Engine(), many, 1 << 20, 0, "engine")
    assert codes(blockers) == ["engine_too_old"]
    blockers = preflight.look_at_target(Engine(driver="ipvlan"), container(), 1 << 20, 0, "engine")
    assert codes(blockers) == ["ipvlan"]
