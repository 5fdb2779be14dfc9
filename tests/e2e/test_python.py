# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMF moves by the Python package and by its command line, and one migration is cancelled."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from organic5gc import Core

from .conftest import CoreSite
from .test_migrate import other_host

ROOT = Path(__file__).parents[2]


def processes(site: CoreSite, host: str) -> Counter[str]:
    """Command lines of what runs on a host, without this look-up, kernel threads, SSH, and Docker's health checks."""
    lines = [line.split(maxsplit=2) for line in site.command(host, "ps -eo pid=,ppid=,args=").splitlines()]
    found = {int(pid): (int(parent), arguments) for pid, parent, arguments in lines}
    own = next(pid for pid, (_, arguments) in found.items() if arguments.startswith("ps -eo pid="))
    chain = []
    while own in found:
        chain.append(own)
        own = found[own][0]
    others = (arguments for pid, (_, arguments) in found.items() if pid not in chain)
    passing = re.compile(r"\[|sshd|runc |/opt/organic/resident/init health")
    return Counter(one for one in others if not passing.match(one))


def test_migrate_by_function_and_by_command_and_cancel(core: CoreSite, tmp_path: Path) -> None:
    api = Core(ROOT, Path(core.inventory), tmp_path)
    target = other_host(core)
    moved = api.migrate("smf", target, strategy="pre_copy")
    assert moved.report is not None
    assert (moved.report.status, moved.report.target_host, moved.report.violations) == ("completed", target, ())
    assert api.status().hosts_of("smf") == [target]

    back = other_host(core)
    options = [*("--inventory", core.inventory), *("--data", str(tmp_path)), "migrate", "smf", "--to", back, "--json"]
    command = [sys.executable, "-m", "organic5gc", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["report"]["target_host"] == back

    before = {host: processes(core, host) for host in core.nf_hosts}
    # It pauses before its switchover, so that the cancel comes before the commit point.
    running = api.start_migrate("smf", target, options={"pause_before_switchover": True, "timeout_s": 600})
    next(event for event in running.events() if event.migration and event.migration.state == "pre-switchover")
    assert {host: processes(core, host) for host in core.nf_hosts} != before
    ending = running.cancel()
    assert (ending.outcome, ending.hosts, ending.in_order) == ("cancelled", (back,), True)
    assert {host: processes(core, host) for host in core.nf_hosts} == before
    assert [run.status for run in api.history.list()] == ["cancelled", "successful", "successful"]
    assert api.status().migrations == ()
