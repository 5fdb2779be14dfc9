# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A topology is read from an inventory, and commands report their failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness.hosts import CommandFailed, Topology, run_local, topology_of


def listing(**changes: Any) -> dict[str, Any]:
    variables = {"nf_network_parent": "eth0", "nf_network_subnet": "192.0.2.0/24", **changes}
    names = ("edge-a", "edge-b", "ran-a")
    return {
        "nf_hosts": {"hosts": ["edge-a", "edge-b"]},
        "ran": {"hosts": ["ran-a"]},
        "_meta": {"hostvars": {name: {"ansible_host": f"10.0.0.{i}", **variables} for i, name in enumerate(names)}},
    }


def topology(**changes: Any) -> Topology:
    return topology_of(listing(**changes), Path("hosts.yml"))


def test_a_topology_is_read_from_an_inventory() -> None:
    found = topology(ansible_user="admin", ansible_port=2222, ansible_ssh_private_key_file="/key")
    assert [host.name for host in (found.source, found.target, found.client)] == ["edge-a", "edge-b", "ran-a"]
    assert (str(found.address), found.mac) == ("192.0.2.240", "02:42:c0:00:02:f0")
    command = found.target.command("true")
    assert command[0] == "ssh" and command[-2:] == ["10.0.0.1", "bash -euo pipefail -c true"]
    assert {"admin", "2222", "/key"} <= set(command)


def test_the_address_of_a_topology_may_be_given() -> None:
    assert str(topology_of(listing(), Path("hosts.yml"), "192.0.2.7").address) == "192.0.2.7"


def test_an_inventory_that_lacks_something_is_refused_by_name() -> None:
    lacking = listing()
    del lacking["_meta"]["hostvars"]["edge-a"]["nf_network_parent"]
    with pytest.raises(ValueError, match="edge-a lacks nf_network_parent"):
        topology_of(lacking, Path("hosts.yml"))
    with pytest.raises(ValueError, match="two hosts in group nf_hosts"):
        topology_of({**listing(), "nf_hosts": {"hosts": ["edge-a"]}}, Path("hosts.yml"))


def test_a_failed_command_says_why() -> None:
    with pytest.raises(CommandFailed, match=r"(?s)status 3.*reason") as failure:
        run_local(["bash", "-c", "echo out; echo reason >&2; exit 3"])
    assert failure.value.output == "out\n"
    with pytest.raises(CommandFailed, match="not within 0 s"):
        run_local(["sleep", "10"], timeout_s=0.1)
