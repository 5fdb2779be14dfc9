# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.core.drain`: 20 containers leave a host by one drain, and come back one after another.

Half of them are the core's NFs under load, the others further NRFs of the same image; a gNB driver asks each of them
for an answer every --probe-interval-ms. Run it on a quiet machine, with PYTHONPATH=collections:python_plugins. Writes
artifacts/core/drain.json.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.harness.lab import inventory_of
from tests.harness.playbook import PROJECT, run_playbook

from .campaign import Core
from .windows import Window, longest_gaps, read_summary

ROLE = "organic.live_migration.resident_container"
FIRST_ADDRESS = 100
"""Of the further containers, in the core's subnet."""
STATE = "minicore/v1/alive"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=20, help="NFs and others together")
    parser.add_argument("--parallel", type=int, default=2, help="migrations of the drain in progress at once")
    parser.add_argument("--drain-only", action="store_true", help="bring them back by one undrain, for no comparison")
    parser.add_argument("--ues", type=int, default=20)
    parser.add_argument("--probe-interval-ms", type=float, default=25.0, help="of each NF; 5 ms for 20 fills a core")
    parser.add_argument("--lab-name", default="drainage")
    parser.add_argument("--lab-network-prefix", default="10.57")
    parser.add_argument("--keep-lab", action="store_true", help="leave lab and core up, and use what is up")
    parser.add_argument("--output", type=Path, default=PROJECT / "artifacts/core/drain.json")
    return parser.parse_args()


def prepare(lab: dict[str, object], inventory: Path) -> Core:
    run_playbook("playbooks/lab_up.yml", "--extra-vars", json.dumps(lab))
    for playbook in ("prepare_hosts", "build_minicore"):
        run_playbook("--inventory", str(inventory), f"playbooks/{playbook}.yml")
    core = Core(str(inventory))
    core.require("deploy_core", nf_placement=dict.fromkeys(core.addresses, core.hosts[0]))
    core.require("provision_subscribers")
    return core


def start_others(core: Core, inventory: Path, count: int) -> dict[str, str]:
    """Further containers on the first host; returns the address of each."""
    subnet = ipaddress.ip_network(f"{core.addresses['nrf']}/24", strict=False)
    made = {f"further-{number}": str(subnet[FIRST_ADDRESS + number]) for number in range(count)}
    tasks = [
        {
            "name": f"Start {name}",
            "ansible.builtin.include_role": {"name": ROLE},
            "vars": {
                "resident_container_name": name,
                "resident_container_host": core.hosts[0],
                "resident_container_image": "organic/minicore:latest",
                "resident_container_command": ["minicore", "nrf"],
                "resident_container_network": "core5g-macvlan",
                "resident_container_address": address,
                "resident_container_env": {"MINICORE_ADDRESS": address, "MINICORE_NRF": f"http://{address}:8000"},
            },
        }
        for name, address in made.items()
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as play:
        json.dump([{"name": "Start", "hosts": "nf_hosts", "gather_facts": False, "tasks": tasks}], play)
        play.flush()
        run_playbook("--inventory", str(inventory), play.name)
    return made


def timed(core: Core, playbook: str, **variables: Any) -> dict[str, Any]:
    """How a playbook ended, its time, and its span."""
    begin = time.time()
    result = core.playbook(playbook, **variables)
    end = time.time()
    message = "" if result.status == 0 else " ".join(result.messages.split())[-500:]
    return {"seconds": round(end - begin, 2), "completed": result.status == 0, "message": message,
            "span": Window(begin, end)}  # fmt: skip


def measure(core: Core, options: argparse.Namespace, others: dict[str, str]) -> dict[str, Any]:
    """Drain the host, then bring all back by a play each; with load, in one run."""
    home, other = core.hosts[:2]
    nfs = [nf for nf in core.addresses if nf != "front"]
    probed = {**{nf: core.addresses[nf] for nf in nfs}, **others}
    interval_ms = options.probe_interval_ms
    probes = {name: f"http://{address}:8000/{STATE}" for name, address in probed.items()}
    core.require("gnb_start", gnb_ues=options.ues, gnb_rate=40, gnb_procedures_rate=10, gnb_probes=probes,
                 gnb_probe_interval_ms=interval_ms, gnb_ping_interval_ms=interval_ms)  # fmt: skip
    report = options.output.with_name("drain-report.json")
    report.unlink(missing_ok=True)
    drained = timed(core, "drain_host", host=home, drain_containers=[*others], drain_parallel=options.parallel,
                    drain_report=str(report))  # fmt: skip
    drained["load"] = os.getloadavg()[0]
    containers = json.loads(report.read_text())["containers"] if report.exists() else []
    if options.drain_only:
        single = [timed(core, "undrain_host", host=home, drain_containers=[*others], drain_parallel=options.parallel,
                        drain_report=str(report))]  # fmt: skip
    else:
        single = [timed(core, "migrate_nf", nf=nf, target_host=home, force_migration=True) for nf in core.addresses]
        single += [timed(core, "migrate_container", container=name, target_host=home) for name in others]
    with tempfile.TemporaryDirectory(prefix="organic-core-") as scratch:
        path = Path(scratch, "summary.json")
        core.require("gnb_stop", gnb_summary=str(path))
        gaps = read_summary(json.loads(path.read_text()))
    by_drain = longest_gaps(gaps, drained.pop("span"))
    one_by_one = [longest_gaps(gaps, one.pop("span")) for one in single]
    return {
        "containers": len(probed) + 1,
        "from": home,
        "to": other,
        "drain": {
            **drained,
            "moved": sum(one["status"] == "moved" for one in containers),
            "longest_gap_ms": max(by_drain.values(), default=0.0),
            "gaps_ms": by_drain,
            "downtimes_ms": {one["name"]: one.get("process_downtime_ms") for one in containers},
        },
        "undrain" if options.drain_only else "one_after_another": {
            "seconds": round(sum(one["seconds"] for one in single), 2),
            "moved": sum(one["completed"] for one in single),
            "longest_gap_ms": max((max(one.values(), default=0.0) for one in one_by_one), default=0.0),
            "messages": [one["message"] for one in single if one["message"]],
        },
    }


def main() -> int:
    options = arguments()
    lab = {"lab_name": options.lab_name, "lab_network_prefix": options.lab_network_prefix}
    inventory = inventory_of(options.lab_name)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        core = prepare(lab, inventory)
        others = start_others(core, inventory, max(0, options.containers - len(core.addresses)))
        figures = measure(core, options, others)
    finally:
        if not options.keep_lab:
            run_playbook("playbooks/lab_down.yml", "--extra-vars", json.dumps(lab))
    options.output.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0 if figures["drain"]["moved"] == figures["containers"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
