# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs of the host, without a shell, and logs them for the result."""

from __future__ import annotations

import shlex
import subprocess

from ..errors import MigrationError

_log: list[str] = []


def log(command: list[str]) -> None:
    """Log a command that is started elsewhere."""
    _log.append(shlex.join(command))


def history() -> list[str]:
    """All commands of this process so far, as shell command lines."""
    return list(_log)


def run(command: list[str], stdin: str = "", timeout_s: float = 30) -> str:
    """Run a program and return its output.

    Raises:
        MigrationError: it is missing, failed or hung; with its output.
    """
    return Prepared(command).run(stdin, timeout_s)


class Prepared:
    """A program that was started and waits for its standard input.

    Raises:
        MigrationError: it is missing.
    """

    def __init__(self, command: list[str]) -> None:
        log(command)
        self._command = shlex.join(command)
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        except FileNotFoundError:
            raise MigrationError(
                f"The program {command[0]} is missing on this host. Install it, or run the role migration_host."
            ) from None

    def run(self, stdin: str, timeout_s: float = 30) -> str:
        """Give it its input, wait for its end, and return its output.

        Raises:
            MigrationError: it failed or hung; with its output.
        """
        try:
            output, errors = self._process.communicate(stdin, timeout_s)
        except subprocess.TimeoutExpired:
            self.close()
            raise MigrationError(f"'{self._command}' did not end within {timeout_s:.0f} s") from None
        if self._process.returncode:
            said = (errors or output).strip()
            raise MigrationError(f"'{self._command}' ended with status {self._process.returncode}: {said}")
        return output

    def close(self) -> None:
        """Kill it, if it still runs."""
        self._process.kill()
        self._process.communicate()
