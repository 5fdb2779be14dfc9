# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a migration; its input is made by hand here, the end-to-end tests have the real one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES
from organic5gc.cli import main
from organic5gc.demo import Demo, DemoError, Hosts, fingerprint, other_host, table
from organic5gc.migration import SCHEMA, Held, Migration

HERE = Path(__file__).parent


def load(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture
def migration() -> Migration:
    return Migration.merge(load(HERE / "hand_made_report.json"), load(HERE / "hand_made_clients.json"))


def test_the_result_file_satisfies_its_schema_and_reads_back(migration: Migration, tmp_path: Path) -> None:
    path = tmp_path / "new" / "migration.json"
    migration.write(path)
    jsonschema.Draft202012Validator(load(SCHEMA)).validate(load(path))
    assert Migration.read(path) == migration


@pytest.mark.parametrize("ues_after", [101, 99])
def test_the_demo_shows_its_result_to_people_and_to_programs(
    migration: Migration, ues_after: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a lab: its run is replaced. tests/e2e/test_documented_commands.py has the real one."""
    shown = dataclasses.replace(migration, ues=Held(100, ues_after))
    monkeypatch.setattr(Demo, "run", lambda _self: (shown, Path("artifacts/demo/migration.json")))
    monkeypatch.chdir(HERE.parents[1])
    lost = [] if ues_after > 100 else ["100 UEs before, 99 after"]
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--json"])
    assert ended.value.code == len(lost)
    whole = json.loads(capsys.readouterr().out)
    assert whole["migration"] == json.loads(json.dumps(dataclasses.asdict(shown)))
    assert (whole["violations"], whole["page"]) == (lost, "artifacts/demo/migration.html")
    with pytest.raises(SystemExit) as ended:
        main(["demo"])
    assert ended.value.code == len(lost)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["artifacts/demo/migration.html", "artifacts/demo/migration.json"]
    assert [line for line in lines if line.startswith("Check failed")] == [f"Check failed: {one}" for one in lost]


def test_schema_and_type_name_the_same_fields() -> None:
    schema = load(SCHEMA)
    names = {field.name for field in dataclasses.fields(Migration)}
    assert names == set(schema["properties"]) == set(schema["required"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("gaps_ms", {"sbi": -1}), ("bytes_sent", 1.5), ("strategy", "copy"), ("steps", []), ("pfcp", {}), ("surplus", 1)],
)
def test_the_schema_refuses(field: str, value: object, migration: Migration) -> None:
    data = dataclasses.asdict(migration) | {field: value}
    assert list(jsonschema.Draft202012Validator(load(SCHEMA)).iter_errors(json.loads(json.dumps(data))))


def test_a_clean_migration_has_no_faults(migration: Migration) -> None:
    assert migration.violations() == []


def test_a_result_has_what_clients_saw_of_the_nf_that_moved(migration: Migration) -> None:
    assert dataclasses.asdict(migration.gaps_ms) == {"sbi": 66.4, "n2": 71.5, "n3": 6.2, "procedures": 84.1}
    assert dataclasses.asdict(migration.procedures) == {"succeeded": 117, "failed": 0}
    assert dataclasses.asdict(migration.sbi_connections) == {"opened": 1, "kept": 1}
    assert (migration.ues.after, migration.sessions.before) == (101, 98)


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("ues", {"after": 99}, "100 UEs before, 99 after"),
        ("sessions", {"after": 97}, "98 PDU sessions before, 97 after"),
        ("pfcp", {"association_kept": False}, "association was lost"),
        ("procedures", {"failed": 3}, "3 procedures failed"),
        ("sbi_requests", {"failed": 2}, "2 SBI requests failed"),
    ],
)
def test_what_was_lost_is_said(migration: Migration, part: str, change: dict[str, Any], words: str) -> None:
    changed = dataclasses.replace(getattr(migration, part), **change)
    violations = dataclasses.replace(migration, **{part: changed}).violations()
    assert len(violations) == 1
    assert words in violations[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"failed": 1, "unfinished": 2}, "3 procedures failed"),
        ({"reauthentications": 4}, "4 registered UEs were authenticated again"),
        ({"wrong_keys": 1, "count_jumps": 1, "nas_errors": 1}, "3 NAS counts, keys or messages"),
        ({"associations": {"gnbs": 2, "lost": 1}}, "1 of 2 SCTP associations"),
        ({"associations": {"gnbs": 2, "lost": 3}}, "0 of 2 SCTP associations"),
        ({"associations": {"gnbs": 0, "lost": 0}}, "0 of 0 SCTP associations"),
        ({"probes": {"smf": {"sent": 9, "answered": 9, "connections": 2}}}, "0 of 2 SBI connections"),
        ({"probes": {"smf": {"sent": 9, "answered": 8, "connections": 1}}}, "1 SBI requests failed"),
    ],
)
def test_what_the_clients_lost_is_said(change: dict[str, Any], words: str) -> None:
    clients = load(HERE / "hand_made_clients.json") | change
    violations = Migration.merge(load(HERE / "hand_made_report.json"), clients).violations()
    assert len(violations) == 1
    assert words in violations[0]


def test_the_table_tells_every_figure(migration: Migration) -> None:
    text = table(migration)
    for figure in (
        *("812.5", "61.2", "66.4", "71.5", "6.2 ms", "84.1", "20480000", "117 succeeded", "901 answered"),
        *("100 before, 101 after", "98 before, 99 after", "3991234567", "2 of 2", "1 of 1", "dump"),
    ):
        assert figure in text


def test_the_table_of_an_nf_without_pfcp(migration: Migration) -> None:
    assert "none of its own" in table(dataclasses.replace(migration, nf="amf", pfcp=None))


def answer(state: object) -> dict[str, Any]:
    return {"nfs": [{"name": "smf", "state": state}, {"name": "nrf", "state": None}]}


@pytest.mark.parametrize(
    ("first", "second", "target"), [({}, {"sessions": 1}, "edge-a"), ({"sessions": 1}, None, "edge-b")]
)
def test_the_target_is_the_host_where_the_smf_does_not_run(first: object, second: object, target: str) -> None:
    hosts = Hosts.of({"edge-a": answer(first), "edge-b": answer(second)})
    assert hosts.subscribers == 0
    assert hosts.running["nrf"] == []
    assert other_host(hosts, "smf") == target


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"edge-a": answer(None), "edge-b": answer(None)},
        {"edge-a": answer({"sessions": 1}), "edge-b": answer({"sessions": 1})},
        {"edge-a": answer({"sessions": 1})},
    ],
)
def test_no_target_is_guessed(answers: dict[str, Any]) -> None:
    with pytest.raises(DemoError, match="Exactly one running smf"):
        other_host(Hosts.of(answers), "smf")


def test_the_subscribers_are_those_of_the_udr() -> None:
    udr = {"name": "udr", "state": {"subscribers": 1000}}
    assert Hosts.of({"edge-a": answer(None), "edge-b": {"nfs": [udr]}}).subscribers == 1000


def test_a_fingerprint_changes_with_names_and_contents_only(tmp_path: Path) -> None:
    file = tmp_path / "roles" / "main.yml"
    file.parent.mkdir()
    file.write_text("a")
    first = fingerprint([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_text("compiled")
    file.touch()
    assert fingerprint([tmp_path]) == first
    file.write_text("b")
    second = fingerprint([tmp_path])
    file.rename(file.with_name("other.yml"))
    assert len({first, second, fingerprint([tmp_path])}) == 3


def test_the_schema_knows_every_strategy() -> None:
    """One that is registered must not make its own report invalid; PPM is used only where it is named."""
    assert set(load(SCHEMA)["properties"]["strategy"]["enum"]) == {*STRATEGIES, "ppm"}
