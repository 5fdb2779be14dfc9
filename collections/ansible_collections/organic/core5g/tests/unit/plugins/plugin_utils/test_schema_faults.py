# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault in a description is reported with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible_collections.organic.core5g.plugins.plugin_utils import descriptions, schema_faults

COLLECTION = Path(__file__).parents[4]


def faults(kind: str, text: str) -> list[str]:
    schema: dict[str, Any] = yaml.safe_load((COLLECTION / "schemas" / f"{kind}.yml").read_text(encoding="utf-8"))
    return schema_faults.faults(text, schema, yaml.safe_load(text))


def profile(old: str, new: str) -> tuple[int, list[str]]:
    """Line of a change in the SMF's profile, and what is found then."""
    text = (COLLECTION / "profiles" / "smf.yml").read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    line = text[: text.index(old)].count("\n") + 1
    return line, faults("profile", text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("plane:", "planes:", "there is no planes, known are: budgets, demands"),
        ("  strategy:", "  strategie:", "there is no strategie, known are: alternatives, paper_section, quote"),
        ("latency: high", "latency: huge", "got: huge"),
        ("strategy: pre_copy", "strategy: teleport", "got: teleport"),
        ("nrf_heartbeat_ms: 10000", "nrf_heartbeat_ms: soon", "cannot be converted to an int"),
        ("stateful: true", "stateful: perhaps", "stateful"),
    ],
)
def test_fault_of_a_profile_has_its_line(old: str, new: str, reason: str) -> None:
    line, found = profile(old, new)
    assert any(each.startswith(f"line {line}: ") and reason in each for each in found), found


def test_fault_deep_in_a_core_has_its_line() -> None:
    text = (COLLECTION / "cores" / "minicore.yml").read_text(encoding="utf-8")
    wrong = text.replace("{interface: N4, protocol: udp, port: 8805}", "{interface: N4, protocol: udp, prot: 8805}", 1)
    line = text[: text.index("{interface: N4")].count("\n") + 1
    found = faults("core", wrong)
    assert any(each.startswith(f"line {line}: there is no prot, known are: interface, port") for each in found), found


@pytest.mark.parametrize("kind", ["core", "profile", "network_driver"])
def test_what_is_right_has_no_faults(kind: str) -> None:
    for name in descriptions.known(kind):
        path = COLLECTION / {"core": "cores", "profile": "profiles"}.get(kind, "network_drivers") / f"{name}.yml"
        text = path.read_text(encoding="utf-8").replace("{{", "").replace("}}", "")
        assert faults(kind, text) == []


def test_the_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("profiles", "schemas"):
        (tmp_path / folder).mkdir()
    text = (COLLECTION / "profiles" / "smf.yml").read_text(encoding="utf-8").replace("plane:", "planes:")
    (tmp_path / "profiles" / "smf.yml").write_text(text, encoding="utf-8")
    schema = (COLLECTION / "schemas" / "profile.yml").read_text(encoding="utf-8")
    (tmp_path / "schemas" / "profile.yml").write_text(schema, encoding="utf-8")
    monkeypatch.setattr(descriptions, "COLLECTION", tmp_path)
    with pytest.raises(
        AnsibleActionFail, match=r"profiles/smf\.yml does not follow schemas/profile\.yml: .*line \d+: "
    ):
        descriptions.load(DataLoader(), "profile", "smf")
