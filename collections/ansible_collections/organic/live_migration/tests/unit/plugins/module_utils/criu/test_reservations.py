# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of addresses without memory are restored where they are larger than all memory."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu import protobuf, reservations

START, LARGE = 0x7000_0000_0000, 8 << 40


def image(*areas: tuple[int, int, int]) -> bytes:
    """An image of a process with mappings of a size, protection and flags."""
    vmas = [
        protobuf.encode([(1, START), (2, START + size), (3, 0), (4, 0), (5, protection), (6, flags), (8, 1)])
        for size, protection, flags in areas
    ]
    entry = protobuf.encode([(1, 1), (12, 3), (13, 33), (13, 34), *((14, vma) for vma in vmas), (15, 1)])
    return b"magic..." + struct.pack("<I", len(entry)) + entry


def test_a_large_range_is_not_accounted_and_all_else_stays() -> None:
    others = [(LARGE, 1, 0x22), (4096, 0, 0x22), (LARGE, 0, 0x21)]
    before, after = image((LARGE, 0, 0x22), *others), image((LARGE, 0, 0x4022), *others)
    named = {"mm-7.img": before, "mm-8.img": before, "core-7.img": before}
    assert reservations.without_accounting(named, {7, 99}) == {**named, "mm-7.img": after}
    assert reservations.without_accounting(named, set()) is named


@pytest.mark.parametrize(("protection", "size", "found"), [(0, 1 << 30, True), (1, 1 << 30, False), (0, 4096, False)])
def test_a_process_with_such_a_range_is_found(spawn: Any, protection: int, size: int, found: bool) -> None:
    source = f"""
import ctypes
mmap = ctypes.CDLL(None).mmap
mmap.restype = ctypes.c_void_p
assert mmap(None, ctypes.c_size_t({size}), {protection}, 0x4022, -1, 0) != ctypes.c_void_p(-1).value
"""
    pid = spawn.python(source).pid
    assert (reservations.holders([pid]) == {pid}) is found
