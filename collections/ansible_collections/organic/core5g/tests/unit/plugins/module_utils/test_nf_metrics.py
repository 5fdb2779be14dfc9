# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import nf_metrics
from ansible_collections.organic.core5g.plugins.module_utils.errors import StateError
from ansible_collections.organic.core5g.plugins.module_utils.nf_metrics import Metrics
from ansible_collections.organic.live_migration.plugins.module_utils.session import metrics as migrations


def entry(name: str, status: str = "running", state: Any = None) -> dict[str, Any]:
    return {"name": name, "container": {"status": status}, "state": state, "error": None if state else "no answer"}


SMF = entry(
    "smf",
    state={
        "nrf_registered": True,
        "sessions": 98,
        "pfcp": [{"peer": "192.0.2.7", "up": True}, {"peer": "192.0.2.8", "up": False}],
    },
)
ENTRIES = [
    SMF,
    entry("nrf", state={"registrations": []}),
    entry("upf"),
    entry("amf", "absent"),
    entry("pcf", "awaiting"),
]


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    (tmp_path / "collector").mkdir()
    (tmp_path / "metrics").symlink_to(tmp_path / "collector")
    return Metrics(tmp_path / "metrics")


def test_what_runs_here_has_metrics_and_what_does_not_answer_is_down(metrics: Metrics) -> None:
    assert metrics.present(ENTRIES)
    lines = [line for line in metrics.text().splitlines() if not line.startswith("#")]
    assert lines == [
        'organic_nf_up{nf="smf"} 1',
        'organic_nf_up{nf="nrf"} 1',
        'organic_nf_up{nf="upf"} 0',
        'organic_nf_registered{nf="smf"} 1',
        'organic_nf_sessions{nf="smf"} 98',
        'organic_nf_pfcp_association_up{nf="smf",peer="192.0.2.7"} 1',
        'organic_nf_pfcp_association_up{nf="smf",peer="192.0.2.8"} 0',
    ]


def test_twice_changes_nothing_and_a_dry_run_writes_nothing(metrics: Metrics) -> None:
    assert metrics.present(ENTRIES, dry_run=True)
    assert metrics.text() == ""
    assert metrics.present(ENTRIES)
    assert not metrics.present(ENTRIES)
    assert metrics.present([])
    assert metrics.absent(dry_run=True)
    assert metrics.absent()
    assert not metrics.absent()
    assert list((metrics.link).iterdir()) == []


def test_a_host_without_a_collector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="migration_host_metrics_directory"):
        Metrics(tmp_path / "metrics").present(ENTRIES)
    assert not Metrics(tmp_path / "metrics").absent()


def test_no_metric_is_in_two_files() -> None:
    names = [family.name for family in (*nf_metrics.FAMILIES, *migrations.FAMILIES)]
    assert len(set(names)) == len(names)
    assert nf_metrics.FILE != migrations.FILE
