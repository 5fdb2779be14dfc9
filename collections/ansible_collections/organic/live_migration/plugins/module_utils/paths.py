# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the resident runtime lies, on the host and, bind-mounted read-only, in every NF container."""

from __future__ import annotations

ROOT = "/opt/organic/resident"
INIT = f"{ROOT}/init"
PAGER = f"{ROOT}/pager"
AWAIT = f"{ROOT}/await"
KERNDAT = f"{ROOT}/criu.kdat"
MANIFEST = f"{ROOT}/manifest.json"
KERNDAT_IN_CONTAINER = "/run/criu.kdat"
"""Where CRIU looks for what it knows of the kernel; found there it starts in 10 ms instead of 50."""

CRIU = (
    f"{ROOT}/lib/ld-linux-x86-64.so.2",
    "--library-path",
    f"{ROOT}/lib",
    "--preload",
    f"{ROOT}/lib/preload.so",
    f"{ROOT}/criu",
)
"""Command of the self-contained CRIU; runs in any mount namespace that holds the runtime.

preload.so has it leave out the pages that the pager moves, spares it a walk over them, and lets it read the limits of
another user's process where the host lacks CAP_SYS_RESOURCE."""
