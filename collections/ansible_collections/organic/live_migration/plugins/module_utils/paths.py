# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every path that this collection owns on a host, in one table.

The C sources and the roles cannot import it and repeat a few of them; a unit test asserts that they agree.
"""

from __future__ import annotations

from pathlib import Path

# The resident runtime, on the host and, bind-mounted read-only, in every container that can migrate

ROOT = "/opt/organic/resident"
INIT = f"{ROOT}/init"
PAGER = f"{ROOT}/pager"
MIRROR = f"{ROOT}/mirror"
"""Strategy ``ppm`` alone needs it."""
PRELOAD = f"{ROOT}/lib/preload.so"
AWAIT = f"{ROOT}/await"
"""Directory of the await files: one permits one start of a container to await a process."""
KERNDAT = f"{ROOT}/criu.kdat"
MANIFEST = f"{ROOT}/manifest.json"
CRIU_PROGRAM = f"{ROOT}/criu"
RUNTIME_FILES = tuple(path[len(ROOT) + 1 :] for path in (INIT, PAGER, CRIU_PROGRAM, KERNDAT, PRELOAD, AWAIT, MANIFEST))
"""What a complete runtime has below its root, besides the libraries of CRIU."""
KERNDAT_IN_CONTAINER = "/run/criu.kdat"
"""Where CRIU looks for what it knows of the kernel; found there it starts in 10 ms instead of 50."""

CRIU = (
    f"{ROOT}/lib/ld-linux-x86-64.so.2",
    "--library-path",
    f"{ROOT}/lib",
    "--preload",
    PRELOAD,
    CRIU_PROGRAM,
)
"""Command of the self-contained CRIU; runs in any mount namespace that holds the runtime.

preload.so has it leave out the pages that the pager moves, spares it a walk over them, and lets it read the limits of
another user's process where the host lacks CAP_SYS_RESOURCE."""

# What a migration writes, in a file system in memory: a host that restarts has lost the process as well as this

STATE = Path("/run/organic")


def journals() -> Path:
    """One directory for each migration, with its journal on this host, its progress, its result and its images."""
    return STATE / "migrations"


def slots() -> Path:
    """One locked file for each migration in progress."""
    return STATE / "slots"


FREEZER = "organic-nf"
"""Name of the freezer group, below the container's own, in which the processes are frozen."""

CODE = "/run/organic-code"
"""Python code of our collections, kept on the host between two calls of the controller (plugin_utils/host_code.py)."""

# What outlives a restart of the host

SYSCTL_FILE = Path("/etc/sysctl.d/90-organic-resident.conf")
CRIU_CONFIG = Path("/etc/criu/runc.conf")
"""CRIU's configuration file for runc (criu(8)); method ``engine`` changes it for as long as it works."""

METRICS = Path("/opt/organic/metrics")
"""Link to the directory of node_exporter's textfile collector, where the role migration_host has set it."""

# The kernel's own

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Another one after each start of the host (random(4))."""
