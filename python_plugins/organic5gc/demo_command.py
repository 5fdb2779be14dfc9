# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``organic5gc demo``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from organic5gc.demo import NFS, Demo, DemoError, table
from organic5gc.display import StepDisplay
from organic5gc.errors import Interrupted, InvalidRequest, PlaybookFailed

INTERRUPTED = 130  # as a shell reports SIGINT


def run(project: Path, lab_name: str, lab_network_prefix: str, nf: str, strategy: str) -> int:
    """Run it and return the exit status. Raises InvalidRequest for an NF that it cannot move."""
    if nf not in NFS:
        raise InvalidRequest(f"--nf: invalid choice: '{nf}' (choose from {', '.join(NFS)})")
    return run_demo(Demo(project, StepDisplay(), lab_name, lab_network_prefix, nf, strategy))


def run_demo(demo: Demo) -> int:
    """Run the demo; the last line is the path of its result, or what to do next."""
    if os.geteuid() != 0:
        print("The lab is made of network namespaces and needs root: sudo make demo", file=sys.stderr)
        return 1
    try:
        migration, result = demo.run()
    except PlaybookFailed as failure:
        print(explain(failure), file=sys.stderr)
        return 1
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except Interrupted:
        print("Interrupted. `make demo` continues from here; `make lab-down` takes the lab down.", file=sys.stderr)
        return INTERRUPTED
    print(f"\n{table(migration)}\n")
    violations = migration.violations()
    for violation in violations:
        print(f"Check failed: {violation}")
    print(os.path.relpath(result.with_suffix(".html")))
    print(os.path.relpath(result))
    return 1 if violations else 0


def explain(failure: PlaybookFailed) -> str:
    """What failed, where, why, and what to do next."""
    where = f"{failure.playbook}: {failure.task or 'start'}"
    return (
        f"\n{where}{f' on {failure.host}' if failure.host else ''} failed:\n{failure.message}\n\n"
        f"Full output of Ansible: {failure.output}\n"
        "Next: fix the cause that the message names and run `make demo` again; it continues from here.\n"
        "For a fresh start run `make lab-down` first."
    )
