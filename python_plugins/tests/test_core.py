# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of real playbooks on localhost, by the functions of Core; test_playbooks.py tests what is below them."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from organic5gc import (
    Cancelled,
    Core,
    InvalidRequest,
    MigrationFailed,
    PlaybookFailed,
    Progress,
    Refused,
    Running,
    TimedOut,
    processes,
)
from organic5gc.playbooks import MARK, STOP
from organic5gc.runs import History

PLAY = """
- name: Play
  hosts: localhost
  gather_facts: false
  tasks:
"""
AWAIT = (
    PLAY
    + """
    - name: Await the file
      ansible.builtin.wait_for:
        path: "{{ playbook_dir }}/go"
        timeout: 60
    - name: Go on
      ansible.builtin.copy:
        content: gone on
        dest: "{{ playbook_dir }}/gone_on"
        mode: "0644"
"""
)
NOTE = (
    PLAY
    + """
    - name: Write the variables down
      ansible.builtin.copy:
        content: "{{ [nf_names | default('none'), nf_placement | default('none'), more | default('none')] | to_json }}"
        dest: "{{ playbook_dir }}/variables"
        mode: "0644"
"""
)
REFUSE = (
    PLAY
    + """
    - name: Refuse
      {module}:
"""
)
ANSWER = """
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        return {answer!r}
"""
STATUS = (
    PLAY
    + """
    - name: Write the report
      ansible.builtin.copy:
        content: "{{ {'edge-a': {'reachable': true, 'error': '', 'migrations': [], 'nfs': [
          {'name': 'smf', 'address': 'fe80::ab:cd:34', 'container': {'status': 'running'}, 'error': none,
           'state': {'sessions': 7, 'nrf_registered': true, 'pfcp': [{'peer': '192.0.2.35', 'up': true}]}}]}}
          | to_json }}"
        dest: "{{ status_report }}"
        mode: "0600"
"""
)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    project = tmp_path / "project"
    (project / "playbooks").mkdir(parents=True)
    (project / "ansible.cfg").write_text("[defaults]\nlocalhost_warning = false\n")
    nothing = PLAY + "    - name: Do nothing\n      ansible.builtin.meta: noop\n"
    texts = {"migrate_nf": AWAIT, "deploy_core": NOTE, "core_status": STATUS, "cancel_migration": nothing}
    for name, text in texts.items():
        (project / "playbooks" / f"{name}.yml").write_text(text)
    yield Core(project, data=tmp_path / "data")
    (project / "playbooks" / "go").touch()


def test_arguments_of_one_call_are_not_those_of_the_next(core: Core) -> None:
    assert core.deploy(["smf"], {"smf": "edge-a"}, extra={"more": "it's"}).changed
    noted = core.project / "playbooks" / "variables"
    assert json.loads(noted.read_text()) == [["smf"], {"smf": "edge-a"}, "it's"]
    inventory = core.project / "hosts.yml"
    variables = {"more": "of the inventory", "ansible_python_interpreter": sys.executable}
    hosts = {"localhost": {"ansible_connection": "local"}}
    inventory.write_text(json.dumps({"all": {"vars": variables, "hosts": hosts}}))
    Core(core.project, inventory, core.data).deploy()
    assert json.loads(noted.read_text()) == ["none", "none", "of the inventory"]
    core.deploy()
    assert json.loads(noted.read_text()) == ["none", "none", "none"]


def test_an_event_handler_that_fails_does_not_end_the_run(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Progress) -> None:
        raise ValueError("a slip in a display")

    assert core.deploy(on_progress=fail).changed
    assert "a slip in a display" in caplog.text
    assert [record.getMessage() for record in caplog.records] == ["The event handler has failed; the run goes on"]


def _in_task(running: Running[object], task: str) -> None:
    next(event for event in running.events() if event.task == task)


def _marked(core: Core) -> set[processes.Process]:
    """Processes of runs of this history."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            environ = path.read_bytes()
            if f"{MARK}=".encode() in environ and f"{STOP}={core.data}".encode() in environ:
                found.add(processes.Process.of(int(path.parent.name)))
    return found


def _until_module_runs(core: Core, module: str) -> None:
    deadline = time.monotonic() + 30
    while not any(f"AnsiballZ_{module}".encode() in _command(one.pid) for one in _marked(core)):
        assert time.monotonic() < deadline, f"{module} does not run"
        time.sleep(0.02)


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_a_cancelled_run_ends_before_its_next_task(core: Core) -> None:
    running = core.start_migrate("smf", "edge-b")
    _in_task(running, "Await the file")
    threading.Timer(1.0, (core.project / "playbooks" / "go").touch).start()  # its task ends after the request
    ending = running.cancel()
    assert (ending.outcome, ending.in_order, ending.hosts) == ("cancelled", True, ("edge-a",))
    assert not (core.project / "playbooks" / "gone_on").exists()
    assert not _marked(core)
    with pytest.raises(Cancelled) as caught:
        running.result()
    assert caught.value.ending is ending
    assert core.history.list()[0].status == "cancelled"
    (core.project / "playbooks" / "go").touch()
    assert core.migrate("smf", "edge-b").report is None  # the request was of that run alone


def test_a_task_that_does_not_end_is_ended_and_leaves_no_process(core: Core) -> None:
    running = core.start_migrate("smf", "edge-b")
    _in_task(running, "Await the file")
    _until_module_runs(core, "wait_for")  # before that the play still ends in order
    ending = running.cancel(timeout_s=0.1)
    assert (ending.outcome, ending.in_order) == ("cancelled", False)
    assert not _marked(core)


def test_a_timeout_cancels(core: Core) -> None:
    threading.Timer(6.0, (core.project / "playbooks" / "go").touch).start()
    with pytest.raises(TimedOut, match=r"Not done within 3 s\. Run .* was cancelled\. Smf runs on edge-a") as caught:
        core.migrate("smf", "edge-b", timeout_s=3)
    assert caught.value.ending.outcome == "cancelled"
    assert not (core.project / "playbooks" / "gone_on").exists()


def test_another_program_cancels_by_the_name_of_the_nf(core: Core) -> None:
    running = core.start_migrate("smf", "edge-b")
    _in_task(running, "Await the file")
    threading.Timer(1.0, (core.project / "playbooks" / "go").touch).start()
    ended: list[str] = []
    waiter = threading.Thread(target=lambda: ended.append(_error_of(running)))
    waiter.start()
    # In this test the program is the same one, which never ends: the record does.
    assert Core(core.project, data=core.data).cancel("smf").outcome == "cancelled"
    waiter.join(30)
    assert ended == ["Cancelled"]
    assert core.cancel("smf").outcome == "none"


def _error_of(running: Running[object]) -> str:
    try:
        running.result()
    except Cancelled as error:
        return type(error).__name__
    return "none"


def test_events_and_result_for_an_event_loop(core: Core) -> None:
    async def run() -> tuple[list[str], bool]:
        running = core.start_deploy()
        tasks = [event.task async for event in running if event.task]
        return tasks, (await running.wait()).changed

    assert asyncio.run(run()) == (["Write the variables down"], True)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"blockers": [{"code": "image_missing", "message": "No image", "remedy": "Load it"}]}, Refused),
        ({"migration": {"status": "failed"}}, MigrationFailed),
        ({}, PlaybookFailed),
    ],
)
def test_errors_carry_what_the_task_says(core: Core, answer: dict[str, object], kind: type[PlaybookFailed]) -> None:
    plugins = core.project / "playbooks"
    for directory, text in (
        ("action_plugins", ANSWER.format(answer={"failed": True, "msg": "No", **answer})),
        ("library", ""),
    ):
        (plugins / directory).mkdir()
        (plugins / directory / "refuse.py").write_text(text)
    (plugins / "migrate_nf.yml").write_text(REFUSE.format(module="refuse"))
    with pytest.raises(PlaybookFailed, match="No") as caught:
        core.migrate("smf", "edge-b")
    assert type(caught.value) is kind
    assert [one.code for one in caught.value.blockers] == (["image_missing"] if kind is Refused else [])
    assert caught.value.task == "Refuse"


def test_the_history_is_private_and_keeps_the_last_runs(core: Core) -> None:
    history = History(core.data, kept=2)
    for nf in ("a", "b", "c"):
        history.end(history.begin("deploy", {"nf": nf}, core.project), "successful")
    assert stat.S_IMODE(core.data.stat().st_mode) == 0o700
    assert all(stat.S_IMODE((core.data / run.id).stat().st_mode) == 0o700 for run in history.list())
    assert [run.arguments["nf"] for run in history.list()] == ["c", "b"]
    assert history.find("last").id == history.list()[0].id
    with pytest.raises(InvalidRequest, match="0 runs are called 'none'"):
        history.find("none")


def test_a_run_whose_program_has_died_is_lost(core: Core) -> None:
    run = core.history.begin("deploy", {}, core.project)
    path = core.data / run.id / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid_started": run.pid_started + 1}))
    assert core.history.list()[0].status == "lost"


def test_bad_requests_are_refused_before_anything_starts(core: Core, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"no playbooks/drain_host\.yml"):
        core.drain("edge-a")
    with pytest.raises(InvalidRequest, match="not a checkout"):
        Core(tmp_path)
    with pytest.raises(InvalidRequest, match="There is no inventory"):
        Core(core.project, tmp_path / "none.yml")
    assert core.history.list() == []


def test_status_says_where_the_nfs_run(core: Core) -> None:
    found = core.status()
    assert found.hosts_of("smf") == ["edge-a"]
    assert (found.nfs[0].sessions, found.nfs[0].registered, found.nfs[0].associations[0].up) == (7, True, True)
