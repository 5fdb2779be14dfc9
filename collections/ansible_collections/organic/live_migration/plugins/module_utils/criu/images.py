# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits CRIU's images between dump and restore."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from . import protobuf

_READ_BYTES = 1 << 16
MAGIC_BYTES = 8
SIZE = struct.Struct("<I")
VARINT, BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
"""Bytes of the types of fixed length."""
_FILE_TIMERFD = 12
_FILE_TYPE, _FILE_ID, _FILE_PLAIN, _TYPE_PLAIN = 1, 2, 3, 1
_FDINFO_FILE, _FDINFO_DESCRIPTOR = 1, 4
"""Fields of a file_entry and of a fdinfo_entry; images/fdinfo.proto."""
_PLAIN_NAME = 6
"""Field of a reg_file_entry; images/regfile.proto."""
_IDS_FILES = 2
"""Field of a task_kobj_ids_entry; images/core.proto."""
_CORE_THREAD, _THREAD_DEATH_SIGNAL = 5, 8
"""Fields of a core_entry and of its thread_core_entry; images/core.proto."""
_SETTIME_FLAGS = 6
"""Field of a timerfd_entry; images/timerfd.proto."""


def read(directory: int) -> dict[str, bytes]:
    """All images in a directory, given by its descriptor. Without pathlib, which would add 2 ms to the downtime."""
    images = {}
    for name in os.listdir(directory):
        if name.endswith(".img"):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
            try:
                images[name] = _read_all(descriptor)
            finally:
                os.close(descriptor)
    return images


def _read_all(descriptor: int) -> bytes:
    """The rest of a file, without an object for it: there is one for each connection."""
    parts = []
    while part := os.read(descriptor, _READ_BYTES):
        parts.append(part)
    return b"".join(parts)


def with_relative_timers(files: bytes) -> bytes:
    """The image ``files.img`` with every timerfd relative to the restore.

    The image holds the time that is left of each timer. For a timer with an absolute time CRIU adds only the full
    seconds of the clock (criu/pie/restorer.c, timerfd_arm), so that it would fire up to a second early.

    Raises:
        ValueError: the image is damaged.
    """
    image = bytearray(files)
    for start, entry_end in bounds(files):
        for number, kind, first, end in fields_at(image, start, entry_end):
            if (number, kind) == (_FILE_TIMERFD, BYTES):
                for inner, inner_kind, flags, _end in fields_at(image, first, end):
                    if (inner, inner_kind) == (_SETTIME_FLAGS, VARINT):
                        image[flags] &= ~1  # TFD_TIMER_ABSTIME
    return bytes(image)


def without_parent_death_signal(core: bytes) -> bytes:
    """The image ``core-PID.img`` of the first process, without the signal that it wants when its parent ends.

    CRIU is its parent until it ends, so that the signal (prctl(2), PR_SET_PDEATHSIG) would kill the restored process.
    Before and after, its parent is the container's init, with which all processes end.

    Raises:
        ValueError: the image is damaged.
    """
    image = bytearray(core)
    for start, entry_end in bounds(core):
        for number, kind, first, end in fields_at(image, start, entry_end):
            if (number, kind) == (_CORE_THREAD, BYTES):
                for inner, inner_kind, value, value_end in fields_at(image, first, end):
                    if (inner, inner_kind) == (_THREAD_DEATH_SIGNAL, VARINT) and value_end == value + 1:
                        image[value] = 0
    return bytes(image)


def with_named_files(images: dict[str, bytes], names: dict[tuple[int, int], str]) -> dict[str, bytes]:
    """Images in which some plain files have another path, so that inherited descriptors can take their place.

    Args:
        images: by file name; ``ids-PID.img`` says which ``fdinfo-ID.img`` has a process's descriptors.
        names: the path, without its first slash, by PID in the namespace, and descriptor.
    """
    by_file = {_file_of(images, *where): name for where, name in names.items()}
    if not by_file:
        return images
    files = images["files.img"]
    out = bytearray(files[:MAGIC_BYTES])
    for entry in entries(files):
        fields = protobuf.decode(entry)
        name = by_file.get(protobuf.integer(fields, _FILE_ID))
        if name is not None and protobuf.integer(fields, _FILE_TYPE) == _TYPE_PLAIN:
            plain = protobuf.message(fields, _FILE_PLAIN) or {}
            plain[_PLAIN_NAME] = [f"/{name}".encode()]
            fields[_FILE_PLAIN] = [encode(plain)]
            entry = encode(fields)
        out += SIZE.pack(len(entry)) + entry
    return {**images, "files.img": bytes(out)}


def _file_of(images: dict[str, bytes], pid: int, descriptor: int) -> int:
    """The identity of an open file in the images. Raises ValueError when the process does not have it open."""
    for ids in entries(images.get(f"ids-{pid}.img", b"")):
        table = protobuf.integer(protobuf.decode(ids), _IDS_FILES)
        for entry in entries(images.get(f"fdinfo-{table}.img", b"")):
            fields = protobuf.decode(entry)
            if protobuf.integer(fields, _FDINFO_DESCRIPTOR) == descriptor:
                return protobuf.integer(fields, _FDINFO_FILE)
    raise ValueError(f"CRIU's images have no descriptor {descriptor} of process {pid}")


def encode(fields: protobuf.Fields) -> bytes:
    """A message of these fields, each with all its values."""
    return protobuf.encode([(number, value) for number, values in fields.items() for value in values])


def entries(image: bytes) -> Iterator[bytes]:
    """The messages of an image."""
    for start, end in bounds(image):
        yield image[start:end]


def bounds(image: bytes) -> Iterator[tuple[int, int]]:
    """Where each message of an image begins and ends. Raises ValueError when it ends in the middle of one."""
    position = MAGIC_BYTES
    while position < len(image):
        start = position + SIZE.size
        position = start + int.from_bytes(image[position:start], "little")
        if position > len(image):
            raise ValueError("An image of CRIU ends in the middle of an entry")
        yield start, position


def fields_at(data: bytearray, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number and wire type of each field of a message, and where its value begins and ends."""

    def varint() -> int:
        nonlocal position
        result = shift = 0
        while True:
            if position >= end or shift > 63:
                raise ValueError("An image of CRIU holds a damaged number")
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
        if kind == VARINT:
            varint()
        elif kind == BYTES:
            length = varint()
            first = position
            position += length
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise ValueError(f"An image of CRIU holds a field of unknown type {kind}")
        if position > end:
            raise ValueError("An image of CRIU holds a field that is longer than its entry")
        yield number, kind, first, position
