# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put right in CRIU's images between dump and restore."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAGIC_BYTES = 8
_SIZE = struct.Struct("<I")
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
"""Bytes of the types of fixed length."""
_FILE_TIMERFD = 12
"""Field of a file_entry; images/fdinfo.proto."""
_SETTIME_FLAGS = 6
"""Field of a timerfd_entry; images/timerfd.proto."""


def with_relative_timers(files: bytes) -> bytes:
    """The image ``files.img`` with every timerfd counting from the restore on.

    The image holds what is left of each timer. To one that was set to an absolute time CRIU adds only the full seconds
    of the clock (criu/pie/restorer.c, timerfd_arm): it would fire up to a second early.

    Raises:
        ValueError: the image is damaged.
    """
    image = bytearray(files)
    position = _MAGIC_BYTES
    while position < len(image):
        start = position + _SIZE.size
        size = int.from_bytes(image[position:start], "little")
        position = start + size
        if position > len(image):
            raise ValueError("CRIU's image files.img ends in the middle of an entry")
        for number, kind, first, end in _fields(image, start, position):
            if (number, kind) == (_FILE_TIMERFD, _BYTES):
                for inner, inner_kind, flags, _end in _fields(image, first, end):
                    if (inner, inner_kind) == (_SETTIME_FLAGS, _VARINT):
                        image[flags] &= ~1  # TFD_TIMER_ABSTIME
    return bytes(image)


def _fields(data: bytearray, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number and wire type of each field of a message, and where its value begins and ends."""

    def varint() -> int:
        nonlocal position
        result = shift = 0
        while True:
            if position >= end or shift > 63:
                raise ValueError("CRIU's image files.img holds a damaged number")
            byte = data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while position < end:
        key = varint()
        number, kind = key >> 3, key & 7
        first = position
        if kind == _VARINT:
            varint()
        elif kind == _BYTES:
            length = varint()
            first = position
            position += length
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise ValueError(f"CRIU's image files.img holds a field of unknown type {kind}")
        if position > end:
            raise ValueError("CRIU's image files.img holds a field that is longer than its entry")
        yield number, kind, first, position
