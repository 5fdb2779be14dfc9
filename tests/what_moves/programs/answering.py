# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the program of a case answer what state it is in. Runs in the container: standard library only."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

ADDRESS = "\0case"


def serve(look: Callable[[], object]) -> None:
    """Say that the state is held, then answer each question with what ``look`` returns; never ends.

    An answer is compared with the one before the migration: it must hold nothing that changes by itself.
    """
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(ADDRESS)
    listener.listen()
    print("ready", flush=True)
    while True:
        link = listener.accept()[0]
        with link:
            link.sendall(json.dumps(look(), sort_keys=True).encode())
