# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRIU's own figures of a dump or a restore (images/stats.proto); durations in microseconds."""

from __future__ import annotations

from pathlib import Path

from . import protobuf

_HEADER_BYTES = 12
_DUMP = {1: "freezing_us", 2: "frozen_us", 3: "memory_dump_us", 4: "memory_write_us", 5: "pages_scanned",
         6: "pages_skipped_parent", 7: "pages_written"}  # fmt: skip
_RESTORE = {3: "forking_us", 4: "restore_us", 5: "pages_restored"}


def read(file: Path, action: str) -> dict[str, int]:
    """The figures in a file; none where it is missing.

    Args:
        file: as CRIU has written it.
        action: ``dump`` or ``restore``.
    """
    try:
        data = file.read_bytes()
    except OSError:
        return {}
    number, names = (1, _DUMP) if action == "dump" else (2, _RESTORE)
    part = protobuf.message(protobuf.decode(data[_HEADER_BYTES:]), number) or {}
    return {name: protobuf.integer(part, field) for field, name in names.items()}
