# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates agree with the playbooks, the roles' argument_specs and the modules' documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "collections/ansible_collections"
NOT_FOR_A_CONTROLLER = {
    "lab_up": "makes hosts on the controller's own machine",
    "lab_down": "removes them",
    "build_minicore": "compiles on the controller's own machine",
    "ran_start": "drives an SMF without an AMF, for tests of the SMF alone",
    "ran_stop": "ends that",
}
"""Playbooks that have no job template, and why."""
TYPES = {"int": "integer", "float": "float", "str": "text", "path": "text", "bool": "multiplechoice"}
ROLE_ACTIONS = ("ansible.builtin.include_role", "ansible.builtin.import_role")

Tree = Any
TEMPLATES: list[Tree] = yaml.safe_load((ROOT / "awx/job_templates.yml").read_text())["awx_job_templates"]
QUESTIONS = [(template, question) for template in TEMPLATES for question in template.get("survey", ())]


def plays(playbook: str) -> list[Tree]:
    """The plays of a playbook, with those that it imports."""
    found = []
    for play in yaml.safe_load((ROOT / playbook).read_text()):
        imported = play.get("ansible.builtin.import_playbook")
        found += plays(f"playbooks/{imported}") if imported else [play]
    return found


def mappings(tree: Tree) -> Iterator[dict[str, Tree]]:
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from mappings(child)


def role_options(task: dict[str, Tree]) -> dict[str, Tree]:
    """The options of the entry point of a role that a task includes or imports; else none."""
    for action in ROLE_ACTIONS:
        if action in task:
            entry_point = argument_specs(task[action]["name"])[task[action].get("tasks_from", "main")]
            options: dict[str, Tree] = entry_point["options"]
            return options
    return {}


def entry_points(playbook: str) -> Iterator[tuple[str, str]]:
    """The roles that a playbook includes or imports by a task, each with its entry point."""
    for task in mappings(plays(playbook)):
        for action in ROLE_ACTIONS:
            if action in task:
                yield task[action]["name"], task[action].get("tasks_from", "main")


def argument_specs(role: str) -> dict[str, Tree]:
    """What a role of our own collections documents, by entry point."""
    namespace, collection, name = role.split(".")
    content = (COLLECTIONS / namespace / collection / "roles" / name / "meta/argument_specs.yml").read_text()
    specs: dict[str, Tree] = yaml.safe_load(content)["argument_specs"]
    return specs


def module_options(name: str) -> dict[str, Tree]:
    """The documented options of a module or an action of our own collections; else none."""
    if not name.startswith("organic."):
        return {}
    namespace, collection, module = name.split(".")
    source = COLLECTIONS / namespace / collection / "plugins/modules" / f"{module}.py"
    if not source.exists():
        return {}
    for statement in ast.parse(source.read_text()).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "DOCUMENTATION":
            options: dict[str, Tree] = yaml.safe_load(ast.literal_eval(statement.value)).get("options", {})
            return options
    return {}


def specification(playbook: str, variable: str) -> Tree | None:
    """What the role or module option to which a playbook hands a variable accepts; None if none takes it as it is."""
    handed = re.compile(rf"^\{{\{{ {variable}( \|[^}}]*)? \}}\}}$")
    for task in mappings(plays(playbook)):
        for options, given in [
            (role_options(task), task.get("vars")),
            *((module_options(name), task[name]) for name in task),
        ]:
            for option, value in (given if isinstance(given, dict) else {}).items():
                if option in options and isinstance(value, str) and handed.match(value):
                    return options[option]
    return None


def test_each_playbook_has_a_job_template() -> None:
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    offered = [Path(template["playbook"]).stem for template in TEMPLATES]
    assert sorted(offered) == sorted(playbooks - NOT_FOR_A_CONTROLLER.keys())
    assert NOT_FOR_A_CONTROLLER.keys() <= playbooks


@pytest.mark.parametrize(
    ("template", "question"), [pytest.param(*pair, id=f"{pair[0]['name']}-{pair[1]['variable']}") for pair in QUESTIONS]
)
def test_a_question_agrees_with_what_takes_its_answer(template: Tree, question: Tree) -> None:
    variable = question["variable"]
    assert re.search(rf"\b{variable}\b", str(plays(template["playbook"]))), "the playbook does not know the variable"
    assert question["type"] != "password", "AWX says that a survey with a password has changed in every run"
    option = specification(template["playbook"], variable)
    if option is None:
        return
    if question["type"] == "multiplechoice" and option["type"] != "bool":
        assert question["choices"] == option["choices"]
    elif option.get("choices"):
        pytest.fail(f"the option has choices: {option['choices']}")
    else:
        assert question["type"] == TYPES[option["type"]]
    if question["default"] not in ("", None) and "default" in option:
        assert str(question["default"]).lower() == str(option["default"]).lower()


def test_each_entry_point_that_a_playbook_uses_documents_its_arguments() -> None:
    """Ansible checks the arguments of an entry point only if it has a specification."""
    used = {each for path in (ROOT / "playbooks").glob("*.yml") for each in entry_points(f"playbooks/{path.name}")}
    assert ("organic.core5g.nf", "describe") in used
    assert sorted(each for each in used if each[1] not in argument_specs(each[0])) == []


def test_the_check_reaches_the_options() -> None:
    """Otherwise the test above would pass for a playbook that it cannot read."""
    strategy = specification("playbooks/migrate_smf.yml", "migration_strategy")
    assert strategy is not None and strategy["choices"][0] == "profile"
    ues = specification("playbooks/gnb_start.yml", "gnb_ues")
    assert ues is not None and ues["type"] == "int"
    assert specification("playbooks/prepare_hosts.yml", "state") is None
    metrics = specification("playbooks/export_metrics.yml", "state")
    assert metrics is not None and metrics["choices"] == ["present", "absent"]
