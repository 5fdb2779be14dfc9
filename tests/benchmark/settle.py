# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the hosts into the same state before each run, whatever the run before left behind.

A way that writes gigabytes of images leaves dirty pages that go on being written to the disk, and a page cache that has
taken all memory of late use. What is left is memory that a virtual machine has long given back to its hypervisor (free
page reporting) and must fetch again at each first touch: the next run pays for it, whoever it is. README.md tells what
that was seen to be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from clock import CpuClock
from hosts import Host

PROGRAM = "/run/organic-benchmark/memory"
# In the order in which they are taken.
STEPS = ("sync", "drop", "programs", "idle", "memory")
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

# On the way of any of the ways, where there are such.
PROGRAMS = (
    *("docker", "dockerd", "containerd", "containerd-shim-runc-v2", "runc", "crun", "podman", "conmon", "criu"),
    *("python3", "bash", "rsync", "ssh", "scp", "sshd", "nft", "iptables", "ip", "nsenter"),
)
PROGRAM_DIRECTORIES = ("/opt/organic", "/usr/lib/podman", "/usr/lib/openssh")

# Linux: Documentation/filesystems/proc.rst (meminfo), Documentation/admin-guide/sysctl/vm.rst (drop_caches).
SCRIPTS = {
    "sync": f"""sync
until awk '/^(Dirty|Writeback):/ {{ kb += $2 }} END {{ exit kb > {DIRTY_KB} }}' /proc/meminfo; do
    if (( SECONDS > {WRITEBACK_TIMEOUT_S} )); then echo 'the disk is written to without end' >&2; exit 1; fi
    sleep 0.05
done""",
    "drop": "echo 3 > /proc/sys/vm/drop_caches",
    # What the ways run was dropped too. It is read again, so that no way waits for the disk because of us.
    "programs": f"""programs=$(type -P {" ".join(PROGRAMS)} || true)
libraries=$(for program in $programs; do ldd $program 2>/dev/null || true; done | grep -o '/[^ ]*' | sort -u)
cat $programs $libraries $(find {" ".join(PROGRAM_DIRECTORIES)} -type f 2>/dev/null || true) >/dev/null""",
}


class Settling:
    """The steps that are taken on all hosts before each run, the same for every way."""

    def __init__(self, hosts: Sequence[Host], program: bytes, steps: Sequence[str] = STEPS) -> None:
        self._hosts, self._program, self._steps = hosts, program, steps

    def prepare(self) -> None:
        for host in self._hosts:
            host.put(self._program, PROGRAM, 0o755)

    def before_start(self) -> None:
        """Before the workload starts: nothing left to write, nothing cached but programs, CPUs idle."""
        script = "\n".join(SCRIPTS[step] for step in STEPS if step in self._steps and step in SCRIPTS)
        if script:
            self._run(script)
        if "idle" in self._steps:
            self._await_idle()

    def before_client(self, memory_mb: int) -> list[int]:
        """When the workload has its memory, before it is timed: what the migration may need of free memory is there.

        Returns what a page of it cost on each host, in ns of CPU time: several times the ordinary if it was not."""
        if "memory" not in self._steps:
            return []
        return [int(output) for output in self._run(f"{PROGRAM} {SHARES * memory_mb + SPARE_MB}")]

    def _run(self, script: str) -> list[str]:
        """On all hosts at the same time: those of a lab share one memory, which each is to have its part of."""
        with ThreadPoolExecutor(len(self._hosts)) as pool:
            return list(pool.map(lambda host: host.run(script), self._hosts))

    def _await_idle(self) -> None:
        """Other work on the machine may go on for ever: what is left of it is recorded with the run."""
        deadline = time.monotonic() + IDLE_TIMEOUT_S
        while time.monotonic() < deadline:
            clock = CpuClock(self._hosts[0])
            time.sleep(IDLE_WINDOW_S)
            if clock.busy() <= IDLE:
                return
