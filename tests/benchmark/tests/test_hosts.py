# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the hosts is composed and read back right."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from typing import Any

import lab
import pytest
import run
from hosts import CommandFailed, Site, run_local, site_of
from ways.base import Load
from ways.peer import parse_marks, timed_script
from ways.resident import drain_bytes_per_s, rounds_ms
from ways.runc import bundle_config


def listing(**changes: Any) -> dict[str, Any]:
    variables = {"nf_network_parent": "eth0", "nf_network_subnet": "192.0.2.0/24", **changes}
    names = ("edge-a", "edge-b", "ran-a")
    return {
        "nf_hosts": {"hosts": ["edge-a", "edge-b"]},
        "ran": {"hosts": ["ran-a"]},
        "_meta": {"hostvars": {name: {"ansible_host": f"10.0.0.{i}", **variables} for i, name in enumerate(names)}},
    }


def site(**changes: Any) -> Site:
    return site_of(listing(**changes), Path("hosts.yml"))


def test_a_site_is_read_from_an_inventory() -> None:
    found = site(ansible_user="admin", ansible_port=2222, ansible_ssh_private_key_file="/key")
    assert [host.name for host in (found.source, found.target, found.client)] == ["edge-a", "edge-b", "ran-a"]
    assert (str(found.address), found.mac) == ("192.0.2.240", "02:42:c0:00:02:f0")
    command = found.target.command("true")
    assert command[0] == "ssh" and command[-2:] == ["10.0.0.1", "bash -euo pipefail -c true"]
    assert {"admin", "2222", "/key"} <= set(command)


def test_a_site_may_be_told_the_address() -> None:
    assert str(site_of(listing(), Path("hosts.yml"), "192.0.2.7").address) == "192.0.2.7"


def test_an_inventory_that_lacks_something_is_refused_by_name() -> None:
    lacking = listing()
    del lacking["_meta"]["hostvars"]["edge-a"]["nf_network_parent"]
    with pytest.raises(ValueError, match="edge-a lacks nf_network_parent"):
        site_of(lacking, Path("hosts.yml"))
    with pytest.raises(ValueError, match="two hosts in group nf_hosts"):
        site_of({**listing(), "nf_hosts": {"hosts": ["edge-a"]}}, Path("hosts.yml"))


def bash(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)


def test_steps_are_timed_and_keep_their_output_apart() -> None:
    result = bash(timed_script([("first", "echo said; sleep 0.2"), ("second", "true")]))
    assert result.returncode == 0 and result.stderr == "said\n"
    migration = parse_marks(result.stdout)
    first, second = migration.steps
    assert (first.name, second.name, first.start_ms) == ("first", "second", 0)
    assert 200 <= first.duration_ms < 1000
    assert second.start_ms == pytest.approx(first.duration_ms, abs=0.01)
    assert migration.time_ms == pytest.approx(second.start_ms + second.duration_ms, abs=0.01)


def test_a_failed_step_ends_the_script_there() -> None:
    result = bash(timed_script([("first", "true"), ("second", "echo why >&2; false"), ("third", "true")]))
    assert result.returncode == 1 and result.stderr == "why\n"
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["start", "first"]


def test_a_failed_command_says_why() -> None:
    with pytest.raises(CommandFailed, match=r"(?s)status 3.*reason") as failure:
        run_local(["bash", "-c", "echo out; echo reason >&2; exit 3"])
    assert failure.value.output == "out\n"
    with pytest.raises(CommandFailed, match="not within 0 s"):
        run_local(["sleep", "10"], timeout_s=0.1)


def test_the_server_is_told_its_load() -> None:
    assert Load(20).command(7000) == ["/server", "--port", "7000", "--memory-mb", "20"]
    load = Load(20, dirty_pages_per_s=100, working_set_mb=200)
    assert load.options(7)[4:] == ["--dirty-pages-per-s", "100", "--working-set-mb", "20"]
    assert bundle_config(load.command(7))["process"]["args"] == load.command(7)


def test_rates_of_ours_come_from_its_steps() -> None:
    reported: dict[str, Any] = {"strategy": "post_copy", "bytes_sent": 5_000_000}
    assert rounds_ms(reported) is drain_bytes_per_s(reported) is None
    steps = [("rounds", 100, 900), ("files_again", 1000, 50), ("freeze", 1100, 1), ("resume", 1190, 5),
             ("postcopy", 1200, 495)]  # fmt: skip
    reported["steps"] = [
        {"name": name, "start_ms": start_ms, "duration_ms": duration_ms} for name, start_ms, duration_ms in steps
    ]
    assert rounds_ms(reported) == 1000
    assert drain_bytes_per_s(reported) == 10_000_000
    assert drain_bytes_per_s({**reported, "strategy": "hybrid"}) is None


def test_unknown_ways_and_bad_numbers_are_refused() -> None:
    assert lab.names("a", "b", "c")("c,a") == ["c", "a"]
    assert lab.numbers("20,200") == [20, 200]
    with pytest.raises(argparse.ArgumentTypeError, match="'criu' is none of resident, docker"):
        lab.names("resident", "docker")("criu")
    with pytest.raises(argparse.ArgumentTypeError, match="'-1' is no number"):
        lab.numbers("20,-1")


def test_a_strategy_runs_with_the_load_of_its_bounds_unless_told_another() -> None:
    options = argparse.Namespace(dirty_pages_per_s=None, working_set_mb=0, connections=1)
    assert run.loads("inter_copy", 200, options) == [Load(200)]
    assert run.loads("pre_copy", 200, options) == [Load(200, 1000, 20)]
    options.dirty_pages_per_s = [0, 500]
    assert run.loads("pre_copy", 200, options) == run.loads("inter_copy", 200, options) == [Load(200), Load(200, 500)]
