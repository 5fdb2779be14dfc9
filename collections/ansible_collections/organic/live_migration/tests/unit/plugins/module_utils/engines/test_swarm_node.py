# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about itself as a node. The engine is a fake: tests/migration has real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines import swarm_node
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker_api import DockerApi
from ansible_collections.organic.live_migration.plugins.module_utils.engines.swarm_node import SwarmNode


class Api:
    def __init__(self, state: str, parent: str = "") -> None:
        self._state, self._parent = state, parent

    def call(self, _method: str, path: str) -> Any:
        if path == "/info":
            return {"Swarm": {"LocalNodeState": self._state, "NodeID": "n1", "ControlAvailable": True}}
        return [
            {"Name": "bridge", "ConfigOnly": False, "Options": {}},
            {"Name": "core-node", "ConfigOnly": True, "Options": {"parent": self._parent} if self._parent else None},
        ]


@pytest.fixture
def links(tmp_path: Path) -> Path:
    (tmp_path / "eth0").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("parent", "lacking"), [("eth0", ""), ("eth0.30", ""), ("eth9", "eth9"), ("eth9.30", "eth9.30"), ("", "")]
)
def test_a_configuration_whose_parent_interface_is_missing(links: Path, parent: str, lacking: str) -> None:
    found = swarm_node.look(cast(DockerApi, Api("active", parent)), links)
    assert found == SwarmNode("n1", True, {"core-node": lacking})


def test_a_host_in_no_swarm(links: Path) -> None:
    assert swarm_node.look(cast(DockerApi, Api("inactive", "eth0")), links) == SwarmNode()
