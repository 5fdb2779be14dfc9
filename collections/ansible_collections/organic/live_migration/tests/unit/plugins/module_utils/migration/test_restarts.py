# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a cluster may start the process of a service again after a roll back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Engine
from ansible_collections.organic.live_migration.plugins.module_utils.host.await_ticket import AwaitTicket
from ansible_collections.organic.live_migration.plugins.module_utils.migration import restarts
from ansible_collections.organic.live_migration.plugins.module_utils.session.journal import MigrationRecord


@pytest.mark.parametrize(("alive", "in_place", "held"), [(True, False, True), (False, False, False),
                                                         (True, True, False), (False, True, False)])  # fmt: skip
def test_the_hold_of_a_swarm_task_that_runs_stays_for_its_orchestrator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alive: bool, in_place: bool, held: bool
) -> None:
    monkeypatch.setattr(paths, "AWAIT", tmp_path)
    started: list[str] = []
    engine = SimpleNamespace(restarts_in_place=in_place, restart_if_ended=lambda name, _policy: started.append(name))
    record = SimpleNamespace(
        service="smf",
        migration_id="00112233445566ff",
        await_name="smf",
        container_id="c1",
        restart_policy="always",
        init=SimpleNamespace(alive=alive),
    )
    restarts.suspend(cast(MigrationRecord, record), cast(Engine, engine))
    restarts.restore(cast(MigrationRecord, record), cast(Engine, engine))
    assert AwaitTicket("smf").is_hold == held
    assert started == (["c1"] if in_place and not alive else [])
