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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import ENVIRONMENT, PROJECT, Site

PAGE = PROJECT / "docs/your-own-container.md"
ADDRESS = "10.55.0"
"""What the page's addresses begin with."""
CLIENT = """
import socket, sys
replies = (connection := socket.create_connection((sys.argv[1], 7000), 30)).makefile()
for line in sys.stdin:
    connection.sendall(line.encode())
    print(replies.readline(), end="", flush=True)
"""
"""What the page names nc for: it sends its input over one connection, and prints the answers."""
DEADLINE_S = 60.0


class Page:
    """The page's code blocks, with the addresses of the hosts at hand.

    The first word behind a fence is the language. What follows is the name of a file, or the hosts on which the
    commands are run.
    """

    def __init__(self, site: Site, directory: Path) -> None:
        self.site = site
        self.directory = directory
        prefix = str(site.variables["nf_network_subnet"]).rpartition(".")[0]
        self.address = f"{prefix}.40"
        text = PAGE.read_text().replace(ADDRESS, prefix)
        text = text.replace("parent=eth0", f"parent={site.variables['nf_network_parent']}")
        fences = re.findall(r"^```(\w+ [^\n]+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        self.blocks = [(info.split(), body) for info, body in fences]
        for (_language, *names), body in self.blocks:
            if "." in names[0]:
                (directory / names[0]).write_text(body)

    def commands(self, place: str) -> list[str]:
        """The commands for a place, each on one line."""
        bodies = [body for (language, *names), body in self.blocks if language == "sh" and place in names]
        return [line for body in bodies for line in body.replace("\\\n", " ").splitlines()]

    def on_host(self, host: str, command: str) -> str:
        assert self.site.nf_hosts[:2] == ["edge-a", "edge-b"], "the page's hosts"
        return self.site.command(host, command)

    def on_controller(self, command: str, **environment: str) -> str:
        """Output of a command, run in the directory of the page's files with Ansible's output as people see it."""
        quiet = ("ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_LOAD_CALLBACK_PLUGINS")
        done = subprocess.run(
            shlex.split(command.replace(" playbooks/", f" {PROJECT}/playbooks/")),
            cwd=self.directory,
            env={
                **{name: value for name, value in ENVIRONMENT.items() if name not in quiet},
                "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
                "ANSIBLE_INVENTORY": str(PROJECT / self.site.inventory),
                "ANSIBLE_NOCOLOR": "1",
                **environment,
            },
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "WARNING" not in done.stderr, done.stderr
        return done.stdout

    def ssh(self, host: str, *options: str) -> list[str]:
        """The command that logs in on a host, as Ansible does."""
        found = json.loads(self.site._run("ansible-inventory", "--host", host).stdout)
        common = shlex.split(found.get("ansible_ssh_common_args", ""))
        if "ansible_ssh_private_key_file" in found:
            common += ["-i", found["ansible_ssh_private_key_file"]]
        return ["ssh", *common, *options, f"{found.get('ansible_user', 'root')}@{found.get('ansible_host', host)}"]

    @contextmanager
    def client(self) -> Iterator[Callable[[], int]]:
        """A connection of the client's host to the counter; each call sends a line and returns the answer."""
        command = [*self.ssh(self.site.ran_host), shlex.join(["python3", "-c", CLIENT, self.address])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            stdin, stdout = process.stdin, process.stdout

            def send_line() -> int:
                stdin.write("\n")
                stdin.flush()
                return int(stdout.readline())

            yield send_line
            stdin.close()
            assert process.wait(DEADLINE_S) == 0

    @contextmanager
    def engine(self, host: str) -> Iterator[str]:
        """The Docker engine of a host, reached from the controller."""
        socket = self.directory / "docker.sock"
        forwarded = self.ssh(host, "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{socket}:/var/run/docker.sock")
        with subprocess.Popen(forwarded, stdin=subprocess.DEVNULL) as forward:
            try:
                deadline = time.monotonic() + DEADLINE_S
                while not socket.exists():
                    assert forward.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                yield f"unix://{socket}"
            finally:
                forward.terminate()


@pytest.fixture(scope="module")
def page(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The hosts with the program and the network."""
    site.done("remove_core")
    page = Page(site, tmp_path_factory.mktemp("page"))
    prepare, build, copy, *_moves = page.commands("controller")
    for command in (prepare, build, copy):
        page.on_controller(command)
    create_network, *rest = page.commands("edge-b")
    for host in ("edge-a", "edge-b"):
        page.on_host(host, create_network)
    yield page
    for host in ("edge-a", "edge-b"):
        for command in rest:
            page.on_host(host, command)
        page.on_host(host, "rm -r /srv/counter")


@pytest.fixture
def empty(page: Page) -> Iterator[Page]:
    """The hosts without the counter, before and after."""
    yield page
    for host in ("edge-a", "edge-b"):
        page.on_host(host, "docker rm --force counter")


def compose_program() -> str | None:
    """The compose program of this machine: the plugin of docker, or the program of its own."""
    if shutil.which("docker") and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        return "docker compose"
    return "docker-compose" if shutil.which("docker-compose") else None


def test_docker_run(empty: Page) -> None:
    _network, run, *_removal = empty.commands("edge-a")
    empty.on_host("edge-a", run)
    with empty.client() as send_line:
        assert [send_line(), send_line()] == [1, 2]


def test_compose_file(empty: Page) -> None:
    program = compose_program()
    if program is None:
        pytest.skip("needs docker compose on this machine")
    (command,) = empty.commands("compose")
    with empty.engine("edge-a") as engine:
        empty.on_controller(command.replace("docker compose", program), DOCKER_HOST=engine)
    with empty.client() as send_line:
        assert [send_line(), send_line()] == [1, 2]


def test_role(empty: Page) -> None:
    (command,) = empty.commands("role")
    assert re.search(r"^edge-a .* changed=1 ", empty.on_controller(command), re.MULTILINE)
    with empty.client() as send_line:
        assert send_line() == 1
        assert re.findall(r"changed=(\d+)", empty.on_controller(command)) == ["0", "0"]
        assert send_line() == 2


def test_it_moves_with_its_connections(empty: Page) -> None:
    _network, run, *_removal = empty.commands("edge-a")
    _prepare, _build, _copy, check, move, back = empty.commands("controller")
    empty.on_host("edge-a", run)
    with empty.client() as send_line:
        assert send_line() == 1
        checked = empty.on_controller(check)
        assert "counter: edge-a -> edge-b, can be migrated" in checked
        assert "+edge-b: container counter running, restart policy unless-stopped" in checked
        assert f"+edge-b:   network apps: {empty.address}" in checked
        assert send_line() == 2
        moved = empty.on_controller(move)
        assert "counter: edge-a -> edge-b, completed" in moved
        assert send_line() == 3
        assert re.findall(r"changed=(\d+)", empty.on_controller(move)) == ["0", "0"]
        assert "counter: edge-b -> edge-a, completed" in empty.on_controller(back)
        assert send_line() == 4
    report = json.loads(Path("/tmp/counter.json").read_text())
    Path("/tmp/counter.json").unlink()
    assert (report["name"], report["strategy"], report["target_host"]) == ("counter", "post_copy", "edge-a")


def test_a_container_that_runs_nowhere_is_refused(empty: Page) -> None:
    refused = empty.site.play("migrate_container", container="counter", target_host="edge-b")
    assert refused.status != 0
    assert "Container counter runs on no host (edge-a: no container, edge-b: no container). Start it" in refused.said


def test_a_container_that_runs_twice_is_refused(empty: Page) -> None:
    wait = "import signal; signal.pause()"
    for host in ("edge-a", "edge-b"):
        empty.on_host(host, f"docker run --detach --name counter --network none minicore:0.1.0 python3 -c '{wait}'")
    refused = empty.site.play("migrate_container", container="counter", target_host="edge-b")
    assert refused.status != 0
    assert "Container counter runs on edge-a and edge-b. Stop all but one" in refused.said
