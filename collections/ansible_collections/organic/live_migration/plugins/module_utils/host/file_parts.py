# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of files must be sent: all of those that are new or small, of others the blocks that have changed.

The target host has what was sent last, so a file whose name and inode are the same is changed in place there. Blocks
are compared by a hash, whose key Python draws for each process (PEP 456): it never leaves the host.
"""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from typing import IO

from . import archive

BLOCK_BYTES = 16 << 10
LARGE_BYTES = 1 << 20
"""From here on a file is sent in parts. A smaller one costs less to be sent again than to be compared."""
_ARCHIVE_BYTES = 16 << 20
"""About so much is packed, sent and unpacked at a time; each archive is answered, so that nobody's buffers fill up."""
_PART_BYTES = 1 << 20
_STATE = b"\0sent\0"
"""Begins the frame that is no archive: what the packer's parent must remember."""
_ZEROS = bytes(BLOCK_BYTES)


@dataclass
class SentFile:
    """A large file as the target host has it.

    Attributes:
        inode: of the file on this host; 0 when the target has something else there.
        size: of the file.
        hashes: of its blocks; the last one may be shorter.
    """

    inode: int
    size: int = 0
    hashes: list[int] = field(default_factory=list)


class Packer:
    """Packs files for the target host. Its work is done in the container's root, by a child process.

    Args:
        sent: large files by their path, as they were sent last; :meth:`take_over` changes it.
        descriptors: of files that are open already, by their path.
        grown: files that have only become longer since they were sent.
    """

    def __init__(
        self, sent: dict[str, SentFile], descriptors: Mapping[str, int] | None = None, grown: Collection[str] = ()
    ) -> None:
        self._sent = sent
        self._descriptors = descriptors or {}
        self._grown = grown
        self._now: dict[str, SentFile] = {}
        self._buffer = io.BytesIO()
        self._tar = archive.open_archive(self._buffer)

    def archives(self, paths: list[str]) -> Iterator[bytes]:
        """Archives of about 16 MiB, and then what :meth:`take_over` is to be given."""
        for path in paths:
            with archive.ignore_missing():
                for _part in self._add(path):
                    if self._buffer.tell() >= _ARCHIVE_BYTES:
                        yield self._end_archive()
        if self._tar.offset:
            yield self._end_archive()
        yield _STATE + json.dumps({path: astuple(one) for path, one in self._now.items()}).encode()

    def archive(self, paths: list[str]) -> bytes:
        """All in one archive."""
        for path in paths:
            with archive.ignore_missing():
                for _part in self._add(path):
                    pass
        return self._end_archive()

    def take_over(self, frame: bytes) -> bool:
        """Remember what was sent; returns whether the frame is no archive."""
        if not frame.startswith(_STATE):
            return False
        for path, values in json.loads(frame[len(_STATE) :]).items():
            one = SentFile(*values)
            if one.inode:
                self._sent[path] = one
            else:
                self._sent.pop(path, None)
        return True

    def _end_archive(self) -> bytes:
        links = vars(self._tar)["inodes"]  # so that a link can name what an earlier archive has
        self._tar.close()
        packed = self._buffer.getvalue()
        self._buffer = io.BytesIO()
        self._tar = archive.open_archive(self._buffer)
        vars(self._tar)["inodes"] = links
        return packed

    def _add(self, path: str) -> Iterator[None]:
        """Add a file; yields after each part."""
        place = f"/{path}"
        if os.path.islink(place) or not os.path.isfile(place) or os.stat(place).st_size < LARGE_BYTES:
            archive.add(self._tar, path)
            self._now[path] = SentFile(0)
            yield
            return
        with self._open(path) as file:
            entry = archive.describe(self._tar, path, file)
            if entry.isreg():
                yield from self._add_parts(entry, file)
            else:
                self._tar.addfile(entry)

    def _open(self, path: str) -> IO[bytes]:
        """Open a file; one that has taken the place of another has another inode than the open one."""
        number = self._descriptors.get(path)
        if number is not None and os.path.samestat(os.stat(f"/{path}"), os.fstat(number)):
            return os.fdopen(os.dup(number), "rb")
        return archive.open_regular(f"/{path}")

    def _add_parts(self, entry: tarfile.TarInfo, file: IO[bytes]) -> Iterator[None]:
        status = os.fstat(file.fileno())
        before = self._sent.get(entry.name)
        if before is None or before.inode != status.st_ino:
            before = SentFile(status.st_ino)
            self._tar.addfile(_changed(entry, 0))
        known, now = before.hashes, SentFile(status.st_ino, status.st_size)
        first = 0
        if entry.name in self._grown and _has_kept_its_start(file.fileno(), before, status.st_size):
            first = len(known) - 1
            now.hashes += known[:first]
        part, part_at = bytearray(), 0
        data_at = -1
        for number in range(first, -(-status.st_size // BLOCK_BYTES)):
            offset = number * BLOCK_BYTES
            size = min(BLOCK_BYTES, status.st_size - offset)
            if data_at < offset:
                data_at = _next_data(file.fileno(), offset)
            block = _read_block(file.fileno(), offset, size) if data_at < offset + size else _ZEROS[:size]
            value = hash(block)
            now.hashes.append(value)
            if value == (known[number] if number < len(known) else _HOLE):
                continue
            if part_at + len(part) != offset or len(part) >= _PART_BYTES:
                self._add_part(entry, part_at, part)
                yield
                part, part_at = bytearray(), offset
            part += block
        self._add_part(entry, part_at, part)
        last = _changed(entry, 0)
        last.pax_headers = {**entry.pax_headers, archive.OFFSET: "0", archive.SIZE: str(status.st_size)}
        self._tar.addfile(last)
        self._now[entry.name] = now
        yield

    def _add_part(self, entry: tarfile.TarInfo, offset: int, content: bytearray) -> None:
        if content:
            part = _changed(entry, len(content))
            part.pax_headers = {archive.OFFSET: str(offset)}
            self._tar.addfile(part, io.BytesIO(content))


_HOLE = hash(_ZEROS)
"""Of a block that is not written: a file that is made longer has zeros there."""


def _changed(entry: tarfile.TarInfo, size: int) -> tarfile.TarInfo:
    """The same entry with another size."""
    other = tarfile.TarInfo(entry.name)
    for name in ("mode", "uid", "gid", "mtime", "pax_headers"):
        setattr(other, name, getattr(entry, name))
    other.size = size
    return other


def _has_kept_its_start(descriptor: int, before: SentFile, size: int) -> bool:
    """Whether the first and the last block that were sent are the same; they would not be had it been emptied."""
    if not before.hashes or size < before.size:
        return False
    last_at = (len(before.hashes) - 1) * BLOCK_BYTES
    first = _read_block(descriptor, 0, min(BLOCK_BYTES, before.size))
    last = _read_block(descriptor, last_at, before.size - last_at)
    return hash(first) == before.hashes[0] and hash(last) == before.hashes[-1]


def _next_data(descriptor: int, offset: int) -> int:
    """Where a sparse file has data again, see SEEK_DATA in lseek(2)."""
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError as error:
        return sys.maxsize if error.errno == errno.ENXIO else offset


def _read_block(descriptor: int, offset: int, size: int) -> bytes:
    """A block of a file; of one that is cut meanwhile, zeros in place of what is gone."""
    return os.pread(descriptor, size, offset).ljust(size, b"\0")
