# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make core` (python -m tests.core): a whole core on three hosts, and each NF migrates under load by each strategy.

Then the same core as services of a Docker Swarm: over macvlan, where each NF moves once, and with its SBI on an
overlay, where each move must be refused, and the NF is redeployed on the other host instead. Or, by
``--deployments kubernetes-macvlan``, as pods of the cluster of `make lab-kubernetes` (part of `make kubernetes`).
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

from .campaign import SUBSCRIBERS, Campaign, CampaignError, Core, Load
from .sites import DEPLOYMENTS, KUBERNETES, ON_ENGINES
from .table import REDEPLOYED, Row, markdown, write

NFS = ("smf", "amf", "ausf", "udm", "udr", "nrf", "pcf", "nssf", "scp", "upf")


def listed(text: str) -> list[str]:
    return text.split(",")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nfs", type=listed, default=list(NFS), help="in this order, separated by commas")
    parser.add_argument("--strategies", type=listed, default=list(STRATEGIES), help="in this order")
    parser.add_argument("--deployments", type=listed, default=ON_ENGINES, help="in this order")
    parser.add_argument("--ues", type=int, default=200)
    parser.add_argument("--procedures-rate", type=float, default=20.0, help="procedures a second")
    parser.add_argument("--many", type=int, default=1000, help="UEs of the registration run; 0: none")
    parser.add_argument("--many-rate", type=float, default=150.0, help="registrations a second that it asks for")
    parser.add_argument("--lab-name", default="core")
    parser.add_argument("--lab-network-prefix", default="10.56")
    parser.add_argument("--keep-lab", action="store_true", help="leave lab and core up, and use what is up")
    parser.add_argument("--remove-core", action="store_true", help="with --keep-lab: leave the lab up without a core")
    parser.add_argument("--output", type=Path, default=PROJECT / "artifacts/core")
    options = parser.parse_args()
    if unknown := set(options.deployments) - set(DEPLOYMENTS):
        parser.error(f"there is no deployment {', '.join(unknown)}: {', '.join(DEPLOYMENTS)}")
    if on_cluster(options) and len(options.deployments) > 1:
        parser.error("a deployment on Kubernetes has a lab of its own: name it alone")
    return options


def on_cluster(options: argparse.Namespace) -> bool:
    return any(DEPLOYMENTS[name].orchestrator == KUBERNETES for name in options.deployments)


def prepare(lab: dict[str, object], inventory: Path) -> None:
    run_playbook("playbooks/lab_up.yml", "--extra-vars", json.dumps(lab))
    for playbook in ("prepare_hosts", "build_minicore"):
        run_playbook("--inventory", str(inventory), f"playbooks/{playbook}.yml")


def deploy(core: Core) -> None:
    """The whole core and its subscribers."""
    if core.deployment.orchestrator == "swarm":
        core.require("swarm")
    core.require("deploy_core", **({"nf_names": list(core.addresses)} if core.deployment.over_overlay else {}))
    core.require("provision_subscribers", subscriber_range=SUBSCRIBERS)


def remove(core: Core) -> None:
    core.require("remove_core")
    if core.deployment.orchestrator == "swarm":
        core.require("swarm", state="absent")


def measure(inventory: Path, options: argparse.Namespace) -> bool:
    """Move the NFs of each deployment and write the table; returns whether all went well."""
    load = Load(ues=options.ues, procedures_rate=options.procedures_rate)
    rows: list[Row] = []
    figures: dict[str, object] = {}
    notes = [f"{load.ues} UEs with a PDU session each, {load.procedures_rate:g} procedures/s, a ping each "
             f"{load.ping_interval_ms:g} ms, probes of N2 and of the NF's SBI each 5 ms"]  # fmt: skip
    for name in options.deployments:
        core = Core(str(inventory), DEPLOYMENTS[name])
        deploy(core)
        campaign = Campaign(core, load, core.deployment.strategies or options.strategies)
        figures[name] = runs = dict[str, object](runs=campaign.summaries)
        if options.many:
            runs["registrations"] = many = campaign.register_many(options.many, options.many_rate)
            notes.append(
                f"{core.deployment.name}: {options.many} UEs register at {many['registrations_per_s']:.0f}/s "
                f"({options.many_rate:g}/s asked for)"
            )
        for row in campaign.rows(options.nfs):
            rows.append(row)
            print(" | ".join(row.cells), flush=True)
            write(options.output, rows, notes, figures)
        if not (options.keep_lab and name == options.deployments[-1]):
            remove(core)
    print(markdown(rows, notes))
    print(options.output / "table.md")
    may_move = {deployment.name: deployment.moves for deployment in DEPLOYMENTS.values()}
    return all(row.completed == (row.strategy == REDEPLOYED or may_move[row.deployment]) for row in rows)


def main() -> int:
    if os.geteuid():
        print("A lab needs root.", file=sys.stderr)
        return 1
    options = arguments()
    lab: dict[str, object] = {"lab_name": options.lab_name, "lab_network_prefix": options.lab_network_prefix}
    inventory = inventory_of(options.lab_name)
    try:
        prepare({**lab, **({"orchestrator": KUBERNETES} if on_cluster(options) else {"lab_edges": 3})}, inventory)
        return int(not measure(inventory, options))
    except CampaignError as error:
        print(f"make core: {error}", file=sys.stderr)
        return 1
    finally:
        if not options.keep_lab:
            run_playbook("playbooks/lab_down.yml", "--extra-vars", json.dumps(lab))
        elif options.remove_core:
            remove(Core(str(inventory), DEPLOYMENTS[options.deployments[-1]]))


if __name__ == "__main__":
    sys.exit(main())
