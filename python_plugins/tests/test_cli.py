# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, as a program of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from organic5gc import tables
from organic5gc.cli import BY_ERROR, Exit, exit_status
from organic5gc.errors import Cancelled, HostUnreachable, InDoubt, OrganicError, PlaybookFailed, Refused, TimedOut
from organic5gc.results import Ending

from python_plugins.tests.test_core import AWAIT, NOTE, STATUS


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
