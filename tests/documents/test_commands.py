# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the documents is run by a test, and its options, variables and files exist.

commands.toml says which test runs which command.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.core
import typer.main
from _pytest.mark import ParameterSet
from ansible.cli.playbook import PlaybookCLI
from organic5gc.cli import app

from python_plugins.tests import hand_made_results as results
from tests.harness.documents import Command, blocks, commands, commands_of, documents
from tests.harness.playbook import PROJECT, TEXT_ENVIRONMENT

MAPPING = tomllib.loads(Path(__file__).with_name("commands.toml").read_text())
AS_THEY_STAND: dict[str, str] = MAPPING["documents"]
THEMSELVES: list[str] = MAPPING["themselves"]["commands"]
HERE: list[str] = MAPPING["here"]["commands"]
SHELL: list[str] = MAPPING["shell"]["commands"]
NEEDED: dict[str, str] = MAPPING["needed"]
BY_TEST: dict[str, str] = MAPPING["tests"]

FOUND: dict[str, Command] = {}
for _document in documents():
    _runs_as_it_stands = str(_document.relative_to(PROJECT)) in AS_THEY_STAND
    for _command in commands(_document):
        if not (_runs_as_it_stands and any(_command in block.commands() for block in blocks(_document))):
            FOUND.setdefault(_command.text, _command)

ANYWHERE = {"mysite.yml", "play.yml", "nfs.yml", "hosts.yml"}
"""Files that a reader writes."""
_TARGET = re.compile(r"^(?P<name>[a-z][a-z-]*):(?!=)(?P<needs>[^#\n]*).*\n(?P<recipe>(?:\t.*\n)*)", re.MULTILINE)
RECIPES, NEEDS = {}, {}
for _match in _TARGET.finditer((PROJECT / "Makefile").read_text()):
    RECIPES[_match["name"]], NEEDS[_match["name"]] = _match["recipe"], _match["needs"].split()


def of(program: str) -> list[ParameterSet]:
    return [pytest.param(command, id=text) for text, command in FOUND.items() if command.program == program]


def test_blocks_say_what_they_hold() -> None:
    """A block without a language may hold commands that no test knows."""
    assert [(block.document.name, block.body[:40]) for path in documents() for block in blocks(path)
            if not block.language] == []  # fmt: skip


def test_commands_are_found() -> None:
    page = Path("page.md")
    assert [command.text for command in commands_of(page, "A=b make venv && source x  # and more")] == [
        "make venv",
        "source x",
    ]
    assert {"make demo", "organic5gc runs", "make venv", "ansible-playbook playbooks/recover_migrations.yml"} <= {
        *FOUND
    }


def test_each_command_is_known_once_and_none_is_left_over() -> None:
    known = [*THEMSELVES, *HERE, *SHELL, *NEEDED, *BY_TEST]
    assert sorted(known) == sorted({*known})
    unknown = [text for text, command in FOUND.items() if not {text, without_variables(command)} & {*known}]
    assert unknown == [], "commands that tests/documents/commands.toml does not name"
    assert sorted({*known} - FOUND.keys()) == [], "commands that no document gives any more"


def without_variables(command: Command) -> str:
    """A command of make that is a test by itself is the same one with OPTIONS or CASE."""
    plain = " ".join(word for word in command.words if "=" not in word)
    return plain if plain in THEMSELVES else command.text


def evidence(command: Command) -> Iterator[str]:
    """What a file that runs a command has in it, one of these."""
    yield command.document.name
    for word in command.words:
        if path := re.search(r"(?:playbooks|awx)/([\w-]+)\.yml", word):
            yield f'"{path[1]}"'
            yield path[0]
            if "lab_down" in word:
                yield "lab.down()"
    if command.words[:2] == ("make", "-C"):
        yield '"make", "-C"'
    elif command.program == "make":
        for target in targets(command):
            yield from (f"make {name}" for name in that_make(target))
            yield f'"make", "{target}"'
            yield from re.findall(r"(?:playbooks|tools)/[\w./-]+", RECIPES[target])
    elif command.program == "molecule":
        yield "molecule test"  # which converges, too
    elif command.program in ("promtool", "pip"):
        yield f'"{command.words[1]}", "{command.words[2]}"'
    elif command.program == "pre-commit":
        yield f'pre-commit("{command.words[1]}"'.replace("-", "_")
    elif command.program == "python":
        yield command.words[-1].rpartition(".")[2].removesuffix(".py")
        yield Path(command.words[-1]).stem


@pytest.mark.parametrize("text", [text for text in BY_TEST if text in FOUND])
def test_the_test_of_a_command_runs_it(text: str) -> None:
    path = PROJECT / BY_TEST[text]
    source = path.read_text()
    assert any(one in source for one in evidence(FOUND[text])), f"{path} names none of {[*evidence(FOUND[text])]}"


@pytest.mark.parametrize("page", AS_THEY_STAND)
def test_a_page_that_is_run_as_it_stands_is_named_by_its_test(page: str) -> None:
    assert page in (PROJECT / AS_THEY_STAND[page]).read_text()


def that_make(target: str) -> Iterator[str]:
    """A target, and those that need it."""
    yield target
    for name, needs in NEEDS.items():
        if target in needs:
            yield from that_make(name)


def targets(command: Command) -> list[str]:
    return [word for word in command.words[1:] if "=" not in word]


@pytest.mark.parametrize("command", of("make"))
def test_targets_and_their_variables_exist(command: Command) -> None:
    if command.words[1] == "-C":
        return
    for target in targets(command):
        assert target in RECIPES
        for variable in (word.partition("=")[0] for word in command.words[1:] if "=" in word):
            assert (
                f"$({variable})" in RECIPES[target]
                or f"$(if $({variable})" in RECIPES[target]
                or (variable.startswith("LAB_") and "$(lab_vars)" in RECIPES[target])
            ), f"make {target} does not use {variable}"


@pytest.mark.parametrize("text", THEMSELVES)
def test_what_is_a_test_by_itself_runs_tests(text: str) -> None:
    command = FOUND[text]
    if command.program == "make":
        [target] = targets(command)
        assert re.search(r"pytest|tests\.|tools/(molecule|ansible-core-versions)", RECIPES[target])
    for word in command.words[1:]:
        if word.startswith("tests/"):
            assert (PROJECT / word).exists()
        if word.startswith("tests."):
            assert (PROJECT / word.replace(".", "/")).is_dir() or (PROJECT / f"{word.replace('.', '/')}.py").is_file()


@pytest.mark.parametrize("text", NEEDED)
def test_what_a_test_needs_is_run_by_it(text: str) -> None:
    """The target itself, or a playbook with the same variables in the recipe of one that it needs."""
    assert NEEDED[text] in THEMSELVES
    needs = that_it_needs(targets(FOUND[NEEDED[text]])[0])
    recipes = "\n".join(RECIPES[target] for target in needs)
    words = FOUND[text].words
    assert {*targets(FOUND[text])} <= needs if words[0] == "make" else all(word in recipes for word in words)


def that_it_needs(target: str) -> set[str]:
    """The targets that a target needs, and those that they need."""
    found: set[str] = set()
    for name in NEEDS.get(target, []):
        if name in RECIPES:
            found |= {name, *that_it_needs(name)}
    return found


def arguments(command: Command) -> argparse.Namespace:
    """Parsed by ansible-playbook itself; an unknown option ends it."""
    cli = PlaybookCLI(list(command.words))
    cli.init_parser()
    parsed: argparse.Namespace = cli.parser.parse_args(list(command.words[1:]))
    return parsed


def what_a_playbook_knows(path: Path) -> str:
    """Its text, that of the playbooks that it imports, and the options of the roles that it names."""
    text = path.read_text()
    for imported in re.findall(r"import_playbook: (\S+)", text):
        text += what_a_playbook_knows(path.parent / imported)
    for collection, role in set(re.findall(r"\borganic\.(\w+)\.(\w+)", text)):
        specs = PROJECT / f"collections/ansible_collections/organic/{collection}/roles/{role}/meta/argument_specs.yml"
        text += specs.read_text() if specs.is_file() else ""
    for file in path.parent.glob("*.yml") if path.parent.name == "awx" else ():
        text += file.read_text()
    return text


@pytest.mark.parametrize("command", of("ansible-playbook"))
def test_playbooks_their_options_and_their_variables_exist(command: Command) -> None:
    parsed = arguments(command)
    for playbook in parsed.args:
        if playbook in ANYWHERE:
            continue
        known = what_a_playbook_knows(PROJECT / playbook)
        for given in parsed.extra_vars:
            if not given.startswith("@"):
                name = given.partition("=")[0]
                assert re.search(rf"\b{name}\b", known), f"{playbook} does not know the variable {name}"


def test_the_playbooks_parse() -> None:
    named = {
        word for command in FOUND.values() if command.program == "ansible-playbook" for word in arguments(command).args
    }
    playbooks = sorted(named - ANYWHERE)
    assert "playbooks/migrate_nf.yml" in playbooks
    done = run(["ansible-playbook", "--syntax-check", "--inventory", "inventories/example", *playbooks], PROJECT)
    assert all(f"playbook: {playbook}" in done.stdout for playbook in playbooks)


@pytest.mark.parametrize("command", of("organic5gc"))
def test_the_command_line_takes_the_options(command: Command) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    words = list(command.words[1:])
    place = next((number for number, word in enumerate(words) if word in group.commands), None)
    if place is None:
        assert command.text in HERE
        return
    name = words[place]
    with (
        group.make_context("organic5gc", words[: place + 1]) as context,
        group.commands[name].make_context(name, words[place + 1 :], parent=context),
    ):
        pass


def run(words: list[str], directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        words, cwd=directory, env={**TEXT_ENVIRONMENT, **environment}, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


class TestHere:
    """The commands that need no lab."""

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        """Where a reader is: with results of migrations and of a benchmark."""
        made = PROJECT / "python_plugins/tests"
        for name in ("report", "inter", "pre", "post"):
            shutil.copy(made / "hand_made_report.json", tmp_path / f"{name}.json")
        shutil.copy(made / "hand_made_clients.json", tmp_path / "clients.json")
        (tmp_path / "artifacts/benchmark").mkdir(parents=True)
        (tmp_path / "artifacts/benchmark/results.json").write_text(json.dumps(results.benchmark()))
        return tmp_path

    @pytest.mark.parametrize("text", [text for text in HERE if "--install-completion" not in text])
    def test_it_runs(self, text: str, directory: Path) -> None:
        words = list(FOUND[text].words)
        if words[0] == "organic5gc":
            words[:1] = [sys.executable, "-m", "organic5gc"]
        elif words[0].startswith(".venv/bin/python"):
            words = [sys.executable, *words[1:], *(["--help"] if words[-1] == "organic5gc" else [])]
        of_organic5gc = "organic5gc" in words
        environment = {
            "PYTHONPATH": ":".join(str(PROJECT / name) for name in ("collections", "python_plugins")),
            "ORGANIC5GC_DATA": str(directory / "data"),
        }
        done = run(words, directory if of_organic5gc else PROJECT, **environment)
        assert done.stdout
        if words[3:4] == ["report"]:
            page = directory / done.stdout.strip()
            assert page.read_text().startswith("<!DOCTYPE html>")

    def test_the_completion_is_installed_for_the_shell(self, tmp_path: Path) -> None:
        """The shell that is used is the parent process."""
        program = tmp_path / "organic5gc"
        program.write_text(f"#!{sys.executable}\nfrom organic5gc.cli import app\napp()\n")
        program.chmod(0o755)
        script = f"{program} --install-completion; true"
        run(["bash", "-c", script], tmp_path, HOME=str(tmp_path), PYTHONPATH=str(PROJECT / "python_plugins"))
        assert "organic5gc" in (tmp_path / ".bashrc").read_text()
