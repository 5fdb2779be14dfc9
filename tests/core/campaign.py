# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves each NF of a core under load, by each strategy in turn, from host to host."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.harness.playbook import PlaybookResult, run

from .sites import BY_DEFAULT, PROFILE, Deployment
from .table import REDEPLOYED, Row
from .windows import Window, failed_in, failures, longest_gaps, read_summary

DRIVER_FILES = "/run/minicore-gnb"
SUBSCRIBERS = {
    "first": "imsi-001010000000001",
    "count": 1000,
    # The test subscribers of TS 35.208, which the gNB driver has by default.
    "k": "465b5ce8b199b49faa5f0a2ee238a6bc",
    "opc": "cd63cb71954a9f4e48a5994e37a02baf",
}


WITHOUT_CLONE = ("upf", "front")
"""The UPF has a TUN device, and the front ends SCTP: neither can have a clone, so strategy ppm is left out."""
PPM = "ppm"


class CampaignError(Exception):
    """The core could not be brought to where measuring makes sense."""


@dataclass(frozen=True)
class Load:
    """What the gNB driver does while the NFs move. Rates are per second."""

    ues: int = 200
    registration_rate: float = 40.0
    procedures_rate: float = 20.0
    ping_interval_ms: float = 5.0


class Core:
    """A deployed core of an inventory.

    Args:
        inventory: of its hosts.
        deployment: how it runs.
    """

    def __init__(self, inventory: str, deployment: Deployment = BY_DEFAULT) -> None:
        self._inventory = inventory
        self.deployment = deployment
        listing = json.loads(run("ansible-inventory", inventory, "--list").stdout)
        self.hosts: list[str] = listing["nf_hosts"]["hosts"]
        self.ran: str = listing["ran"]["hosts"][0]
        given: dict[str, Any] = listing["_meta"]["hostvars"][self.hosts[0]]
        self._variables = deployment.variables(given)
        addresses: dict[str, Any] = {**given, **self._variables}["nf_addresses"]
        # Without those of further instances, such as upf-standby.
        self.addresses: dict[str, str] = {
            nf: address["sbi"] if isinstance(address, dict) else address
            for nf, address in addresses.items()
            if "-" not in nf
        }

    def playbook(self, name: str, **variables: Any) -> PlaybookResult:
        """Run a playbook, which may fail."""
        done = run(
            "ansible-playbook",
            self._inventory,
            f"playbooks/{name}.yml",
            "--extra-vars",
            json.dumps({**self._variables, **variables}),
        )
        return PlaybookResult.parse(done.returncode, done.stdout, done.stderr)

    def require(self, name: str, **variables: Any) -> None:
        """Run a playbook that must succeed, or raise CampaignError."""
        result = self.playbook(name, **variables)
        if result.status:
            raise CampaignError(f"{name}: {result.messages[-2000:]}{result.errors[-2000:]}")

    def module(self, hosts: str, module: str, **options: Any) -> dict[str, dict[str, Any]]:
        """Result of one module by host."""
        done = run("ansible", self._inventory, hosts, "--module-name", module, "--args", json.dumps(options))
        result = PlaybookResult.parse(done.returncode, done.stdout, done.stderr)
        if result.status:
            raise CampaignError(f"{module}: {result.messages[-2000:]}")
        return result.results

    def host_of(self, nf: str) -> str:
        """Where an NF runs now."""
        asked = {"nfs": {nf: self.addresses[nf]}, "must_run": False, **self.deployment.where}
        found = self.module("nf_hosts", "organic.core5g.nf_state_info", **asked)
        # by its container, as on a busy host an NF may be late with its answer
        running = [host for host, result in found.items() if result["nfs"][0]["container"]["status"] == "running"]
        if len(running) != 1:
            raise CampaignError(f"{nf} runs on {running or 'no host'}")
        return running[0]

    def procedures(self) -> str:
        """FILE.procedures.csv of the driver's last run."""
        found = self.module("ran", "ansible.builtin.find", paths=DRIVER_FILES, patterns="*.procedures.csv")
        [file] = found[self.ran]["files"]
        content = self.module("ran", "ansible.builtin.slurp", src=file["path"])[self.ran]["content"]
        return base64.b64decode(content).decode()


class Campaign:
    """Moves NFs of a core; each NF has a run of the driver, which also probes its SBI."""

    def __init__(self, core: Core, load: Load, strategies: Sequence[str]) -> None:
        self._core = core
        self._load = load
        self._strategies = strategies
        self.summaries: dict[str, dict[str, Any]] = {}

    def rows(self, nfs: Sequence[str]) -> Iterator[Row]:
        """Each migration, as soon as the run of its NF has ended."""
        for nf in nfs:
            yield from self._move(nf)

    def _move(self, nf: str) -> list[Row]:
        self._core.require(
            "gnb_start",
            gnb_ues=self._load.ues,
            gnb_rate=self._load.registration_rate,
            gnb_procedures_rate=self._load.procedures_rate,
            gnb_ping_interval_ms=self._load.ping_interval_ms,
            **self._probes(nf),
        )
        moved: list[tuple[Row, Window]] = []
        try:
            here = self._core.host_of(nf)
            for strategy in self._strategies:
                if strategy == PPM and nf in WITHOUT_CLONE:
                    continue
                hosts = self._core.hosts
                target = hosts[(hosts.index(here) + 1) % len(hosts)]
                row, window = self._migrate(nf, here, target, strategy)
                moved.append((row, window))
                if not row.completed and not self._core.deployment.moves:
                    moved.append(self._redeploy(nf, here, target))
                # one that has moved and lost something counts as not completed, too
                here = target if row.completed else self._core.host_of(nf)
        finally:
            summary = self._stop()
        self.summaries[nf] = summary
        gaps = read_summary(summary)
        failed = failures(self._core.procedures())
        rows = []
        for row, window in moved:
            longest = longest_gaps(gaps, window)
            by_interface: dict[str, float] = {
                name: longest[name] for name in ("n2", "n3", "procedures") if name in longest
            }
            if f"sbi.{nf}" in longest:
                by_interface["sbi"] = longest[f"sbi.{nf}"]
            rows.append(replace(row, gap_ms=by_interface, failed=failed_in(failed, window)))
        return rows

    def _probes(self, nf: str) -> dict[str, Any]:
        """Of the NF's SBI, where the gNBs' host reaches it."""
        if self._core.deployment.over_overlay:
            return {}
        return {"gnb_probes": {nf: f"http://{self._core.addresses[nf]}:8000/minicore/v1/alive"}}

    def _migrate(self, nf: str, source: str, target: str, strategy: str) -> tuple[Row, Window]:
        with tempfile.TemporaryDirectory(prefix="organic-core-") as scratch:
            report = Path(scratch, "migration.json")
            begin = time.time()
            result = self._core.playbook(
                "migrate_nf",
                nf=nf,
                target_host=target,
                migration_strategy=strategy,
                migration_report=str(report),
                force_migration=True,
            )
            window = Window(begin, time.time())
            completed = result.status == 0 and report.exists()
            row = Row(nf, strategy, source, target, completed, deployment=self._core.deployment.name)
            if not row.completed:
                said = [line for line in result.messages.splitlines() if not line.startswith("The arg spec validation")]
                return replace(row, message=" ".join(" ".join(said).split())[-300:]), window
            figures = json.loads(report.read_text())
        taken = str(figures["strategy"])
        return replace(
            row,
            strategy=taken if strategy in (PROFILE, taken) else f"{taken} after {strategy}",
            migration_time_ms=float(figures["migration_time_ms"]),
            process_downtime_ms=float(figures["process_downtime_ms"]),
        ), window

    def _redeploy(self, nf: str, source: str, target: str) -> tuple[Row, Window]:
        """What a user does where an NF cannot be moved."""
        begin = time.time()
        self._core.require("remove_nf", nf=nf)
        self._core.require("deploy_nf", nf=nf, host=target)
        if nf == "udr":
            self._core.require("provision_subscribers", subscriber_range=SUBSCRIBERS)
        window = Window(begin, time.time())
        duration_ms = 1000 * (window.end - begin)
        name = self._core.deployment.name
        return Row(nf, REDEPLOYED, source, target, True, migration_time_ms=duration_ms, deployment=name), window

    def _stop(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="organic-core-") as scratch:
            path = Path(scratch, "summary.json")
            self._core.require("gnb_stop", gnb_summary=str(path))
            summary: dict[str, Any] = json.loads(path.read_text())
            return summary

    def register_many(self, ues: int, rate: float) -> dict[str, Any]:
        """Register so many UEs at a rate, without sessions or other load; returns the driver's summary."""
        self._core.require(
            "gnb_start", gnb_ues=ues, gnb_rate=rate, gnb_procedures_rate=1, gnb_sessions_per_ue=0, gnb_timeout_s=300
        )
        return self._stop()
