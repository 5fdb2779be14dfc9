# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx/configure.yml, run against the stand-in for AWX."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .stand_in import Objects, stand_in

ROOT = Path(__file__).resolve().parents[2]


class Controller:
    """The stand-in, and the playbook that configures it."""

    def __init__(self, url: str, objects: Objects) -> None:
        self.objects = objects
        self._environment = {
            **os.environ,
            "CONTROLLER_HOST": url,
            "CONTROLLER_OAUTH_TOKEN": "a-token",
            "ANSIBLE_STDOUT_CALLBACK": "default",
        }

    def configure(self, *arguments: str) -> str:
        command = ["ansible-playbook", "-i", "localhost,", "awx/configure.yml", *arguments]
        finished = subprocess.run(command, cwd=ROOT, env=self._environment, text=True, capture_output=True)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def names(self, resource: str) -> set[str]:
        return {str(item["name"]) for item in self.objects.by_resource.get(resource, {}).values()}


@pytest.fixture
def controller() -> Iterator[Controller]:
    with stand_in() as (url, objects):
        yield Controller(url, objects)


@pytest.mark.exhaustive
def test_all_is_created_then_unchanged_then_removed(controller: Controller) -> None:
    controller.configure()
    templates = yaml.safe_load((ROOT / "awx/job_templates.yml").read_text())["awx_job_templates"]
    assert controller.names("job_templates") == {template["name"] for template in templates}
    assert controller.names("workflow_approval_templates") == {"Approve the drain"}
    definition = yaml.safe_load((ROOT / "awx/definition.yml").read_text().replace("!unsafe ", ""))
    assert controller.names("credential_types") == {one["name"] for one in definition["awx_credential_types"]}
    for resource, variable in (("execution_environments", "awx_execution_environment"), ("projects", "awx_project"),
                               ("inventories", "awx_inventory"), ("inventory_sources", "awx_inventory")):  # fmt: skip
        assert controller.names(resource) == {definition[variable]["name"]}
    asked = {template["name"] for template in templates if "survey" in template}
    surveys = {
        str(controller.objects.by_resource[resource][number]["name"]) for resource, number in controller.objects.surveys
    }
    assert surveys == {*asked, "Drain a host after approval"}
    nodes = {
        str(node["identifier"]): node for node in controller.objects.by_resource["workflow_job_template_nodes"].values()
    }
    follow = {
        name: controller.objects.associated.get(
            ("workflow_job_template_nodes", int(str(node["id"])), "success_nodes"), []
        )
        for name, node in nodes.items()
    }
    assert follow == {"predict": [nodes["approve"]["id"]], "approve": [nodes["drain"]["id"]], "drain": []}
    assert (nodes["predict"]["job_type"], nodes["drain"]["job_type"]) == ("check", "run")

    written = controller.objects.writes
    assert "changed=0" in controller.configure()
    assert "changed=0" in controller.configure("--check")
    assert controller.objects.writes == written

    controller.configure("-e", "awx_state=absent")
    left = Counter({name: len(items) for name, items in controller.objects.by_resource.items() if items})
    # The organization may hold what others have made, and AWX deletes approvals with their workflow by itself.
    assert left == {"organizations": 1, "workflow_approval_templates": 1}


@pytest.mark.parametrize("wrong", ["descripton: misspelt", "max_host: 3"])
def test_an_unknown_option_is_found_without_a_controller(wrong: str, tmp_path: Path) -> None:
    """ansible-lint passes it; the module refuses it in check mode before it asks the controller."""
    shutil.copytree(ROOT / "awx", tmp_path / "awx")
    tasks = tmp_path / "awx/tasks/present.yml"
    name = '    name: "{{ awx_organization }}"\n'
    assert tasks.read_text().count(name) == 1
    tasks.write_text(tasks.read_text().replace(name, f"{name}    {wrong}\n"))
    environment = {**os.environ, "CONTROLLER_HOST": "http://127.0.0.1:9", "CONTROLLER_OAUTH_TOKEN": "a-token"}
    command = ["ansible-playbook", "-i", "localhost,", str(tmp_path / "awx/configure.yml"), "--check"]
    finished = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True)
    assert finished.returncode == 2
    assert f"Unsupported parameters for (awx.awx.organization) module: {wrong.partition(':')[0]}" in finished.stdout


def test_a_wrong_state_is_refused_before_anything_is_touched(controller: Controller) -> None:
    with pytest.raises(AssertionError, match="awx_state is 'gone'"):
        controller.configure("-e", "awx_state=gone")
    assert controller.objects.writes == 0
