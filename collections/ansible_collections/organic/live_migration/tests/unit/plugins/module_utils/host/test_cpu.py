# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import platform
from dataclasses import replace

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import cpu
from ansible_collections.organic.live_migration.plugins.module_utils.host.cpu import Cpu

SOURCE = Cpu("x86_64", "GenuineIntel", 4096, ["avx2", "avx512f", "sse4_2"])


def test_the_first_cpu_is_read_without_what_matters_to_the_kernel_alone() -> None:
    text = "vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx sse4_2 hypervisor avx2 pti smep\n\nprocessor\t: 1\n"
    assert cpu.parse(text) == ("GenuineIntel", ["avx2", "fpu", "sse4_2"])
    assert cpu.parse("processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n") == (
        "0x41",
        ["asimd", "fp", "sve"],
    )


def test_this_host_can_go_on_here() -> None:
    here = cpu.here()
    assert here.architecture == platform.machine()
    assert here.features
    assert cpu.blockers(here, here) == []


def test_a_target_with_more_is_no_reason() -> None:
    assert cpu.blockers(SOURCE, replace(SOURCE, features=[*SOURCE.features, "amx_tile"])) == []


def test_a_source_that_said_nothing_is_no_reason() -> None:
    assert cpu.blockers(Cpu(), SOURCE) == []


def test_missing_features_are_named() -> None:
    [blocker] = cpu.blockers(SOURCE, replace(SOURCE, features=["sse4_2"]))
    assert blocker.code == "cpu_features"
    assert "lacks avx2, avx512f," in blocker.message


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (replace(SOURCE, architecture="aarch64"), "architecture of the hosts differs: x86_64 on the source, aarch64"),
        (replace(SOURCE, page_bytes=65536), "page size of the hosts differs: 4096 on the source, 65536"),
    ],
)
def test_other_hosts_are_refused(target: Cpu, message: str) -> None:
    [blocker] = cpu.blockers(SOURCE, target)
    assert blocker.code == "cpu_differs"
    assert message in blocker.message
