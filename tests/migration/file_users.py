# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that run file_user.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.harness.containers import IMAGE, WORK, Container, run_resident
from tests.harness.wait import until

from .places import HERE


def use_files(container: Container, number: int, *arguments: str, mounts: Sequence[str] = ()) -> None:
    """Start it, and wait until it serves."""
    site = container.site
    site.remove(container.name)
    site.ran.run(f"ip neighbour flush to {site.address(number)}")
    for host in site.edges:
        host.put((HERE / "file_user.py").read_bytes(), f"{WORK}/file_user.py")
    command = ["/usr/bin/python3", "/file_user.py", *arguments]
    program = f"--volume={WORK}/file_user.py:/file_user.py:ro"
    run_resident(container, number, command, program, *mounts, image=IMAGE)
    until(lambda: "ready" in container.logs(), "the program is ready")


def ask(container: Container, number: int, port: int) -> dict[str, Any]:
    """Its report on its files and its memory."""
    address = container.site.address(number)
    script = f"import socket; print(socket.create_connection(('{address}', {port}), 10).makefile().read())"
    answer: dict[str, Any] = json.loads(container.site.ran.run(f'python3 -c "{script}"'))
    return answer
