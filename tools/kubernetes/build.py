# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what a Kubernetes cluster of the lab consists of, unless it is cached.

PYTHONPATH=collections python tools/kubernetes/build.py [--cache DIRECTORY]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from ansible_collections.organic.lab.plugins.module_utils.base import LabError, locked
from ansible_collections.organic.lab.plugins.module_utils.go_build import LOCK, Component, GoLayers

HERE = Path(__file__).resolve().parent


def components() -> list[Component]:
    """All components, those that are built quickly first."""
    names = sorted(path.parent.name for path in HERE.glob("*/component.json"))
    return [Component.read(HERE / name) for name in sorted(names, key=lambda name: name == "kubernetes")]


def main() -> int:
    """Build, and say how far it is; the exit status."""
    parser = argparse.ArgumentParser(description="Build Kubernetes and what belongs to it, unless it is cached.")
    parser.add_argument("--cache", type=Path, default=Path("/var/cache/organic-lab"))
    cache = parser.parse_args().cache
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - start:4.0f} s] {text}", flush=True)

    layers = GoLayers(cache, components())
    try:
        with locked(LOCK):
            missing = layers.missing()
            if missing:
                names = ", ".join(component.name for component in missing)
                say(f"Building {names}; the first build of all takes some 12 minutes on two idle cores.")
            layers.build(say)
    except (LabError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if missing:
        say(f"Built; it is cached in {cache}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
