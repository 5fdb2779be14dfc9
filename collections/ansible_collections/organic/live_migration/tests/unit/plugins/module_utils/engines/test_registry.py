# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines import registry
from ansible_collections.organic.live_migration.plugins.module_utils.errors import Refused
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import FakeEngine


def test_every_engine_has_the_name_under_which_it_is_found() -> None:
    assert registry.DEFAULT in registry.ENGINES
    assert {name: engine.name for name, engine in registry.ENGINES.items()} == {name: name for name in registry.ENGINES}


def test_another_engine_is_one_line_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ENGINES, FakeEngine.name, FakeEngine)
    assert isinstance(registry.connect("fake"), FakeEngine)


def test_an_engine_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in registry.ENGINES:
        with pytest.raises(Refused):
            registry.connect(name, str(tmp_path / "none"))
