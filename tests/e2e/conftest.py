"""A core as a user has it: playbooks on the lab, or on the hosts of the inventory LAB_INVENTORY."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
BRIDGE = f"@{Path(__file__).with_name('bridge.yml')}"
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
}


@dataclass(frozen=True)
class Play:
    """What one run of ansible-playbook or ansible told."""

    status: int
    data: dict[str, Any]
    errors: str

    @property
    def changed(self) -> int:
        """Number of tasks that changed something, over all hosts."""
        return sum(stats["changed"] for stats in self.data["stats"].values())

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Result of the last task by host."""
        hosts: dict[str, dict[str, Any]] = self.data["plays"][-1]["tasks"][-1]["hosts"]
        return hosts

    @property
    def said(self) -> str:
        """All messages, for a test that looks for one."""
        return "\n".join(
            str(result.get("msg", ""))
            for play in self.data["plays"]
            for task in play["tasks"]
            for result in task["hosts"].values()
        )


class Site:
    """The hosts of an inventory."""

    def __init__(self, inventory: str) -> None:
        self.inventory = inventory
        told = json.loads(self._run("ansible-inventory", "--list").stdout)
        self.nf_hosts: list[str] = told["nf_hosts"]["hosts"]
        self.ran_host: str = told["ran"]["hosts"][0]
        self.variables: dict[str, Any] = told["_meta"]["hostvars"][self.nf_hosts[0]]

    def play(self, playbook: str, *arguments: str, **variables: Any) -> Play:
        """Run a playbook, whatever comes of it."""
        options = [*arguments, "--extra-vars", json.dumps(variables)]
        done = self._run("ansible-playbook", f"playbooks/{playbook}.yml", *options)
        return self._told(done)

    def done(self, playbook: str, *arguments: str, **variables: Any) -> Play:
        """Run a playbook that must succeed."""
        play = self.play(playbook, *arguments, **variables)
        assert play.status == 0, play.said + play.errors
        return play

    def module(self, hosts: str, module: str, **options: Any) -> dict[str, dict[str, Any]]:
        """Run one module; its result by host."""
        play = self._told(self._run("ansible", hosts, "--module-name", module, "--args", json.dumps(options)))
        assert play.status == 0, play.said + play.errors
        return play.results

    def command(self, host: str, command: str) -> str:
        """Output of a command on a host."""
        return str(self.module(host, "ansible.builtin.command", cmd=command)[host]["stdout"])

    def states(self) -> dict[str, dict[str, Any]]:
        """Entry of nf_state_info of each NF that runs, with its host."""
        found = self.module(
            "nf_hosts", "organic.core5g.nf_state_info", nfs=self.variables["nf_addresses"], must_run=False
        )
        running = {}
        for host, result in found.items():
            for entry in result["nfs"]:
                if entry["state"]:
                    assert entry["name"] not in running, f"{entry['name']} runs twice"
                    running[entry["name"]] = {"host": host, **entry}
        return running

    def starts(self) -> dict[str, str]:
        """When each running NF's container was started: any touch of it shows."""
        return {nf: entry["container"]["started_at"] for nf, entry in self.states().items()}

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [program, "--inventory", self.inventory, *arguments]
        return subprocess.run(command, cwd=PROJECT, env=ENVIRONMENT, text=True, capture_output=True, check=False)

    @staticmethod
    def _told(done: subprocess.CompletedProcess[str]) -> Play:
        start = done.stdout.find("{\n")
        assert start >= 0, done.stdout + done.stderr
        data, _end = json.JSONDecoder().raw_decode(done.stdout[start:])
        return Play(done.returncode, data, done.stderr)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Prepared hosts without a core, and without one afterwards."""
    inventory = os.environ.get("LAB_INVENTORY")
    if inventory is None:
        inventory = "inventories/lab/hosts.yml"
        subprocess.run(
            ["ansible-playbook", "playbooks/lab_up.yml"],
            cwd=PROJECT, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    site = Site(inventory)
    for playbook in ("prepare_hosts", "build_minicore", "remove_core"):
        site.done(playbook)
    yield site
    site.done("remove_core")


@pytest.fixture(scope="module")
def core(site: Site) -> Site:
    """The core on the default network."""
    site.done("remove_core")
    site.done("deploy_core")
    return site


def traces(site: Site) -> dict[str, list[str]]:
    """What is left of a core on each host: containers, networks, links and files."""
    found: dict[str, list[str]] = {}
    engines = site.module(
        "nf_hosts",
        "community.docker.docker_host_info",
        containers=True,
        containers_all=True,
        containers_filters={"label": "organic.core5g.nf"},
        networks=True,
        networks_filters={"label": "organic.core5g.network"},
    )
    for host, result in engines.items():
        left = [str(name) for each in result["containers"] for name in each["Names"]]
        left += [str(each["Name"]) for each in result["networks"]]
        if left:
            found[host] = left
    files = site.module(
        "all", "ansible.builtin.find", paths=["/run", "/sys/class/net"], patterns=["minicore-ran", "br-core5g"],
        file_type="any",
    )  # fmt: skip
    for host, result in files.items():
        if result["files"]:
            found.setdefault(host, []).extend(file["path"] for file in result["files"])
    return found
