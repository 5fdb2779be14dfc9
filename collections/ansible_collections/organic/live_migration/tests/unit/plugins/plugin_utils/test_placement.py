# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What --diff shows of a migration."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import (
    ContainerSpec,
    NetworkAttachment,
    RestartPolicy,
)
from ansible_collections.organic.live_migration.plugins.plugin_utils.placement import Placement

SPEC = ContainerSpec(
    "smf", "c0ffee", "nf", "sha256:0", "/init", "smf", "running", 7, "2026-01-01T00:00:00Z",
    networks=(
        NetworkAttachment("n4", "192.0.2.34", "02:42:c0:00:02:22"),
        NetworkAttachment("sbi", "198.51.100.34", "02:42:c6:33:64:22"),
    ),
    restart_policy=RestartPolicy("unless-stopped"),
)  # fmt: skip


@pytest.mark.parametrize(("on_target", "idle"), [("", "no container smf"), ("exited", "container smf exited")])
def test_both_hosts_before_and_after(on_target: str, idle: str) -> None:
    diff = Placement(SPEC, "edge-a", "edge-b", on_target).diff()
    running = [
        "{}: container smf running, restart policy unless-stopped",
        "{}:   network n4: 192.0.2.34 02:42:c0:00:02:22",
        "{}:   network sbi: 198.51.100.34 02:42:c6:33:64:22",
    ]
    assert diff["before"].splitlines() == [*(line.format("edge-a") for line in running), f"edge-b: {idle}"]
    assert diff["after"].splitlines() == [
        "edge-a: container smf stopped with exit status 0, restart policy no",
        *(line.format("edge-b") for line in running),
    ]


def test_a_container_without_a_restart_policy_and_without_a_network() -> None:
    bare = replace(SPEC, restart_policy=RestartPolicy(), networks=())
    diff = Placement(bare, "edge-a", "edge-b").diff()
    assert diff["before"] == "edge-a: container smf running, restart policy no\nedge-b: no container smf\n"
