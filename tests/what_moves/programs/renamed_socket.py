# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens at a Unix socket that got its name after it was bound, as HAProxy's has; a client is connected."""

from __future__ import annotations

import os
import socket
import stat

from answering import serve

BOUND, NAME = "/run/stats.sock.7.tmp", "/run/stats.sock"


def look() -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(NAME)
        accepted = listener.accept()[0]
        accepted.close()
    old.send(b"x")
    kept = old_accepted.recv(1) == b"x"
    names = sorted(name for name in os.listdir("/run") if stat.S_ISSOCK(os.lstat(f"/run/{name}").st_mode))
    return {"answers": True, "kept": kept, "names": names}


listener = socket.socket(socket.AF_UNIX)
listener.bind(BOUND)
listener.listen()
os.rename(BOUND, NAME)
old = socket.socket(socket.AF_UNIX)
old.connect(NAME)
old_accepted = listener.accept()[0]
serve(look)
