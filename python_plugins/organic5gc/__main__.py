# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: ``python -m organic5gc demo``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from organic5gc.demo import NFS, Demo, DemoError, table
from organic5gc.display import StepDisplay
from organic5gc.playbooks import Interrupted, PlaybookFailed

INTERRUPTED = 130  # as a shell reports SIGINT


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the command, and return the exit status."""
    parser = argparse.ArgumentParser(prog="organic5gc", description="Live migration of 5G core network functions")
    parser.add_argument("--project", type=Path, default=Path(), help="directory of the checkout (default: here)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="migrate a live NF between two lab hosts and print what it cost")
    demo.add_argument("--lab-name", default="lab", help="default: %(default)s")
    demo.add_argument(
        "--lab-network-prefix", default="10.55", help="first two bytes of its addresses, default: %(default)s"
    )
    demo.add_argument("--nf", choices=NFS, default=NFS[0], help="default: %(default)s")
    demo.add_argument("--strategy", default="profile", help="default: %(default)s, the choice of the NF's profile")
    options = parser.parse_args(arguments)
    project = options.project.resolve()
    if not (project / "ansible.cfg").is_file():
        parser.error(f"{project} is not a checkout of Organic 5GC: it has no ansible.cfg")
    lab_name, prefix = options.lab_name, options.lab_network_prefix
    return run_demo(Demo(project, StepDisplay(), lab_name, prefix, options.nf, options.strategy))


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


if __name__ == "__main__":
    sys.exit(main())
