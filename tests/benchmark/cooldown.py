# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the hosts into the same state before each run, whatever the run before left behind.

A backend that writes gigabytes of images leaves dirty pages that are still being written to the disk, and a page cache
that has taken all recently used memory. The remaining free memory is what a virtual machine has given back to its
hypervisor (free page reporting) and must fetch again at each first touch: the next run pays for it, whatever its
backend. README.md has the measured cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.harness.hosts import Host

from .clock import CpuClock

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

# What any backend runs, where it is installed.
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
    # The programs of the backends were dropped too. They are read again, so that no backend waits for the disk.
    "programs": f"""programs=$(type -P {" ".join(PROGRAMS)} || true)
libraries=$(for program in $programs; do ldd $program 2>/dev/null || true; done | grep -o '/[^ ]*' | sort -u)
cat $programs $libraries $(find {" ".join(PROGRAM_DIRECTORIES)} -type f 2>/dev/null || true) >/dev/null""",
}


class Cooldown:
    """The steps that are taken on all hosts before each run, the same for every backend."""

    def __init__(self, hosts: Sequence[Host], program: bytes, steps: Sequence[str] = STEPS) -> None:
        self._hosts, self._program, self._steps = hosts, program, steps

    def prepare(self) -> None:
        for host in self._hosts:
            host.put(self._program, PROGRAM, 0o755)

    def before_start(self) -> None:
        """Before the workload starts: nothing left to write, only programs in the cache, CPUs idle."""
        script = "\n".join(SCRIPTS[step] for step in STEPS if step in self._steps and step in SCRIPTS)
        if script:
            self._run(script)
        if "idle" in self._steps:
            self._await_idle()

    def before_client(self, memory_mb: int) -> list[int]:
        """When the workload has its memory, before it is timed: makes the free memory that a migration may need ready.

        Returns the CPU time of a page of it on each host, in ns: several times the ordinary if it was not ready."""
        if "memory" not in self._steps:
            return []
        return [int(output) for output in self._run(f"{PROGRAM} {SHARES * memory_mb + SPARE_MB}")]

    def _run(self, script: str) -> list[str]:
        """On all hosts at the same time: the hosts of a lab share one memory, and each must get its part."""
        with ThreadPoolExecutor(len(self._hosts)) as pool:
            return list(pool.map(lambda host: host.run(script), self._hosts))

    def _await_idle(self) -> None:
        """Other work on the machine may never end: how busy the CPUs were is recorded with the run."""
        deadline = time.monotonic() + IDLE_TIMEOUT_S
        while time.monotonic() < deadline:
            clock = CpuClock(self._hosts[0])
            time.sleep(IDLE_WINDOW_S)
            if clock.busy() <= IDLE:
                return
