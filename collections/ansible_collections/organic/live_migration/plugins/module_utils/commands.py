# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the host, run without a shell and written down for the result."""

from __future__ import annotations

import shlex
import subprocess

from .errors import MigrationError

_log: list[str] = []


def note(command: list[str]) -> None:
    """Write a command down that something else starts."""
    _log.append(shlex.join(command))


def noted() -> list[str]:
    """All commands of this process so far, ready to be read by a person."""
    return list(_log)


def run(command: list[str], stdin: str = "", timeout_s: float = 30) -> str:
    """Run a program and return its output.

    Raises:
        MigrationError: it is missing, failed or hung; says what it printed.
    """
    note(command)
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError:
        raise MigrationError(
            f"The program {command[0]} is missing on this host. Install it, or run playbooks/prepare_hosts.yml."
        ) from None
    except subprocess.TimeoutExpired:
        raise MigrationError(f"'{shlex.join(command)}' did not end within {timeout_s:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise MigrationError(f"'{shlex.join(command)}' ended with status {done.returncode}: {said}")
    return done.stdout
