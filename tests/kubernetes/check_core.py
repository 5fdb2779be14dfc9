# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole core on the cluster serves UEs, also while its UPF goes to another node: `make kubernetes`.

Writes artifacts/kubernetes/core.md and core.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.harness.playbook import PROJECT

from .cluster import Cluster
from .core import CoreOnCluster

OUTPUT = PROJECT / "artifacts/kubernetes"
UES = 20


def load(core: CoreOnCluster, directory: Path, *moves: tuple[str, dict[str, str]]) -> dict[str, Any]:
    """What the gNB driver measured while playbooks ran."""
    summary = directory / "summary.json"
    core.playbook("gnb_start", gnb_ues=UES, gnb_procedures_rate=0)
    for playbook, variables in moves:
        core.playbook(playbook, **variables)
    core.playbook("gnb_stop", gnb_summary=str(summary))
    found: dict[str, Any] = json.loads(summary.read_text())
    return found


def row(what: str, found: dict[str, Any]) -> list[str]:
    pings = found["pings"]
    registrations = found["procedures"]["registration"]
    return [
        what,
        f"{registrations['succeeded']} of {registrations['attempted']}",
        f"{pings['answered']} of {pings['sent']}",
        str(pings["lost"]),
        f"{found['gaps_ms']['n3']:.0f}",
    ]


def write(rows: list[list[str]], figures: dict[str, Any]) -> None:
    head = ["while", "UEs registered", "pings answered", "lost", "largest gap of the user plane, ms"]
    lines = [head, ["---"] * len(head), *rows]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "core.md").write_text("".join(f"| {' | '.join(cells)} |\n" for cells in lines))
    (OUTPUT / "core.json").write_text(json.dumps(figures, indent=2))


def test_ues_keep_their_sessions_while_the_upf_goes_to_another_node(kubernetes: Cluster, tmp_path: Path) -> None:
    core = CoreOnCluster(kubernetes, "core5g")
    core.options = {"nf_ready_timeout_s": 90}
    core.playbook("build_minicore")
    core.playbook("deploy_core")
    try:
        core.playbook("provision_subscribers")
        first, second = core.hosts
        at = core.places()["upf"]
        other = second if at == first else first
        attached = load(core, tmp_path)
        redeployed = load(core, tmp_path, ("redeploy_upf", {"target_host": other}))
        rows = [row("nothing moves", attached), row(f"the UPF goes from {at} to {other}", redeployed)]
        write(rows, {"attached": attached, "redeployed": redeployed})
        for found in (attached, redeployed):
            assert found["procedures"]["registration"]["succeeded"] == UES
            assert found["failed"] == 0
            assert found["pings"]["lost"] <= 0.001 * found["pings"]["sent"]
        assert core.places()["upf"] == other
    finally:
        core.playbook("remove_core")
    assert core.leftovers() == []
