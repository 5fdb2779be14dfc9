# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a directory of the container's own layer."""

from __future__ import annotations

import ctypes
import os

from answering import serve

_IN_CREATE = 0x100
libc = ctypes.CDLL(None, use_errno=True)
watcher = libc.inotify_init()
if watcher < 0 or libc.inotify_add_watch(watcher, b"/etc", _IN_CREATE) < 0:
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
serve(lambda: os.readlink(f"/proc/self/fd/{watcher}"))
