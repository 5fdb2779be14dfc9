# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make core` (python -m tests.core): a whole core on three hosts, and each NF migrates under load by each strategy.

Writes artifacts/core/table.md, table.csv and results.json after each NF.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ansible_collections.organic.live_migration.plugins.module_utils.strategies.registry import STRATEGIES

from tests.harness.lab import inventory_of
from tests.harness.playbook import PROJECT, run_playbook

from .campaign import Campaign, CampaignError, Core, Load
from .table import Row, markdown, write

NFS = ("smf", "amf", "ausf", "udm", "udr", "nrf", "pcf", "nssf", "scp", "upf")
HOSTS = [
    *({"name": f"edge-{letter}", "number": 11 + number, "engine": True, "groups": ["nf_hosts"]}
      for number, letter in enumerate("ab")),
    {"name": "ran-a", "number": 13, "engine": False, "groups": ["ran"]},
    {"name": "edge-c", "number": 14, "engine": True, "groups": ["nf_hosts"]},
]  # fmt: skip
SUBSCRIBERS = {
    "first": "imsi-001010000000001",
    "count": 1000,
    # The test subscribers of TS 35.208, which the gNB driver has by default.
    "k": "465b5ce8b199b49faa5f0a2ee238a6bc",
    "opc": "cd63cb71954a9f4e48a5994e37a02baf",
}


def listed(text: str) -> list[str]:
    return text.split(",")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nfs", type=listed, default=list(NFS), help="in this order, separated by commas")
    parser.add_argument("--strategies", type=listed, default=list(STRATEGIES), help="in this order")
    parser.add_argument("--ues", type=int, default=200)
    parser.add_argument("--procedures-rate", type=float, default=20.0, help="procedures a second")
    parser.add_argument("--many", type=int, default=1000, help="UEs of the registration run; 0: none")
    parser.add_argument("--many-rate", type=float, default=150.0, help="registrations a second that it asks for")
    parser.add_argument("--lab-name", default="core")
    parser.add_argument("--lab-network-prefix", default="10.56")
    parser.add_argument("--keep-lab", action="store_true", help="leave lab and core up, and use what is up")
    parser.add_argument("--output", type=Path, default=PROJECT / "artifacts/core")
    return parser.parse_args()


def prepare(lab: dict[str, object], inventory: Path) -> Core:
    """Three engine hosts with the whole core and its subscribers."""
    run_playbook("playbooks/lab_up.yml", "--extra-vars", json.dumps({**lab, "namespace_hosts_hosts": HOSTS}))
    for playbook in ("prepare_hosts", "build_minicore", "deploy_core"):
        run_playbook("--inventory", str(inventory), f"playbooks/{playbook}.yml")
    core = Core(str(inventory))
    core.require("provision_subscribers", subscriber_range=SUBSCRIBERS)
    return core


def measure(core: Core, options: argparse.Namespace) -> bool:
    """Move the NFs and write the table; returns whether all went well."""
    load = Load(ues=options.ues, procedures_rate=options.procedures_rate)
    campaign = Campaign(core, load, options.strategies)
    rows: list[Row] = []
    notes = [f"{load.ues} UEs with a PDU session each, {load.procedures_rate:g} procedures/s, a ping each "
             f"{load.ping_interval_ms:g} ms, probes of N2 and of the NF's SBI each 5 ms"]  # fmt: skip
    figures: dict[str, object] = {}
    if options.many:
        many = campaign.register_many(options.many, options.many_rate)
        figures["registrations"] = many
        notes.append(
            f"{options.many} UEs register at {many['registrations_per_s']:.0f}/s ({options.many_rate:g}/s asked for)"
        )
    for row in campaign.rows(options.nfs):
        rows.append(row)
        print(" | ".join(row.cells), flush=True)
        write(options.output, rows, notes, {**figures, "runs": campaign.summaries})
    print(markdown(rows, notes))
    print(options.output / "table.md")
    return all(row.completed for row in rows)


def main() -> int:
    if os.geteuid():
        print("A lab needs root.", file=sys.stderr)
        return 1
    options = arguments()
    lab: dict[str, object] = {"lab_name": options.lab_name, "lab_network_prefix": options.lab_network_prefix}
    try:
        core = prepare(lab, inventory_of(options.lab_name))
        return int(not measure(core, options))
    except CampaignError as error:
        print(f"make core: {error}", file=sys.stderr)
        return 1
    finally:
        if not options.keep_lab:
            run_playbook("playbooks/lab_down.yml", "--extra-vars", json.dumps(lab))


if __name__ == "__main__":
    sys.exit(main())
