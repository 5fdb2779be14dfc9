# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the hosts into the same state before each run, whatever the run before left behind.

A way that writes gigabytes of images leaves dirty pages that go on being written to the disk, a full page cache, and,
where the host is a virtual machine, free memory that went back to the hypervisor (free page reporting): its next user
pays for a fault in the hypervisor on every page. The next run pays for all of that, whoever it is. README.md tells what
each step was seen to be worth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from clock import CpuClock
from hosts import Host

PROGRAM = "/run/organic-benchmark/memory"
# In the order in which they are taken.
STEPS = ("sync", "drop", "compact", "idle", "memory")
# What a host's own daemons keep dirty at any time is less.
DIRTY_KB = 4096
WRITEBACK_TIMEOUT_S = 60
# Without the workload: the daemons and our own ssh.
IDLE = 0.1
IDLE_WINDOW_S = 0.25
IDLE_TIMEOUT_S = 10
# Of the process's memory, on each host: the process itself once, images or what holds them once.
SHARES = 2
SPARE_MB = 256

# Linux: Documentation/filesystems/proc.rst (meminfo), Documentation/admin-guide/sysctl/vm.rst.
SCRIPTS = {
    "sync": f"""sync
until awk '/^(Dirty|Writeback):/ {{ kb += $2 }} END {{ exit kb > {DIRTY_KB} }}' /proc/meminfo; do
    if (( SECONDS > {WRITEBACK_TIMEOUT_S} )); then echo 'the disk is written to without end' >&2; exit 1; fi
    sleep 0.05
done""",
    "drop": "echo 3 > /proc/sys/vm/drop_caches",
    "compact": "echo 1 > /proc/sys/vm/compact_memory",
}


class Settling:
    """The steps that are taken on all hosts before each run, the same for every way."""

    def __init__(self, hosts: Sequence[Host], program: bytes, steps: Sequence[str] = STEPS) -> None:
        self._hosts, self._program, self._steps = hosts, program, steps

    def prepare(self) -> None:
        for host in self._hosts:
            host.put(self._program, PROGRAM, 0o755)

    def before_start(self) -> None:
        """Before the workload starts: nothing left to write, nothing cached, free memory in one piece, CPUs idle."""
        script = "\n".join(SCRIPTS[step] for step in STEPS if step in self._steps and step in SCRIPTS)
        if script:
            for host in self._hosts:
                host.run(script)
        if "idle" in self._steps:
            self._await_idle()

    def before_client(self, memory_mb: int) -> list[int]:
        """When the workload has its memory, before it is timed: what the migration may need of free memory is there.

        Returns what a page of it cost on each host, ns (not there: some times the ordinary)."""
        if "memory" not in self._steps:
            return []
        command = f"{PROGRAM} {SHARES * memory_mb + SPARE_MB}"
        # At the same time: hosts of a lab share their memory.
        with ThreadPoolExecutor(len(self._hosts)) as pool:
            return [int(output) for output in pool.map(lambda host: host.run(command), self._hosts)]

    def _await_idle(self) -> None:
        """Other work on the machine may go on for ever: what is left of it is recorded with the run."""
        deadline = time.monotonic() + IDLE_TIMEOUT_S
        while time.monotonic() < deadline:
            clock = CpuClock(self._hosts[0])
            time.sleep(IDLE_WINDOW_S)
            if clock.busy() <= IDLE:
                return
