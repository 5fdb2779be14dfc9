# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an NF tells whoever started it that it is ready: by the protocol of sd_notify(3)."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


def notify_ready() -> None:
    """Send READY=1 to the socket that NOTIFY_SOCKET names; nothing if there is none."""
    if not (name := os.environ.get("NOTIFY_SOCKET", "")):
        return
    # An abstract socket has a zero where its name is written with an @.
    address = f"\0{name[1:]}" if name.startswith("@") else name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.connect(address)
            notified.send(b"READY=1")
    except OSError as error:
        # After a migration: that socket is on the host where the NF was started.
        log.warning("readiness: %s: %s", name, error)
