# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issue forms are such that GitHub shows them, and what they and the pull-request template name exists.

The rules are those of GitHub's pages "Syntax for issue forms", "Syntax for GitHub's form schema" and "Common validation
errors when creating issue forms": a form that breaks one of them is not among the templates, and nobody is told.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.core
import typer.main
import yaml
from organic5gc.cli import app

from tests.documents.test_commands import FOUND, RECIPES, what_a_playbook_knows
from tests.harness.documents import commands_of
from tests.harness.playbook import PROJECT

FOLDER = PROJECT / ".github/ISSUE_TEMPLATE"
FORMS = sorted(path for path in FOLDER.glob("*.yml") if path.name != "config.yml")
PULL_REQUEST = PROJECT / ".github/pull_request_template.md"

TOP = {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
ATTRIBUTES: dict[str, tuple[set[str], set[str]]] = {
    "markdown": ({"value"}, set()),
    "input": ({"label"}, {"description", "placeholder", "value"}),
    "textarea": ({"label"}, {"description", "placeholder", "value", "render"}),
    "dropdown": ({"label", "options"}, {"description", "multiple", "default"}),
    "checkboxes": ({"label", "options"}, {"description"}),
}
"""The types of elements; of each the attributes that it must have, and those that it may have."""
LABELS = {"bug", "documentation", "duplicate", "enhancement", "good first issue", "help wanted", "invalid", "question",
          "wontfix"}  # fmt: skip
"""Every repository has these. GitHub leaves a label that does not exist out of the issue, without a message."""
FORBIDDEN_OPTION = "none"
"""GitHub's own word for a dropdown without a choice."""


def faults(form: dict[str, Any]) -> list[str]:
    """What GitHub would not accept in a form, one sentence each."""
    found = [f"{key} is no key of a form" for key in sorted(form.keys() - TOP)]
    found += [f"{key} is missing or empty" for key in ("name", "description") if not is_text(form.get(key))]
    found += [f"there is no label {label}" for label in form.get("labels", []) if label not in LABELS]
    body = form.get("body") or []
    for number, element in enumerate(body, 1):
        found += [f"element {number}: {fault}" for fault in faults_of_element(element)]
    inputs = [element for element in body if element.get("type") != "markdown"]
    if not inputs:
        found.append("nothing is asked for")
    for what, values in (
        ("id", [element["id"] for element in inputs if "id" in element]),
        ("label", [str(element.get("attributes", {}).get("label")).lower() for element in inputs]),
    ):
        found += [
            f"the {what} {value} is not unique" for value in sorted({one for one in values if values.count(one) > 1})
        ]
    return found


def faults_of_element(element: dict[str, Any]) -> Iterator[str]:
    """The same of one element of a form's body."""
    kind = element.get("type", "")
    if kind not in ATTRIBUTES:
        yield f"{kind!r} is no type of an element"
        return
    keys = {"type", "attributes"} | (set() if kind == "markdown" else {"id", "validations"})
    yield from (f"{key} is no key of a {kind}" for key in sorted(element.keys() - keys))
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(element.get("id", "absent"))):
        yield "an id has letters, digits, - and _ only"
    attributes = element.get("attributes") or {}
    required, others = ATTRIBUTES[kind]
    yield from (f"a {kind} has no attribute {key}" for key in sorted(attributes.keys() - required - others))
    yield from (f"a {kind} needs {key}" for key in sorted(required) if not attributes.get(key))
    for key in sorted(attributes.keys() & {"label", "description", "placeholder", "value", "render"}):
        if not is_text(attributes[key]):
            yield f"{key} is no text"
    validations = element.get("validations") or {}
    if validations.keys() - {"required"} or not isinstance(validations.get("required", False), bool):
        yield "of the validations only required is known, which is true or false"
    yield from faults_of_options(kind, attributes.get("options", []))


def faults_of_options(kind: str, options: list[Any]) -> Iterator[str]:
    """The same of the options of a dropdown or of checkboxes."""
    if kind == "checkboxes":
        yield from (f"{option} is no checkbox" for option in options
                    if not isinstance(option, dict) or not is_text(option.get("label"))
                    or option.keys() - {"label", "required"})  # fmt: skip
        options = [option.get("label") for option in options if isinstance(option, dict)]
    for option in options:
        if not is_text(option):
            yield f"the option {option} is no text: YAML reads yes, no, on and off as true and false"
        elif kind == "dropdown" and option.lower() == FORBIDDEN_OPTION:
            yield "GitHub adds an option None itself"
        elif options.count(option) > 1:
            yield f"the option {option} is there twice"


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def read(path: Path) -> dict[str, Any]:
    form: dict[str, Any] = yaml.safe_load(path.read_text())
    return form


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_github_shows_the_form(path: Path) -> None:
    assert faults(read(path)) == []


def test_each_form_has_a_name_of_its_own() -> None:
    assert [path.stem for path in FORMS] == ["bug", "feature"]
    assert len({read(path)["name"] for path in FORMS}) == len(FORMS)
    assert not list(FOLDER.glob("*.yaml")) and not list(FOLDER.glob("*.md"))


def test_the_chooser_has_only_keys_that_github_knows() -> None:
    chooser = read(FOLDER / "config.yml")
    assert chooser.keys() <= {"blank_issues_enabled", "contact_links"}
    assert isinstance(chooser["blank_issues_enabled"], bool)


GOOD: dict[str, Any] = {
    "name": "A form",
    "description": "For a test",
    "body": [
        {"type": "markdown", "attributes": {"value": "Thank you"}},
        {"type": "input", "id": "one", "attributes": {"label": "One"}, "validations": {"required": True}},
        {"type": "dropdown", "id": "two", "attributes": {"label": "Two", "options": ["a", "b"]}},
        {"type": "checkboxes", "attributes": {"label": "Three", "options": [{"label": "read", "required": True}]}},
    ],
}
Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda form: form.pop("name"), "name is missing"),
        (lambda form: form.update(description=" "), "description is missing or empty"),
        (lambda form: form.update(description=True), "description is missing or empty"),
        (lambda form: form.update(hello="world"), "hello is no key"),
        (lambda form: form.update(labels=["bugs"]), "no label bugs"),
        (lambda form: form.update(body=form["body"][:1]), "nothing is asked for"),
        (lambda form: form["body"][1].update(type="text"), "'text' is no type"),
        (lambda form: form["body"][1].update(id="with space"), "letters, digits"),
        (lambda form: form["body"][2].update(id="one"), "the id one is not unique"),
        (lambda form: form["body"][2]["attributes"].update(label="one"), "the label one is not unique"),
        (lambda form: form["body"][1]["attributes"].pop("label"), "a input needs label"),
        (lambda form: form["body"][1]["attributes"].update(render="json"), "a input has no attribute render"),
        (lambda form: form["body"][1].update(validations={"required": "yes"}), "only required is known"),
        (lambda form: form["body"][0].update(id="text"), "id is no key of a markdown"),
        (lambda form: form["body"][2]["attributes"].update(options=[]), "a dropdown needs options"),
        (lambda form: form["body"][2]["attributes"].update(options=["a", "a"]), "the option a is there twice"),
        (lambda form: form["body"][2]["attributes"].update(options=["a", True]), "the option True is no text"),
        (lambda form: form["body"][2]["attributes"].update(options=["a", "None"]), "an option None itself"),
        (lambda form: form["body"][3]["attributes"].update(options=["read"]), "read is no checkbox"),
    ],
)  # fmt: skip
def test_what_github_would_not_show_is_found(change: Change, fault: str) -> None:
    form = copy.deepcopy(GOOD)
    assert faults(form) == []
    change(form)
    assert fault in " | ".join(faults(form))


def texts() -> str:
    """What a reader of the templates sees."""
    shown = [PULL_REQUEST.read_text()]
    for path in FORMS:
        for element in read(path)["body"]:
            attributes = element["attributes"]
            shown += [str(attributes[key]) for key in ("label", "description", "value") if key in attributes]
            shown += [str(option) for option in attributes.get("options", [])]
    return "\n".join(shown)


def test_files_that_the_templates_name_exist() -> None:
    named = {*re.findall(r"\b(?:docs/)?[\w-]+\.md\b", texts())}
    assert {"SECURITY.md", "docs/troubleshooting.md", "docs/limits.md"} <= named
    assert [name for name in sorted(named) if not (PROJECT / name).is_file()] == []


def test_commands_that_the_templates_name_exist() -> None:
    text = texts()
    quoted = re.findall(r"`([^`\n]+)`", text)
    found = [
        command
        for one in quoted
        if one.split()[0] in ("make", "organic5gc")
        for command in commands_of(PULL_REQUEST, one)
    ]
    assert {command.text for command in found} == {"make test", "organic5gc show last --json"}
    for target in {*re.findall(r"\bmake ([a-z-]+)", text)}:
        assert target in RECIPES, f"make {target}"
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for command in found:
        if command.program == "organic5gc":
            assert command.text in FOUND, "no document gives it, so that no test runs it"
            with group.make_context("organic5gc", [command.words[1]]) as context:
                group.commands[command.words[1]].make_context(command.words[1], list(command.words[2:]), parent=context)
    known = what_a_playbook_knows(PROJECT / "playbooks/migrate_nf.yml")
    for variable in re.findall(r"-e (\w+)=", text):
        assert re.search(rf"\b{variable}\b", known), variable
