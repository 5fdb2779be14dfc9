# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents name what is in the code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

ROOT = Path(__file__).resolve().parents[2]
LIVE_MIGRATION = ROOT / "collections/ansible_collections/organic/live_migration"
MODULE_UTILS = LIVE_MIGRATION / "plugins/module_utils"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_COMMAND = re.compile(r'^\t\{"([a-z_]+)", do_', re.MULTILINE)
# A command line of a code block, or a command in backticks: `make demo NF=amf`.
_MAKE = re.compile(r"(?:^(?:\$ )?|`)make ([a-z][a-z-]*)(?=[\s`]|$)", re.MULTILINE)
_PLAYBOOK = re.compile(r"(?<![\w/.-])playbooks/([\w-]+\.ya?ml)")
_TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)
_EVENT = re.compile(r'\\"event\\": \\"([a-z_]+)\\"')


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def first_arguments(*methods: str) -> Iterator[str]:
    """Literal first arguments of every call of some methods in module_utils."""
    for path in MODULE_UTILS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods):
                continue
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                yield node.args[0].value


def pager_sources() -> str:
    return "".join(path.read_text() for path in sorted((LIVE_MIGRATION / "src/pager").glob("*.c")))


def undescribed(names: set[str], document: str) -> set[str]:
    text = text_of(document)
    return {name for name in names if f"`{name}`" not in text and f"`{name} " not in text}


def test_every_step_is_described() -> None:
    steps = set(first_arguments("step"))
    assert {"freeze", "run"} <= steps
    assert undescribed(steps, "docs/results.md") == set()


def test_every_field_of_a_result_is_described() -> None:
    fields = set(json.loads(text_of("python_plugins/organic5gc/migration.schema.json"))["properties"])
    assert {"gaps_ms", "steps"} <= fields
    assert undescribed(fields, "docs/results.md") == set()


def test_every_mirror_command_is_described() -> None:
    sources = "".join(path.read_text() for path in sorted((LIVE_MIGRATION / "src/mirror").glob("*.c")))
    commands, events = set(_COMMAND.findall(sources)), set(_EVENT.findall(sources))
    assert {"hold", "unmute"} <= commands
    assert events == {"ready", "void"}
    assert undescribed(commands | events, "docs/protocol.md") == set()


def test_every_pager_command_and_event_is_described() -> None:
    source = pager_sources()
    commands, events = set(_COMMAND.findall(source)), set(_EVENT.findall(source))
    assert {"final_send", "before_run"} <= commands
    assert {"ready", "connection_lost"} <= events
    assert undescribed(commands | events, "docs/protocol.md") == set()


def test_every_strategy_is_described() -> None:
    assert undescribed(set(STRATEGIES), "docs/strategies.md") == set()


def test_every_phase_of_the_agent_is_described() -> None:
    assert undescribed(set(phases.PHASES), "docs/protocol.md") == set()


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a document have on GitHub."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        path, _hash, anchor = link.partition("#")
        target = document.parent / path if path else document
        if link.startswith("https://"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []


def make_targets_named(text: str) -> set[str]:
    return set(_MAKE.findall(text))


def playbooks_named(text: str) -> set[str]:
    return set(_PLAYBOOK.findall(text))


def test_commands_are_found_in_blocks_and_in_backticks() -> None:
    text = "$ make venv && true\nmake demo NF=amf\nRun `make lab-down`, which will make room: playbooks/swarm.yml.\n"
    assert make_targets_named(text) == {"venv", "demo", "lab-down"}
    assert playbooks_named(text) == {"swarm.yml"}
    assert playbooks_named("roles/x/playbooks/other.yml") == set()


def test_the_documents_name_targets_and_playbooks() -> None:
    text = "\n".join(document.read_text() for document in DOCUMENTS)
    assert {"venv", "demo"} <= make_targets_named(text)
    assert {"prepare_hosts.yml", "migrate_smf.yml"} <= playbooks_named(text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_and_playbook_exists(document: Path) -> None:
    text = document.read_text()
    assert make_targets_named(text) - set(_TARGET.findall(text_of("Makefile"))) == set()
    assert {name for name in playbooks_named(text) if not (ROOT / "playbooks" / name).is_file()} == set()


def test_every_file_that_the_architecture_names_exists() -> None:
    places = (MODULE_UTILS, LIVE_MIGRATION, LIVE_MIGRATION / "plugins", LIVE_MIGRATION / "tests/unit", ROOT)
    named = set(re.findall(r"[`>, ]([a-z0-9_]+(?:/[a-z0-9_*]+)+\.(?:py|c))", text_of("ARCHITECTURE.md")))
    assert "migration/source.py" in named
    tests = {path.name for path in (LIVE_MIGRATION / "tests").rglob("*.py")}
    assert {
        name for name in named if not any(list(place.glob(name)) for place in places) and Path(name).name not in tests
    } == set()
