# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cores hold what their schema says, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

COLLECTION = Path(__file__).parents[3]
CORES = sorted((COLLECTION / "cores").glob("*.yml"))
PROFILES = {path.stem for path in (COLLECTION / "profiles").glob("*.yml")}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def errors(schema: str, data: dict[str, Any]) -> list[str]:
    return list(ArgumentSpecValidator(load(COLLECTION / "schemas" / f"{schema}.yml")).validate(data).error_messages)


@pytest.mark.parametrize("path", CORES, ids=lambda path: path.stem)
def test_core_follows_the_schema(path: Path) -> None:
    core = load(path)
    assert errors("core", copy.deepcopy(core)) == []
    assert core["name"] == path.stem
    assert {nf["name"] for nf in core["nfs"]} <= PROFILES


def test_misspelt_key_of_a_core_fails() -> None:
    core = load(COLLECTION / "cores" / "minicore.yml")
    core["nfs"][0]["capabilites"] = ["NET_ADMIN"]
    assert any("capabilites" in error for error in errors("core", core))
