# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has files open that the kernel makes: two of its control group, as programs in Go have, and others."""

from __future__ import annotations

import os
from pathlib import Path

from answering import serve

GROUPS = Path("/sys/fs/cgroup")
QUOTA = next(path for path in (GROUPS / "cpu.max", *GROUPS.glob("*cpu*/cpu.cfs_quota_us")) if path.exists())
held = [os.open(path, os.O_RDONLY) for path in (QUOTA, "/proc/sys/net/ipv4/ip_forward")]
serve(lambda: [os.pread(one, 100, 0).decode() for one in held] + [os.readlink(f"/proc/self/fd/{one}") for one in held])
