# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin beside the inventory of the hosts, as a user has both."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .playbook import PROJECT, PlaybookResult, run

PLAY = [
    {
        "name": "Look",
        "hosts": "nf_smf",
        "gather_facts": False,
        "tasks": [{"name": "Answer", "ansible.builtin.ping": {}}],
    }
]


def beside(inventory: Path | str, directory: Path, variables: Mapping[str, Any] | None = None) -> list[str]:
    """hosts.yml and nfs.yml in a directory, as arguments; JSON is YAML, too.

    Args:
        inventory: of the hosts, relative to the project.
        variables: of all hosts, beside those of the inventory.
    """
    shutil.copy(PROJECT / inventory, directory / "hosts.yml")
    if variables:
        (directory / "group_vars").mkdir(exist_ok=True)
        (directory / "group_vars/all.json").write_text(json.dumps(variables))
    nfs = directory / "nfs.yml"
    options = {"plugin": "organic.core5g.nfs", "inventory": "hosts.yml", "strict": True, "timeout": 300}
    nfs.write_text(json.dumps(options))
    return [str(directory / "hosts.yml"), "--inventory", str(nfs)]


def hosts_of_nfs(inventory: Sequence[str], nf_hosts: Sequence[str]) -> dict[str, list[str]]:
    """The hosts of each group nf_NAME, which must be those whose variable nfs_running has the name.

    Args:
        inventory: as ``beside`` gives it.
        nf_hosts: those that are asked.
    """
    done = run("ansible-inventory", *inventory, "--list")
    assert done.returncode == 0, done.stderr
    listing = json.loads(done.stdout)
    groups = {
        name[3:]: group["hosts"] for name, group in listing.items() if name.startswith("nf_") and name != "nf_hosts"
    }
    variables = listing["_meta"]["hostvars"]
    for host in nf_hosts:
        # Ansible marks strings that it must not use as templates.
        running = [nf["__ansible_unsafe"] if isinstance(nf, dict) else nf for nf in variables[host]["nfs_running"]]
        assert sorted(running) == sorted(nf for nf, hosts in groups.items() if host in hosts)
    return groups


def play_where_the_smf_is(inventory: Sequence[str], directory: Path) -> list[str]:
    """The hosts of a play for nf_smf."""
    play = directory / "play.yml"
    play.write_text(json.dumps(PLAY))
    done = run("ansible-playbook", *inventory, str(play))
    return list(PlaybookResult.parse(done.returncode, done.stdout, done.stderr).results)
