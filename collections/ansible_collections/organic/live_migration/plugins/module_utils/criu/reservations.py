# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large ranges of addresses that a program has reserved without memory (PROT_NONE), as MariaDB does with 8 TiB.

CRIU maps each private mapping writable at first (criu/mem.c, premap_private_vma), and the kernel refuses one that is
larger than all memory (Documentation/mm/overcommit-accounting.rst) unless it is mapped with MAP_NORESERVE.
Sources: CRIU's images/mm.proto and images/vma.proto.
"""

from __future__ import annotations

from collections.abc import Collection

from ..host import processes
from . import images, protobuf

_LARGE_BYTES = 256 << 20
_MM_VMAS = 14
_START, _END, _PROTECTION, _FLAGS = 1, 2, 5, 6
"""Fields of a vma_entry."""
_PRIVATE_ANONYMOUS, _NO_RESERVE = 0x22, 0x4000
"""Flags of mmap(2)."""


def holders(pids: list[int]) -> set[int]:
    """Those of some processes that have such a range, by their PIDs in the container."""
    return {processes.pid_inside(pid) for pid in pids if any(map(_is_large, processes.lines(f"/proc/{pid}/maps")))}


def _is_large(line: str) -> bool:
    """Whether a line of /proc/PID/maps is such a range: it has no name."""
    fields = line.split()
    if len(fields) != 5 or fields[1] != "---p":
        return False
    start, end = (int(address, 16) for address in fields[0].split("-"))
    return end - start >= _LARGE_BYTES


def without_accounting(named: dict[str, bytes], pids: Collection[int]) -> dict[str, bytes]:
    """The images in which the ranges of some processes are mapped with MAP_NORESERVE.

    Args:
        named: images by file name.
        pids: of the processes, in the container.

    Raises:
        ValueError: an image is damaged.
    """
    names = [name for pid in pids if (name := f"mm-{pid}.img") in named]
    return {**named, **{name: _changed(named[name]) for name in names}} if names else named


def _changed(image: bytes) -> bytes:
    out = bytearray(image[: images.MAGIC_BYTES])
    for entry in images.entries(image):
        fields = protobuf.decode(entry)
        fields[_MM_VMAS] = [_vma(area) if isinstance(area, bytes) else area for area in fields.get(_MM_VMAS, [])]
        entry = images.encode(fields)
        out += images.SIZE.pack(len(entry)) + entry
    return bytes(out)


def _vma(area: bytes) -> bytes:
    fields = protobuf.decode(area)
    size = protobuf.integer(fields, _END) - protobuf.integer(fields, _START)
    flags = protobuf.integer(fields, _FLAGS)
    if protobuf.integer(fields, _PROTECTION) or size < _LARGE_BYTES:
        return area
    if flags & _PRIVATE_ANONYMOUS != _PRIVATE_ANONYMOUS:
        return area
    fields[_FLAGS] = [flags | _NO_RESERVE]
    return images.encode(fields)
