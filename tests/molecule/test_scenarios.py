# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Molecule scenarios are complete: what Molecule 26.10 would skip or accept without a word is an error here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = {
    path.parent.name: path.parent for path in ROOT.glob("collections/ansible_collections/organic/*/galaxy.yml")
}
SHARED = "../strategy/"
"""Where the playbooks are that the scenarios of all strategies share."""
EXAMPLE = ROOT / "examples/counter"
"""The role of docs/molecule.md, with a scenario of its own."""
PLAYBOOKS = ("create", "converge", "side_effect", "verify", "cleanup", "destroy")
REQUIRED = ["create", "syntax", "converge", "idempotence", "verify", "cleanup", "verify ../nothing_left.yml", "destroy"]


@dataclass(frozen=True)
class Scenario:
    """One directory with a molecule.yml."""

    collection: str
    directory: Path
    own: dict[str, Any]
    base: dict[str, Any]

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def sequence(self) -> list[str]:
        steps: list[str] = {**self.base["scenario"], **self.own.get("scenario", {})}["test_sequence"]
        return steps

    def playbook(self, step: str) -> Path:
        """The playbook of a step; those that create and destroy the hosts are the default scenario's."""
        action, _space, argument = step.partition(" ")
        directory = self.directory
        if action in ("create", "destroy"):
            directory = directory.parent / "default"
        return directory / (argument or self.own.get("ansible", {}).get("playbooks", {}).get(action, f"{action}.yml"))


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def scenarios() -> list[Scenario]:
    found = []
    for name, collection in COLLECTIONS.items():
        molecule = collection / "extensions/molecule"
        for file in sorted(molecule.glob("**/molecule.yml")):
            found.append(Scenario(name, file.parent, read(file), read(molecule / "config.yml")))
    return found


ALL = scenarios()
every_scenario = pytest.mark.parametrize("scenario", ALL, ids=lambda one: f"{one.collection}-{one.name}")


def test_each_collection_creates_and_destroys_its_hosts_in_default() -> None:
    assert sorted(COLLECTIONS) == ["core5g", "lab", "live_migration"]
    assert [one.collection for one in ALL if one.name == "default"] == sorted(COLLECTIONS, key=list(COLLECTIONS).index)


def test_every_strategy_has_a_scenario_and_no_other_name_has_one() -> None:
    sharing = [one.name for one in ALL if one.playbook("converge") == one.directory / SHARED / "converge.yml"]
    assert sorted(sharing) == sorted(STRATEGIES), "add extensions/molecule/STRATEGY/molecule.yml as for the others"


@every_scenario
def test_sequence(scenario: Scenario) -> None:
    if scenario.name == "default":
        assert (scenario.sequence[0], scenario.sequence[-1]) == ("create", "destroy")
    else:
        assert [step for step in scenario.sequence if step in REQUIRED] == REQUIRED


@every_scenario
def test_every_step_has_its_playbook(scenario: Scenario) -> None:
    """Molecule: "Executed: Missing playbook", exit status 0."""
    for step in scenario.sequence:
        if step.split()[0] in PLAYBOOKS:
            assert scenario.playbook(step).resolve().is_file(), step
    unused = {path.stem for path in scenario.directory.glob("*.yml")} & {"prepare"}
    assert not unused, "of scenarios that share their hosts only the first would be prepared"


@every_scenario
def test_plays_have_no_misspelt_keys(scenario: Scenario) -> None:
    """Molecule takes unknown keys below provisioner, driver, dependency and platforms, and a `lint` that never runs."""
    assert set(scenario.own) <= {"ansible", "scenario"}
    assert set(scenario.own.get("scenario", {})) <= {"test_sequence"}
    assert set(scenario.own.get("ansible", {})) <= {"playbooks"}
    assert set(scenario.own.get("ansible", {}).get("playbooks", {})) <= set(PLAYBOOKS)


def test_the_base_configuration_is_the_same_everywhere() -> None:
    texts = {path.joinpath("extensions/molecule/config.yml").read_text() for path in COLLECTIONS.values()}
    assert len(texts) == 1
    base = yaml.safe_load(texts.pop())
    assert set(base) == {"prerun", "shared_state", "ansible", "scenario"}
    assert base["prerun"] is False  # it would install the collection in the home directory
    assert base["shared_state"] is True
    assert base["scenario"]["test_sequence"] == REQUIRED


def test_nothing_hides_the_scenarios() -> None:
    for collection in COLLECTIONS.values():
        assert not (collection / "molecule").exists(), "it hides extensions/molecule"
    assert not (ROOT / ".config/molecule").exists(), "it hides extensions/molecule/config.yml"


def test_the_page_shows_the_files_of_the_example() -> None:
    shown = dict(
        re.findall(r"^```\w+ (\S+)\n(.*?)^```$", (ROOT / "docs/molecule.md").read_text(), re.DOTALL | re.MULTILINE)
    )
    files = {path.name: path.read_text().removeprefix("---\n") for path in (EXAMPLE / "molecule/default").iterdir()}
    assert shown == files


def test_the_example_has_every_playbook_of_its_sequence() -> None:
    directory = EXAMPLE / "molecule/default"
    steps = read(directory / "molecule.yml")["scenario"]["test_sequence"]
    assert [step for step in steps if step in (*REQUIRED, "side_effect")] == [
        "destroy", "create", "syntax", "converge", "idempotence", "side_effect", "verify", "cleanup", "destroy"
    ]  # fmt: skip
    for step in steps:
        action, _space, argument = step.partition(" ")
        if action in PLAYBOOKS:
            assert (directory / (argument or f"{action}.yml")).is_file(), step


def test_molecule_is_pinned() -> None:
    assert re.search(r"^molecule==\d+\.\d+\.\d+$", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)


def test_make_runs_the_scenarios_of_every_collection() -> None:
    script = (ROOT / "tools/molecule").read_text()
    listed = re.search(r"then projects=\((.*?)\)", script)
    assert listed
    assert sorted(listed[1].split()) == sorted([*COLLECTIONS, EXAMPLE.name])
    # Both are accepted and change nothing here: the one without workers, the other without a schema.
    assert "--continue-on-failure" not in script
