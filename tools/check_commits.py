#!/usr/bin/env python3
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks commit messages: a subject `area: imperative` of at most 72 characters, and a body (CONTRIBUTING.md).

usage: tools/check_commits.py [RANGE]      (default: main..HEAD)
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

MAX_SUBJECT = 72
_SUBJECT = re.compile(r"[a-z0-9][a-z0-9_./, -]*: (?P<verb>[^\s:]+)( .+)?")
_NOT_IMPERATIVE = re.compile(
    r"(add|allow|call|change|check|correct|document|drop|explain|fix|implement|improve|keep|make|move|refactor|remove|"
    r"rename|replace|report|split|support|test|update|use|write)(s|es|d|ed|ing)"
)
"""Enough to catch the habit; whether any other word is a verb is for a reviewer to see."""


def violations(message: str) -> list[str]:
    """What is wrong with one commit message; subject and body are separated by an empty line."""
    subject, _newline, rest = message.strip("\n").partition("\n")
    found = []
    if len(subject) > MAX_SUBJECT:
        found.append(f"the subject has {len(subject)} characters, {MAX_SUBJECT} are allowed")
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        found.append("the subject is not of the form 'area: imperative'")
    elif _NOT_IMPERATIVE.fullmatch(match["verb"].lower()):
        found.append(f"'{match['verb']}' is not an imperative")
    if subject.endswith("."):
        found.append("the subject ends with a full stop")
    if not rest.strip():
        found.append("there is no body: write why, and what was measured")
    elif not rest.startswith("\n"):
        found.append("there is no empty line between subject and body")
    return found


def main(commits: str) -> int:
    command = ["git", "log", "-z", "--no-merges", "--format=%h%x01%B", commits, "--"]
    root = Path(__file__).resolve().parents[1]
    log = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    status = 0
    for entry in filter(None, log.split("\0")):
        name, _mark, message = entry.partition("\x01")
        for violation in violations(message):
            print(f"{name} {message.strip().partition(chr(10))[0]}: {violation}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "main..HEAD"))
