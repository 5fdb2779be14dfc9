# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An orphan below a subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)) that is not the first process."""

from __future__ import annotations

import ctypes
import os
import signal

from answering import serve

PR_SET_CHILD_SUBREAPER = 36

reader, writer = os.pipe()
reaper = os.fork()
if reaper == 0:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent = os.fork()
    if parent == 0:
        orphan = os.fork()
        if orphan == 0:
            signal.pause()
        os._exit(0)
    os.waitpid(parent, 0)
    with open(f"/proc/self/task/{os.getpid()}/children", "rb") as own:
        os.write(writer, own.read())
    signal.pause()
orphan = int(os.read(reader, 100))


def parent_of(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


serve(lambda: {"of the reaper": parent_of(reaper) == os.getpid(), "of the orphan": parent_of(orphan) == reaper})
