"""The lab's tests use a lab of their own, so that one in use stays as it is."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.harness.lab import inventory_of
from tests.harness.playbook import PROJECT, TEXT_ENVIRONMENT

NAME = "labtest"
PREFIX = "10.71"
HOSTS = {"edge-a": f"{PREFIX}.0.11", "edge-b": f"{PREFIX}.0.12", "ran-a": f"{PREFIX}.0.13"}
ENGINES = ("edge-a", "edge-b")
STATE = Path("/var/lib/organic-lab") / NAME
INVENTORY = inventory_of(NAME)


class Lab:
    """The lab as a user has it: playbooks and ssh."""

    def play(self, playbook: str, *arguments: str) -> int:
        """Run a playbook; the number of tasks that changed something."""
        command = ["ansible-playbook", f"playbooks/{playbook}.yml", "-e", f"lab_name={NAME}"]
        command += ["-e", f"lab_network_prefix={PREFIX}", *arguments]
        done = subprocess.run(command, cwd=PROJECT, env=TEXT_ENVIRONMENT, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        recap = re.search(r"^localhost\s.*changed=(\d+)", done.stdout, re.MULTILINE)
        assert recap, done.stdout
        return int(recap[1])

    def up(self, *arguments: str) -> int:
        """Bring the lab up."""
        return self.play("lab_up", *arguments)

    def down(self, *arguments: str) -> int:
        """Take it down."""
        return self.play("lab_down", *arguments)

    def ssh(self, host: str, command: str, check: bool = True, stdin: bytes = b"") -> str:
        """Run a command on a host, whose key must be the known one."""
        login = ["ssh", "-F", "none", "-i", str(STATE / "id_ed25519"), "-o", "BatchMode=yes"]
        login += ["-o", f"UserKnownHostsFile={STATE / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes"]
        done = subprocess.run([*login, f"root@{HOSTS[host]}", command], input=stdin, capture_output=True, check=False)
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The tests' own lab, in whatever state it is."""
    if os.geteuid():
        pytest.skip("namespaces, links and cgroups need root")
    return Lab()
