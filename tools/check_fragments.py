#!/usr/bin/env python3
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that every changelog fragment is where antsibull-changelog reads it; elsewhere it is ignored without a word.

usage: tools/check_fragments.py [COLLECTION_DIRECTORY...]      (default: all of ours)
"""

from __future__ import annotations

import sys
from pathlib import Path

COLLECTIONS = Path(__file__).resolve().parents[1] / "collections/ansible_collections/organic"
OTHERS = {"changelog.yaml", "config.yaml", "fragments/.keep"}
"""What else there is in the directory changelogs."""
SUFFIXES = (".yml", ".yaml")
MAX_LINE = 160
"""As ansible-test's yamllint has it for the changelog that is made of them."""


def violations(collection: Path) -> list[str]:
    """What is wrong with the fragments of a collection, one line each."""
    found = []
    changelogs = collection / "changelogs"
    for path in sorted(changelogs.rglob("*")):
        name = path.relative_to(changelogs)
        if path.is_dir() or str(name) in OTHERS:
            continue
        if name.parent != Path("fragments"):
            found.append(f"{path}: move it to {changelogs / 'fragments'}, it is ignored here")
        elif path.suffix not in SUFFIXES or path.name.startswith("."):
            found.append(f"{path}: rename it to {path.stem.lstrip('.')}.yml, it is ignored under this name")
        else:
            lines = enumerate(path.read_text().splitlines(), 1)
            found += [f"{path}:{number}: longer than {MAX_LINE}" for number, line in lines if len(line) > MAX_LINE]
    return found


def main(arguments: list[str]) -> int:
    collections = [Path(one) for one in arguments] or sorted(path.parent for path in COLLECTIONS.glob("*/galaxy.yml"))
    found = [violation for collection in collections for violation in violations(collection)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
