# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, as a program of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer.core
import typer.main
from organic5gc import tables
from organic5gc.cli import BY_ERROR, Exit, app, exit_status, main
from organic5gc.errors import Cancelled, HostUnreachable, InDoubt, OrganicError, PlaybookFailed, Refused, TimedOut
from organic5gc.results import Ending
from organic5gc.runs import History

from python_plugins.tests.test_core import AWAIT, NOTE, STATUS
from tests.harness.wait import until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    playbooks = tmp_path / "playbooks"
    playbooks.mkdir()
    (tmp_path / "ansible.cfg").write_text("[defaults]\nlocalhost_warning = false\n")
    for name, text in {"migrate_nf": AWAIT, "deploy_core": NOTE, "core_status": STATUS}.items():
        (playbooks / f"{name}.yml").write_text(text)
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ORGANIC5GC_DATA": str(project / "data"), "COLUMNS": "80"}
    command = [sys.executable, "-m", "organic5gc", "--project", str(project), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_json_is_valid_on_a_pipe_and_addresses_stay_as_they_are(project: Path) -> None:
    done = run(project, "status", "--json")
    assert done.returncode == Exit.DONE, done.stderr
    assert json.loads(done.stdout)["nfs"][0]["address"] == "fe80::ab:cd:34"
    assert "fe80::ab:cd:34" in run(project, "status").stdout


def test_a_run_is_listed_and_shown(project: Path) -> None:
    deployed = run(project, "deploy", "smf", "--host", "edge-a", "-e", "more=:ab:", "--watch", "--json")
    assert deployed.returncode == Exit.DONE, deployed.stderr
    assert "deploy_core" in deployed.stderr
    name = json.loads(deployed.stdout)["run"]
    assert [one["id"] for one in json.loads(run(project, "runs", "--json").stdout)] == [name]
    shown = json.loads(run(project, "show", "last", "--output", "--json").stdout)
    assert (shown["status"], shown["arguments"]["more"]) == ("successful", ":ab:")
    assert "Write the variables down" in shown["output"]
    assert '"more": ":ab:"' in run(project, "show", name).stdout


def test_errors_are_json_too_and_have_their_exit_status(project: Path) -> None:
    refused = run(project, "drain", "edge-a", "--json")
    assert refused.returncode == Exit.USAGE
    assert json.loads(refused.stdout)["error"]["kind"] == "InvalidRequest"
    assert run(project, "deploy", "--host", "edge-a").returncode == Exit.USAGE
    assert run(project, "deploy", "-e", "nonsense").returncode == Exit.USAGE
    (project / "playbooks" / "deploy_core.yml").write_text(
        "- hosts: localhost\n  tasks: [{fail: {msg: 'no :ab: here'}}]\n"
    )
    failed = run(project, "deploy", "--json")
    assert failed.returncode == Exit.FAILED
    assert json.loads(failed.stdout)["error"]["message"] == "no :ab: here"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["migrate", "--to", "edge-b"], "nf"),
        (["migrate", "smf"], "--to"),
        (["migrate", "smf", "--to", "edge-b", "--timeout", "soon"], "'--timeout'"),
        (["status", "--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_options_are_json_too(project: Path, arguments: list[str], message: str) -> None:
    for_people = run(project, *arguments)
    assert (for_people.returncode, for_people.stdout) == (Exit.USAGE, "")
    assert message in for_people.stderr.lower()
    for_programs = run(project, *arguments, "--json")
    assert for_programs.returncode == Exit.USAGE
    error = json.loads(for_programs.stdout)["error"]
    assert error["kind"] == "InvalidRequest" and message in error["message"].lower()


def test_ctrl_c_outside_of_a_run_is_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_history: History) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(History, "list", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["runs", "--json"])
    assert ended.value.code == Exit.INTERRUPTED
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "Interrupted"


def test_without_an_inventory_nothing_is_said_to_be_done(project: Path) -> None:
    for name in ("drain_host", "core_status"):
        text = "- hosts: nf_hosts\n  gather_facts: false\n  tasks: [{debug: }]\n"
        (project / f"playbooks/{name}.yml").write_text(text)
    for arguments in (["drain", "edge-a"], ["status"]):
        done = run(project, *arguments)
        assert (done.returncode, done.stdout) == (Exit.USAGE, "")
        assert done.stderr.startswith("There is no host in nf_hosts. Name an inventory: the option -i")
    assert [one["status"] for one in json.loads(run(project, "runs", "--json").stdout)] == ["failed"]


def test_every_command_writes_json_and_says_what_its_arguments_are() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for name, command in group.commands.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--json" in options, name
        undescribed = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
        assert undescribed == [], name


def test_a_person_gets_long_lines_and_addresses_as_they_are(project: Path) -> None:
    value = f"fe80::ab:cd:34 {'x' * 300} [bold]02:42:ac:00:00:07[/bold]"
    assert run(project, "deploy", "-e", f"more={value}").returncode == Exit.DONE
    assert f'"more": "{value}"' in run(project, "show", "last").stdout


def test_a_watch_for_programs_is_one_document_a_line_also_of_an_error(project: Path) -> None:
    status = project / "playbooks/core_status.yml"
    works = status.read_text()
    status.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [{fail: {msg: gone}}]\n")
    with watched(project) as read:
        assert read()["unreachable"] == {"localhost": "gone"}
        status.write_text(works)
        until(lambda: read()["nfs"], "a reading that succeeds")


@contextmanager
def watched(project: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Gives a function that reads the next line; Ctrl-C at the end."""
    environment = os.environ | {"ORGANIC5GC_DATA": str(project / "data")}
    command = [sys.executable, "-m", "organic5gc", "--project", str(project), "status"]
    with subprocess.Popen(
        [*command, "--watch", "--interval", "0", "--json"], env=environment, stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout
        lines = watching.stdout
        try:
            yield lambda: dict(json.loads(lines.readline()))
        finally:
            watching.send_signal(signal.SIGINT)
            lines.read()
    assert watching.returncode == Exit.DONE


def test_every_kind_of_error_has_its_exit_status() -> None:
    ending = Ending("cancelled", "It was cancelled.")
    failures = {Refused: 3, HostUnreachable: 4, InDoubt: 5, PlaybookFailed: 1}
    for kind, status in failures.items():
        error = kind("play", "why", Path("out"), result={"blockers": [{"code": "a", "message": "b", "remedy": "c"}]})
        assert exit_status(error) == status
        assert json.loads(json.dumps(tables.error(error)))["blockers"] == [{"code": "a", "message": "b", "remedy": "c"}]
    assert exit_status(Cancelled("it", ending)) == 6
    assert exit_status(TimedOut("it", ending)) == 7
    assert all(issubclass(kind, OrganicError) for kind, _ in BY_ERROR)


def test_the_exit_statuses_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs/python.md").read_text()
    assert re.findall(r"(?m)^\| (\d+) \|", page) == [str(int(one)) for one in Exit]


def test_the_shell_completes(project: Path) -> None:
    environment = os.environ | {
        "_ORGANIC5GC_COMPLETE": "complete_bash",
        "COMP_WORDS": "organic5gc mig",
        "COMP_CWORD": "1",
    }
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'organic5gc'; from organic5gc.cli import app; app()"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.split() == ["migrate"], done.stderr
