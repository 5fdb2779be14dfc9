# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections as a user installs them, without this checkout: built, installed offline, and used by a play."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.harness.playbook import PROJECT, TEXT_ENVIRONMENT

from .conftest import CoreSite

COLLECTIONS = ("live_migration", "core5g", "lab")
NAME, NUMBER = "installed", 61


def play(site: CoreSite) -> str:
    """A container is started on one host and moved to the other; JSON is YAML, too."""
    variables = site.variables
    subnet = variables["nf_network_subnet"]
    network = {
        "name": NAME,
        "driver": "macvlan",
        "driver_options": {"parent": variables["nf_network_parent"]},
        "ipam_config": [{"subnet": subnet}],
    }
    wait = "import signal; signal.pause()"
    container = {
        "role": "organic.live_migration.resident_container",
        "resident_container_name": NAME,
        "resident_container_image": "minicore:0.1.0",
        "resident_container_command": ["python3", "-c", wait],
        "resident_container_network": NAME,
        "resident_container_address": f"{subnet.rpartition('.')[0]}.{NUMBER}",
    }
    migrate = {"name": NAME, "target_host": site.nf_hosts[1]}
    profile = {"names": ["smf"]}
    plays = [
        {
            "name": "Run a container",
            "hosts": "nf_hosts",
            "gather_facts": False,
            "pre_tasks": [{"name": "Create the network", "community.docker.docker_network": network}],
            "roles": [{"role": "organic.live_migration.migration_host"}, container],
        },
        {
            "name": "Move it",
            "hosts": site.nf_hosts[0],
            "gather_facts": False,
            "tasks": [
                {"name": "Read a profile", "organic.core5g.nf_profile_info": profile},
                {"name": "Migrate", "organic.live_migration.container_migrate": migrate},
            ],
        },
    ]
    return json.dumps(plays)


@pytest.mark.exhaustive
def test_a_play_that_uses_only_the_installed_collections(core_site: CoreSite, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    configuration = tmp_path / "ansible.cfg"
    configuration.write_text(f"[defaults]\ncollections_path = {installed}\n")
    environment = {**TEXT_ENVIRONMENT, "ANSIBLE_CONFIG": str(configuration)}
    for name in ("PYTHONPATH", "ANSIBLE_COLLECTIONS_PATH"):  # by these a checkout would be found
        environment.pop(name, None)

    def command(*arguments: str) -> str:
        done = subprocess.run(
            arguments,
            cwd=tmp_path,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for collection in COLLECTIONS:
        source = PROJECT / "collections/ansible_collections/organic" / collection
        command("ansible-galaxy", "collection", "build", str(source), "--output-path", str(tmp_path / "built"))
    archives = sorted(str(path) for path in (tmp_path / "built").iterdir())
    assert len(archives) == len(COLLECTIONS)
    # their dependencies are in the package `ansible`, which is no directory of collections to ansible-galaxy
    command("ansible-galaxy", "collection", "install", "--offline", "--no-deps", "-p", str(installed), *archives)
    listed = json.loads(command("ansible-galaxy", "collection", "list", "-p", str(installed), "--format", "json"))
    (ours,) = [names for path, names in listed.items() if Path(path).is_relative_to(installed)]
    assert sorted(ours) == sorted(f"organic.{name}" for name in COLLECTIONS)

    playbook = tmp_path / "plays/move.yml"
    playbook.parent.mkdir()
    playbook.write_text(play(core_site))
    try:
        said = command("ansible-playbook", "-vv", "--inventory", str(PROJECT / core_site.inventory), str(playbook))
        assert str(installed) in said and str(PROJECT / "collections") not in said, "a file of this checkout was used"
        found = core_site.module("nf_hosts", "organic.live_migration.container_host_info", name=NAME)
        assert [found[host]["status"] for host in core_site.nf_hosts[:2]] == ["exited", "running"]
    finally:
        for module, name in (("docker_container", NAME), ("docker_network", NAME)):
            core_site.module("nf_hosts", f"community.docker.{module}", name=name, state="absent")
