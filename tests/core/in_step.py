# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a clone of each NF stays in step under load, and what parts it (python -m tests.core.in_step).

Each NF moves by strategy ppm with ``pause_before_switchover``: both run until the time is over, then the clone takes
over. One that is given up before is followed by pre_copy. Uses the core that is deployed in a lab (make demo, make core
OPTIONS=--keep-lab). Writes artifacts/in-step/core.md and core.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.harness.lab import inventory_of
from tests.harness.playbook import PROJECT

from .campaign import Core
from .windows import failures

NFS = ("smf", "amf", "ausf", "udm", "udr", "nrf", "pcf", "nssf", "scp")
"""All but those of campaign.WITHOUT_CLONE."""
OUT = PROJECT / "artifacts/in-step"
SPANS_S = (0.1, 1.0, 60.0)
PATIENT_MS = 200
"""So that the load of the machine does not decide how long they stay in step."""
POLL_S = 1.0


@dataclass
class Stay:
    """One clone.

    Attributes:
        name: of the NF.
        seconds: for which it was in step.
        inputs_per_s, answers: packets that both got a second, and answers that were the same.
        lag_ms: at the last look.
        parted: why it was given up; empty if it was not.
        moved_by: the strategy that moved the process in the end.
    """

    name: str
    seconds: float = 0.0
    inputs_per_s: float = 0.0
    answers: int = 0
    lag_ms: float = 0.0
    parted: str = ""
    moved_by: str = ""
    pause_ms: float = 0.0
    handover_ms: float = 0.0

    def note(self, clone: dict[str, Any]) -> None:
        """Figures of container_migration_info, or of the result."""
        self.seconds = max(self.seconds, clone["parallel_ms"] / 1000)
        self.answers, self.lag_ms = clone["answers_compared"], clone["lag_ms"]
        if self.seconds:
            self.inputs_per_s = clone["inputs"] / self.seconds


class InStep:
    """Keeps the NFs of a core in step with clones, one after the other."""

    def __init__(self, core: Core, inventory: str, hold_s: float, max_wait_ms: int) -> None:
        self._core, self._inventory = core, inventory
        self._hold_s, self._max_wait_ms = hold_s, max_wait_ms

    def stay(self, nf: str) -> Stay:
        source = self._core.host_of(nf)
        hosts = self._core.hosts
        target = hosts[(hosts.index(source) + 1) % len(hosts)]
        stay = Stay(nf)
        with tempfile.TemporaryDirectory(prefix="organic-in-step-") as scratch:
            report = Path(scratch, "report.json")
            variables = {
                "nf": nf,
                "target_host": target,
                "migration_strategy": "ppm",
                "migration_report": str(report),
                "force_migration": True,
                "migration_options": {
                    "pause_before_switchover": True,
                    "ppm_attempts": 1,
                    "ppm_max_wait_ms": self._max_wait_ms,
                    "timeout_s": round(self._hold_s) + 60,
                },
            }
            command = ["ansible-playbook", "--inventory", self._inventory, "playbooks/migrate_nf.yml"]
            with subprocess.Popen(
                [*command, "--extra-vars", json.dumps(variables)],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as playbook:
                while playbook.poll() is None:
                    self._look(source, nf, stay)
                    time.sleep(POLL_S)  # between two looks
                said = playbook.communicate()[0]
            if not report.exists():
                stay.parted = " ".join(said.split())[-300:]
                return stay
            result = json.loads(report.read_text())
        stay.moved_by = result["strategy"]
        if attempts := result.get("attempts"):
            stay.parted = attempts[0]["message"].removesuffix(f" The container runs on {source} as before.")
            stay.seconds = max(stay.seconds, attempts[0].get("parallel_ms", 0.0) / 1000)
        else:
            stay.note(result)
            stay.pause_ms, stay.handover_ms = result["clone_pause_ms"], result["handover_ms"]
        return stay

    def _look(self, source: str, nf: str, stay: Stay) -> None:
        found = self._core.module(source, "organic.live_migration.container_migration_info", name=nf)[source]
        for migration in found["migrations"]:
            progress = migration.get("progress") or {}
            if migration["state"] != "pre-switchover":
                continue
            if progress.get("strategy") == "ppm" and progress.get("clone"):
                stay.note(progress["clone"])
                if stay.seconds < self._hold_s:
                    continue
            self._core.module(source, "organic.live_migration.container_migration_continue", name=nf)


def markdown(stays: list[Stay], lost: str) -> str:
    lines = [
        "| program | 100 ms | 1 s | 60 s | in step | inputs/s | answers compared | pause | handover | parted by |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in stays:
        spans = ["yes" if one.seconds >= span else "no" if one.parted else "not tried" for span in SPANS_S]
        figures = [f"{one.seconds:.1f} s", f"{one.inputs_per_s:.0f}", str(one.answers)]
        figures += [f"{one.pause_ms:.1f} ms", f"{one.handover_ms:.1f} ms"] if one.handover_ms else ["", ""]
        lines.append("| " + " | ".join([one.name, *spans, *figures, one.parted]) + " |")
    return "\n".join([*lines, "", lost, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab-name", default="lab")
    parser.add_argument("--nfs", type=lambda text: text.split(","), default=list(NFS))
    parser.add_argument("--hold-s", type=float, default=SPANS_S[-1])
    parser.add_argument("--max-wait-ms", type=int, default=PATIENT_MS)
    parser.add_argument("--ues", type=int, default=50)
    parser.add_argument("--procedures-rate", type=float, default=20.0)
    parser.add_argument("--probes", type=int, default=1, help="SBI probes of the NF, 200 requests/s each")
    options = parser.parse_args()
    inventory = str(inventory_of(options.lab_name))
    core = Core(inventory)
    stays: list[Stay] = []
    OUT.mkdir(parents=True, exist_ok=True)
    failed = 0
    for nf in options.nfs:
        url = f"http://{core.addresses[nf]}:8000/minicore/v1/alive"
        core.require(
            "gnb_start",
            gnb_ues=options.ues,
            gnb_procedures_rate=options.procedures_rate,
            gnb_probes={f"{nf}{number or ''}": url for number in range(options.probes)},
        )
        try:
            stays.append(InStep(core, inventory, options.hold_s, options.max_wait_ms).stay(nf))
        finally:
            summary = Path(OUT, f"{nf}.json")
            core.require("gnb_stop", gnb_summary=str(summary))
        probes = json.loads(summary.read_text())["probes"]
        unanswered = sum(probe["sent"] - probe["answered"] for probe in probes.values())
        procedures = core.procedures()
        (OUT / f"{nf}.procedures.csv").write_text(procedures)
        failed += len(failures(procedures)) + unanswered
        load = f"{options.ues} UEs, {options.procedures_rate:g} procedures/s, {200 * options.probes} SBI requests/s"
        lost = f"{load}: {failed} failed"
        print(markdown(stays[-1:], lost), flush=True)
        (OUT / "core.md").write_text(markdown(stays, lost))
        (OUT / "core.json").write_text(json.dumps([asdict(one) for one in stays], indent=2) + "\n")
    print(OUT / "core.md")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
