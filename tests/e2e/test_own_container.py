# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/your-own-container.md: every command of the page is run on the lab, as it stands there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.containers import Conversation
from tests.harness.hosts import Host, load_topology
from tests.harness.playbook import PROJECT, TEXT_ENVIRONMENT
from tests.harness.wait import until

from .conftest import CoreSite

PAGE = PROJECT / "docs/your-own-container.md"
PREFIX, PARENT = "10.55.0", "eth0"
"""What the page's addresses begin with, and its network interface."""
CLIENT = """
import json, socket, sys
replies = (connection := socket.create_connection((sys.argv[1], 7000), 30)).makefile()
for line in sys.stdin:
    connection.sendall(line.encode())
    print(json.dumps({"answer": int(replies.readline())}), flush=True)
"""
"""What the page has nc do: it sends its input over one connection, and prints the answers."""


class Page:
    """The page's code blocks, with the addresses of the hosts at hand.

    The first word behind a fence is the language. What follows is the name of a file, or the places where the commands
    are run.
    """

    def __init__(self, inventory: Path, directory: Path) -> None:
        self._inventory, self._directory = inventory, directory
        self._topology = load_topology(inventory)
        self.hosts = dict(zip(("edge-a", "edge-b"), self._topology.hosts, strict=True))
        prefix = str(self._topology.subnet.network_address).rpartition(".")[0]
        self.address = f"{prefix}.40"
        text = PAGE.read_text().replace(PREFIX, prefix).replace(f"parent={PARENT}", f"parent={self._topology.parent}")
        fences = re.findall(r"^```(\w+ [^\n]+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        self._blocks = [(info.split(), body) for info, body in fences]
        for (_language, name, *_more), body in self._blocks:
            if "." in name:
                (directory / name).write_text(body)

    def commands(self, place: str) -> list[str]:
        """The commands for a place, each on one line."""
        bodies = [body for (language, *places), body in self._blocks if language == "sh" and place in places]
        return [line for body in bodies for line in body.replace("\\\n", " ").splitlines()]

    def run(self, command: str, **environment: str) -> str:
        """Output of a command of the controller, run beside the page's files, with Ansible's output for people."""
        done = subprocess.run(
            shlex.split(command.replace(" playbooks/", f" {PROJECT}/playbooks/")),
            cwd=self._directory,
            env={
                **TEXT_ENVIRONMENT,
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_INVENTORY": str(self._inventory),
                **environment,
            },
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "WARNING" not in done.stdout + done.stderr
        return done.stdout

    def run_on_both(self, command: str) -> None:
        for host in self.hosts.values():
            host.run(command)

    @contextmanager
    def client(self) -> Iterator[Conversation]:
        """A connection of the client's host to the counter."""
        conversation = Conversation(self._topology.client, shlex.join(["python3", "-c", CLIENT, self.address]))
        try:
            yield conversation
        finally:
            conversation.close()

    @contextmanager
    def engine(self, host: Host) -> Iterator[str]:
        """The Docker engine of a host, reached from the controller."""
        socket = self._directory / "docker.sock"
        options = ["-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{socket}:/var/run/docker.sock"]
        with subprocess.Popen(["ssh", *options, *host.ssh, host.address], stdin=subprocess.DEVNULL) as forward:
            try:
                until(lambda: socket.exists() or forward.poll() is not None, "the engine's socket is forwarded")
                yield f"unix://{socket}"
            finally:
                forward.terminate()

    def close(self) -> None:
        self._topology.close()


def compose_program() -> str | None:
    """The compose program of this machine: the plugin of docker, or a program of its own."""
    if shutil.which("docker") and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        return "docker compose"
    return "docker-compose" if shutil.which("docker-compose") else None


def answers(conversation: Conversation, lines: int = 1) -> list[int]:
    """What the counter answers to some lines."""
    return [conversation.ask("")["answer"] for _line in range(lines)]


@pytest.fixture(scope="module")
def page(core_site: CoreSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The hosts with the program and the network."""
    core_site.playbook("remove_core")
    page = Page(PROJECT / core_site.inventory, tmp_path_factory.mktemp("page"))
    prepare, build, copy, *_moves = page.commands("controller")
    create_network, *removal = page.commands("edge-b")
    for command in (prepare, build, copy):
        page.run(command)
    page.run_on_both(create_network)
    try:
        yield page
    finally:
        for command in removal:
            page.run_on_both(command)
        page.run_on_both("rm -r /srv/counter")
        page.close()


@pytest.fixture
def stopped(page: Page) -> Iterator[Page]:
    """The hosts without the counter, before and after."""
    yield page
    page.run_on_both("docker rm --force counter")


@pytest.mark.exhaustive
def test_compose_file(stopped: Page) -> None:
    program = compose_program()
    if program is None:
        pytest.skip("needs docker compose on this machine")
    (command,) = stopped.commands("compose")
    with stopped.engine(stopped.hosts["edge-a"]) as engine:
        stopped.run(command.replace("docker compose", program), DOCKER_HOST=engine)
    with stopped.client() as client:
        assert answers(client, 2) == [1, 2]


@pytest.mark.exhaustive
def test_role(stopped: Page) -> None:
    (command,) = stopped.commands("role")
    assert re.search(r"^edge-a .* changed=1 ", stopped.run(command), re.MULTILINE)
    with stopped.client() as client:
        assert answers(client) == [1]
        assert re.findall(r"changed=(\d+)", stopped.run(command)) == ["0", "0"]
        assert answers(client) == [2]


def test_it_moves_with_its_connections(stopped: Page) -> None:
    _network, docker_run, *_removal = stopped.commands("edge-a")
    _prepare, _build, _copy, check, move, back = stopped.commands("controller")
    stopped.hosts["edge-a"].run(docker_run)
    with stopped.client() as client:
        assert answers(client) == [1]
        checked = stopped.run(check)
        assert "counter: edge-a -> edge-b, can be migrated" in checked
        assert "+edge-b: container counter running, restart policy unless-stopped" in checked
        assert f"+edge-b:   network apps: {stopped.address}" in checked
        assert answers(client) == [2]
        assert "counter: edge-a -> edge-b, completed" in stopped.run(move)
        assert answers(client) == [3]
        assert re.findall(r"changed=(\d+)", stopped.run(move)) == ["0", "0"]
        assert "counter: edge-b -> edge-a, completed" in stopped.run(back)
        assert answers(client) == [4]
    report_file = Path("/tmp/counter.json")
    report = json.loads(report_file.read_text())
    report_file.unlink()
    assert (report["name"], report["strategy"], report["target_host"]) == ("counter", "post_copy", "edge-a")


def test_a_container_that_runs_nowhere_is_refused(core_site: CoreSite, stopped: Page) -> None:
    assert stopped.address
    refused = core_site.try_playbook("migrate_container", container="counter", target_host="edge-b")
    assert refused.status != 0
    assert "counter runs on no host (edge-a: no container, edge-b: no container). Start it" in refused.messages


def test_a_container_that_runs_twice_is_refused(core_site: CoreSite, stopped: Page) -> None:
    wait = "import signal; signal.pause()"
    stopped.run_on_both(f"docker run --detach --name counter --network none minicore:0.1.0 python3 -c '{wait}'")
    refused = core_site.try_playbook("migrate_container", container="counter", target_host="edge-b")
    assert refused.status != 0
    assert "Container counter runs on edge-a and edge-b. Stop all but one" in refused.messages
