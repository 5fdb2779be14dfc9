# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of real playbooks on localhost."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from organic5gc import Interrupted, InvalidRequest, PlaybookFailed, PlaybookRun, Progress
from organic5gc.playbooks import ask

GREET = """
- name: Greet
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Say {word}
      ansible.builtin.debug:
        msg: "{{{{ who | default('nobody') }}}}"
    - name: Write it down
      ansible.builtin.copy:
        content: "{{{{ who | default('nobody') }}}}"
        dest: "{{{{ playbook_dir }}}}/{word}.txt"
        mode: "0644"
"""

FAIL = """
- name: Fail
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Survive
      block:
        - name: Fall
          ansible.builtin.fail:
            msg: not this one
      rescue:
        - name: Stand up
          ansible.builtin.debug:
            msg: up
    - name: List them
      ansible.builtin.command: ls {{ item }}
      changed_when: false
      loop: [/, /nonesuch]
"""

AWAIT = """
- name: Await
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Await what never comes
      ansible.builtin.wait_for:
        path: "{{ playbook_dir }}/nonesuch"
        timeout: 60
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nlocalhost_warning = false\n")
    texts = {"one": GREET.format(word="one"), "two": GREET.format(word="two"), "fail": FAIL, "await": AWAIT}
    for name, text in texts.items():
        (tmp_path / f"{name}.yml").write_text(text)
    return tmp_path


def test_playbooks_run_in_order_with_their_variables(project: Path) -> None:
    seen: list[Progress] = []
    PlaybookRun(project, ["one.yml", "two.yml"], {"who": 'it\'s "me" {{ x }}'[:10]}, on_progress=seen.append).run()
    assert list(dict.fromkeys(seen)) == [
        Progress("one.yml"),
        Progress("one.yml", "Say one"),
        Progress("one.yml", "Write it down"),
        Progress("one.yml", ended=True),
        Progress("two.yml"),
        Progress("two.yml", "Say two"),
        Progress("two.yml", "Write it down"),
        Progress("two.yml", ended=True),
    ]
    assert [(project / f"{word}.txt").read_text() for word in ("one", "two")] == ['it\'s "me" '] * 2


ANNOUNCE = """
from ansible.plugins.action import ActionBase
from ansible_collections.organic.live_migration.plugins.module_utils.session.progress import Snapshot
from ansible_collections.organic.live_migration.plugins.plugin_utils.hosts import Hosts

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        for number in (1, 2):
            Hosts(self, task_vars, "edge-b").announce(Snapshot(
                "1", "smf", state="active", round=number, remaining_bytes=3 << 20, dirty_pages_per_s=1000.4))
        return {"changed": True}
"""
MOVE = """
- name: Move
  hosts: edge-a
  gather_facts: false
  tasks:
    - name: Move it
      move:
    - name: Go on
      ansible.builtin.debug:
"""


def test_a_migration_tells_how_far_it_is(project: Path) -> None:
    """The events of an action that migrates come through ansible-runner."""
    collections = Path(__file__).parents[2] / "collections"
    (project / "ansible.cfg").write_text(f"[defaults]\ncollections_path = {collections}\n")
    for directory, text in (("action_plugins", ANNOUNCE), ("library", "")):
        (project / directory).mkdir()
        (project / directory / "move.py").write_text(text)
    (project / "move.yml").write_text(MOVE)
    inventory = project / "hosts.yml"
    inventory.write_text("all: {hosts: {edge-a: , edge-b: }, vars: {ansible_connection: local}}")
    seen: list[Progress] = []
    PlaybookRun(project, ["move.yml"], inventory=inventory, on_progress=seen.append).run()
    told = list(dict.fromkeys(progress.migration for progress in seen if progress.migration))
    assert [one.round for one in told] == [1, 2]
    assert (told[0].name, told[0].source_host, told[0].target_host) == ("smf", "edge-a", "edge-b")
    assert str(told[1]) == "smf to edge-b: active, round 2, 3.0 MiB left, 1000 pages/s written"
    assert Progress("move.yml", "Go on") in seen


def test_a_failure_names_the_task_that_ended_the_run(project: Path) -> None:
    seen: list[Progress] = []
    with pytest.raises(PlaybookFailed, match="cannot access '/nonesuch'") as caught:
        PlaybookRun(project, ["one.yml", "fail.yml", "two.yml"], on_progress=seen.append).run()
    failure = caught.value
    assert (failure.playbook, failure.task, failure.host) == ("fail.yml", "List them", "localhost")
    assert "non-zero return code" in failure.message
    assert "not this one" not in failure.message
    assert "/nonesuch" in failure.output.read_text()
    assert Progress("fail.yml", ended=True) not in seen
    assert not (project / "two.txt").exists()


def test_a_playbook_that_cannot_start_says_why(project: Path) -> None:
    with pytest.raises(PlaybookFailed, match=r"none\.yml could not be found") as caught:
        PlaybookRun(project, ["none.yml"]).run()
    assert caught.value.task == ""


def test_a_playbook_without_hosts_is_refused(project: Path) -> None:
    """Ansible calls it a success."""
    for_hosts = GREET.format(word="three").replace("hosts: localhost", "hosts: nf_hosts[0:1]")
    (project / "three.yml").write_text(for_hosts)
    with pytest.raises(InvalidRequest, match=r"There is no host in nf_hosts\[0:1\]\. Name an inventory"):
        PlaybookRun(project, ["one.yml", "three.yml"]).run()
    inventory = project / "hosts.yml"
    inventory.write_text("all: {hosts: {edge-a: {ansible_connection: local}}}")
    with pytest.raises(InvalidRequest, match=r"hosts\.yml has no host in nf_hosts"):
        PlaybookRun(project, ["three.yml"], inventory=inventory).run()
    # A play that only some sites have hosts for, as the gNBs' hosts.
    (project / "three.yml").write_text(f"{GREET.format(word='one')}{for_hosts}")
    PlaybookRun(project, ["three.yml"]).run()


def test_an_unreachable_host_is_a_failure(project: Path) -> None:
    inventory = project / "hosts.yml"
    inventory.write_text(
        "all: {hosts: {localhost: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}}"
    )
    with pytest.raises(PlaybookFailed, match=r"127\.0\.0\.1 port 1") as caught:
        PlaybookRun(project, ["one.yml"], inventory=inventory).run()
    assert caught.value.host == "localhost"


def test_an_interrupt_ends_ansible_with_its_modules_and_gives_the_handlers_back(project: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    modules: set[int] = set()

    def interrupt(_: Progress) -> None:
        modules.update(_modules(project))
        if modules:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        PlaybookRun(project, ["await.yml"], on_progress=interrupt).run()
    assert modules
    assert not _modules(project)
    assert signal.getsignal(signal.SIGINT) is before


def _modules(project: Path) -> set[int]:
    """Running modules that a run on the project has started; its directories are in their environment."""
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            module = b"AnsiballZ" in (directory / "cmdline").read_bytes()
            if module and str(project).encode() in (directory / "environ").read_bytes():
                found.add(int(directory.name))
    return found


def test_ask_returns_the_result_of_each_host(project: Path) -> None:
    results = ask(project, "localhost", "ansible.builtin.stat", {"path": str(project / "one.yml")})
    assert results["localhost"]["stat"]["size"] == len(GREET.format(word="one"))
