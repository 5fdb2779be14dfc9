# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.core.redeploy`: what UEs that ping notice when the UPF gets to another host.

There and back by playbooks/redeploy_upf.yml; beside it the plain way, in which the UPF is removed and deployed on the
other host, and the SMF restores its sessions (TS 23.527); and as long without anything, for what the machine itself
adds. Each has a run of the gNB driver of its own. Run it with PYTHONPATH=collections:python_plugins. Writes
artifacts/core/redeploy.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.harness.lab import inventory_of
from tests.harness.playbook import PROJECT, run_playbook

from .campaign import CampaignError, Core
from .windows import Window, longest_gaps, read_summary

QUIET_S = 20.0
"""How long nothing is done, for comparison."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ues", type=int, default=50)
    parser.add_argument("--procedures-rate", type=float, default=10.0, help="procedures a second")
    parser.add_argument("--ping-interval-ms", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--lab-name", default="redeployment")
    parser.add_argument("--lab-network-prefix", default="10.58")
    parser.add_argument("--keep-lab", action="store_true", help="leave lab and core up, and use what is up")
    parser.add_argument("--output", type=Path, default=PROJECT / "artifacts/core/redeploy.json")
    return parser.parse_args()


def prepare(lab: dict[str, object], inventory: Path) -> Core:
    run_playbook("playbooks/lab_up.yml", "--extra-vars", json.dumps(lab))
    for playbook in ("prepare_hosts", "build_minicore"):
        run_playbook("--inventory", str(inventory), f"playbooks/{playbook}.yml")
    core = Core(str(inventory))
    core.require("deploy_core")
    core.require("provision_subscribers")
    return core


class Measurement:
    """Does something with the UPF while UEs ping."""

    def __init__(self, core: Core, options: argparse.Namespace) -> None:
        self._core = core
        self._options = options

    def under_load(self, what: str, work: Callable[[str], None]) -> dict[str, Any]:
        """Figures of one run; ``work`` gets the host that the UPF does not run on."""
        core, options = self._core, self._options
        here = core.host_of("upf")
        other = next(host for host in core.hosts if host != here)
        core.require(
            "gnb_start",
            gnb_ues=options.ues,
            gnb_procedures_rate=options.procedures_rate,
            gnb_ping_interval_ms=options.ping_interval_ms,
        )
        begin = time.time()
        try:
            work(other)
        finally:
            window = Window(begin, time.time())
            summary = self._summary()
        return {
            "what": what,
            "from": here,
            "to": core.host_of("upf"),
            "duration_s": round(window.end - window.begin, 1),
            "longest_gap_ms": longest_gaps(read_summary(summary), window)["n3"],
            "pings": summary["pings"],
            "failed_procedures": summary["failed"],
            "driver_lag_ms": summary["driver_lag_ms"],
        }

    def redeploy(self, target: str) -> None:
        self._core.require("redeploy_upf", target_host=target)

    def remove_and_deploy(self, target: str) -> None:
        self._core.require("remove_nf", nf="upf")
        self._core.require("deploy_nf", nf="upf", host=target)
        self._await_sessions()

    def _await_sessions(self) -> None:
        """Until the SMF has restored the sessions, which the playbooks do not wait for."""
        address = self._core.addresses["smf"]
        host = self._core.host_of("smf")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self._core.module(host, "organic.core5g.nf_state_info", nfs={"smf": address})[host]["nfs"][0][
                "state"
            ]
            if sum(peer["sessions"] for peer in found["pfcp"] if peer["up"]) == found["sessions"]:
                return
        raise CampaignError("the SMF has not restored the sessions within 60 s")

    def _summary(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="organic-core-") as scratch:
            path = Path(scratch, "summary.json")
            self._core.require("gnb_stop", gnb_summary=str(path))
            summary: dict[str, Any] = json.loads(path.read_text())
            return summary


def main() -> int:
    options = arguments()
    lab: dict[str, object] = {"lab_name": options.lab_name, "lab_network_prefix": options.lab_network_prefix}
    inventory = inventory_of(options.lab_name)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    try:
        measurement = Measurement(prepare(lab, inventory), options)
        for _ in range(options.rounds):
            rows.append(measurement.under_load("nothing", lambda _: time.sleep(QUIET_S)))
            rows.append(measurement.under_load("redeployed", measurement.redeploy))
            rows.append(measurement.under_load("redeployed, back", measurement.redeploy))
            rows.append(measurement.under_load("removed and deployed", measurement.remove_and_deploy))
            for row in rows[-4:]:
                print(json.dumps(row), flush=True)
    finally:
        if not options.keep_lab:
            run_playbook("playbooks/lab_down.yml", "--extra-vars", json.dumps(lab))
    options.output.write_text(json.dumps({"ues": options.ues, "rows": rows}, indent=2) + "\n")
    lost = sum(row["pings"]["lost"] for row in rows if row["what"].startswith("redeployed"))
    return 0 if lost == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
