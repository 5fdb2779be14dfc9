# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of Debian's packages that some tests need, and that `make test-packages` fetches."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

UNPACKED = Path(__file__).resolve().parents[2] / ".cache/packages/usr/bin"
"""Packages that would start a service are not installed, see tools/test-packages."""


@dataclass(frozen=True)
class Program:
    """A program, and the package that it is in."""

    name: str
    package: str

    @property
    def path(self) -> str | None:
        return shutil.which(self.name, path=f"{os.environ['PATH']}:{UNPACKED}")

    @property
    def missing(self) -> str:
        return f"Debian's package {self.package} is missing: make test-packages fetches it"


CHROMIUM = Program("chromium", "chromium")
PROMETHEUS = Program("prometheus", "prometheus")
PROMTOOL = Program("promtool", "prometheus")
NODE_EXPORTER = Program("prometheus-node-exporter", "prometheus-node-exporter")
TMUX = Program("tmux", "tmux")


def needs(*programs: Program) -> pytest.MarkDecorator:
    """Skips a test, with a message that says what to do, where a program is missing."""
    missing = [one for one in programs if one.path is None]
    return pytest.mark.skipif(bool(missing), reason="; ".join(one.missing for one in missing) or "all are there")
