# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where IP_VS is found; the engine's answers are tested on a real swarm (tests/e2e/test_swarm.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.organic.core5g.plugins.module_utils import swarm


def test_no_ip_vs(tmp_path: Path) -> None:
    assert not swarm.has_ip_vs(tmp_path)


def test_ip_vs_in_use(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/ip_vs").touch()
    assert swarm.has_ip_vs(tmp_path)


@pytest.mark.parametrize("listing", ["modules.builtin", "modules.dep"])
def test_ip_vs_built_in_or_as_a_module(tmp_path: Path, listing: str) -> None:
    modules = tmp_path / "lib/modules" / os.uname().release
    modules.mkdir(parents=True)
    (modules / listing).write_text("kernel/net/netfilter/ipvs/ip_vs_rr.ko:\n")
    assert not swarm.has_ip_vs(tmp_path)
    (modules / listing).write_text("kernel/net/netfilter/ipvs/ip_vs.ko: x\n")
    assert swarm.has_ip_vs(tmp_path)
