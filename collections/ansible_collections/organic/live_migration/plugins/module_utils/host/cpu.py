# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program finds out about its CPU when it starts, and then relies on (proc_cpuinfo(5))."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Blocker

_CPUINFO = Path("/proc/cpuinfo")
_NOT_FOR_PROGRAMS = re.compile(
    r"vm[xm]|svm|ept.*|vpid|tpr_shadow|vnmi|flexpriority|hypervisor|constant_tsc|nonstop_tsc|tsc_.*|arat|pln|pts|"
    r"hwp.*|cpuid_fault|epb|dts|dtherm|ida|tm2?|pebs|bts|dtes64|monitor|ds_cpl|est|pdcm|x2apic|apic|extapic|"
    r"arch_perfmon|perfctr_.*|aperfmperf|rep_good|nopl|xtopology|cpuid|pti|ssbd?|ibrs.*|ibpb.*|stibp|md_clear|"
    r"flush_l1d|arch_capabilities|cat_.*|cdp_.*|cqm.*|rdt_a|mba|intel_p.*|amd_.*|cmp_legacy|cr8_legacy|osvw|ibs|wdt|"
    r"skinit|topoext|lbrv|npt|nrip_save|vmcb_clean|flushbyasid|decodeassists|pausefilter|pfthreshold|v_.*|virt_.*|"
    r"vgif|avic|overflow_recov|succor|smca|mce|mca|mtrr|pat|pge|pse36?|de|vme|smep|smap|nx|acc_power|hw_pstate|"
    r"proc_feedback|invpcid(_single)?|pcid|xtpr|ospke|umip|bus_lock_detect|split_lock_detect|user_shstk|up|tsc_adjust"
)
"""Features of /proc/cpuinfo that matter to the kernel alone: no program's instructions depend on them."""


@dataclass(frozen=True)
class Cpu:
    """The CPUs of a host.

    Attributes:
        architecture: as of uname(2), for example ``x86_64``.
        vendor: as the CPU names itself; empty where it does not.
        page_bytes: of memory.
        features: that the instructions of a program may need.
        bound: numbers of those to which threads of the container are bound, see :mod:`task_attributes`.
    """

    architecture: str = ""
    vendor: str = ""
    page_bytes: int = 0
    features: list[str] = field(default_factory=list)
    bound: list[int] = field(default_factory=list)


def here() -> Cpu:
    """Of this host; all of its CPUs are taken to be the same."""
    vendor, features = parse(_CPUINFO.read_text())
    return Cpu(platform.machine(), vendor, os.sysconf("SC_PAGE_SIZE"), features)


def parse(cpuinfo: str) -> tuple[str, list[str]]:
    """Vendor and features of the first CPU in the text of /proc/cpuinfo."""
    first = cpuinfo.split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    fields = {name.strip(): value.strip() for name, _colon, value in pairs}
    names = (fields.get("flags") or fields.get("Features") or "").split()
    vendor = fields.get("vendor_id") or fields.get("CPU implementer") or ""
    return vendor, sorted(name for name in names if not _NOT_FOR_PROGRAMS.fullmatch(name))


def blockers(source: Cpu, target: Cpu) -> list[Blocker]:
    """Why a process that chose its instructions on ``source`` cannot go on on ``target``."""
    if not source.architecture:
        return []  # not known
    for what, one, other in (
        ("architecture", source.architecture, target.architecture),
        ("page size", str(source.page_bytes), str(target.page_bytes)),
    ):
        if one != other:
            return [
                Blocker(
                    "cpu_differs",
                    f"The {what} of the hosts differs: {one} on the source, {other} on the target",
                    "Choose a target host of the same kind",
                )
            ]
    missing = sorted(set(source.features) - set(target.features))
    if not missing:
        return []
    return [
        Blocker(
            "cpu_features",
            f"The CPU of the target host lacks {', '.join(missing)}, which the program may have found and use",
            "Choose a target host whose CPU has them, or hide them from the program on the source when it is started "
            "(CPU model of the virtual machine; GLIBC_TUNABLES=glibc.cpu.hwcaps; GODEBUG=cpu.FEATURE=off)",
        )
    ]
