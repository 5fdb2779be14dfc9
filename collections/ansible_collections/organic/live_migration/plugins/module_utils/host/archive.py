# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as an archive: packed and unpacked inside a container's root, with all their attributes.

The archive is a tar file (PAX). Beside what tar knows, an entry has these records:

    ORGANIC.times       time of the last access and of the last change, in ns
    ORGANIC.xattr.NAME  an extended attribute, in hexadecimal digits: ACLs and file capabilities are such
    ORGANIC.offset      the content belongs there in a regular file that an earlier entry has made, and is a part of it
    ORGANIC.size        the last part of a file: how long it is
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import struct
import sys
import tarfile
from collections.abc import Callable, Iterator
from typing import IO

from ..errors import MigrationError

OFFSET, SIZE = "ORGANIC.offset", "ORGANIC.size"
_TIMES, _XATTR = "ORGANIC.times", "ORGANIC.xattr."
_CARRIED = ("user.", "system.posix_acl_", "security.capability")
"""Beginnings of the names of extended attributes that are the container's own; labels are given by each host."""
_FRAME = struct.Struct("<?Q")


def open_archive(buffer: io.BytesIO) -> tarfile.TarFile:
    """An archive that is to be written."""
    return tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT)


def pack(paths: list[str]) -> bytes:
    """Pack files that processes may truncate, replace or remove meanwhile; the next diff has each of those again."""
    buffer = io.BytesIO()
    with open_archive(buffer) as archive:
        for path in paths:
            with ignore_missing():
                add(archive, path)
    return buffer.getvalue()


def add(archive: tarfile.TarFile, path: str) -> None:
    """Add a file of the root directory, of whatever kind; there is no entry for a socket."""
    place = f"/{path}"
    status = os.lstat(place)  # before the target of a link is read, which changes the time of the last access
    if stat.S_ISREG(status.st_mode):
        with open_regular(place) as file:
            archive.addfile(describe(archive, path, file), FixedLengthReader(file))
        return
    entry = archive.gettarinfo(place, path)
    if entry and not entry.isreg():
        _describe(entry, status, place)
        archive.addfile(entry)


def describe(archive: tarfile.TarFile, path: str, file: IO[bytes]) -> tarfile.TarInfo:
    """The entry of an open regular file; of one that the archive has by another name, that of a link."""
    entry = archive.gettarinfo(arcname=path, fileobj=file)
    _describe(entry, os.fstat(file.fileno()), file.fileno())
    return entry


def _describe(entry: tarfile.TarInfo, status: os.stat_result, place: str | int) -> None:
    entry.mtime = int(entry.mtime)
    records = {_TIMES: f"{status.st_atime_ns} {status.st_mtime_ns}"}
    follow = isinstance(place, int)
    with contextlib.suppress(OSError):
        for name in os.listxattr(place, follow_symlinks=follow):
            if name.startswith(_CARRIED):
                records[_XATTR + name] = os.getxattr(place, name, follow_symlinks=follow).hex()
    entry.pax_headers = records


def open_regular(place: str) -> IO[bytes]:
    """Open a file for reading; it may have been replaced by a FIFO or a symbolic link."""
    return open(place, "rb", opener=_open_without_waiting)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)


@contextlib.contextmanager
def ignore_missing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise


class FixedLengthReader:
    """Pads a file with zeros when it is truncated while it is read: an archive has the size before the content."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size).ljust(size, b"\0")


class Unpacker:
    """Unpacks archives into the root directory. Directories keep their times, whatever is made in them."""

    def __init__(self) -> None:
        self._times: dict[str, tuple[int, int]] = {}

    def unpack(self, archive: bytes, gone: list[str]) -> bytes:
        """Remove ``gone``, then unpack; returns nothing."""
        for path in gone:
            self._keep_times(os.path.dirname(f"/{path}"))
            _remove(f"/{path}")
        if archive:
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                for member in files:
                    member.name = member.name.lstrip("/")
                    self._extract(files, member)
        for path, times in self._times.items():
            with ignore_missing(), _ignore_read_only():
                os.utime(path, ns=times)
        return b""

    def _keep_times(self, directory: str) -> None:
        if directory not in self._times:
            with ignore_missing():
                status = os.stat(directory)
                self._times[directory] = status.st_atime_ns, status.st_mtime_ns

    def _extract(self, files: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        place = f"/{member.name}"
        if OFFSET in member.pax_headers:
            _write_part(files, member, place)
        else:
            self._keep_times(os.path.dirname(place))
            if not member.isdir() or not os.path.isdir(place):
                _remove(place)
            files.extract(member, "/", numeric_owner=True)
        times = _numbers(member, _TIMES)
        if not times:
            return
        if member.isdir():
            self._times[place] = times[0], times[1]
            with _ignore_read_only():
                _set_attributes(member, place)
            return
        if not member.islnk():
            _set_attributes(member, place)
        os.utime(place, ns=(times[0], times[1]), follow_symlinks=False)


@contextlib.contextmanager
def _ignore_read_only() -> Iterator[None]:
    """Directories of a container with a read-only root are the engine's, for what it mounts there."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EROFS:
            raise


def _numbers(member: tarfile.TarInfo, record: str) -> list[int]:
    return [int(number) for number in member.pax_headers.get(record, "").split()]


def _write_part(files: tarfile.TarFile, member: tarfile.TarInfo, place: str) -> None:
    [offset] = _numbers(member, OFFSET)
    content = files.extractfile(member)
    with open(place, "r+b", buffering=0, opener=_open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise MigrationError(f"{place} is no regular file on the target host.")
        data = memoryview(content.read() if content else b"")
        while data:
            written = os.pwrite(file.fileno(), data, offset)
            data, offset = data[written:], offset + written
        for size in _numbers(member, SIZE):
            file.truncate(size)
            os.fchown(file.fileno(), member.uid, member.gid)
            os.fchmod(file.fileno(), member.mode)


def _set_attributes(member: tarfile.TarInfo, place: str) -> None:
    """Set the extended attributes of a file that was just made, or whose content was; others are removed."""
    wanted = {name[len(_XATTR) :]: bytes.fromhex(value) for name, value in member.pax_headers.items()
              if name.startswith(_XATTR)}  # fmt: skip
    present: set[str] = set()
    with contextlib.suppress(OSError):
        present = {name for name in os.listxattr(place, follow_symlinks=False) if name.startswith(_CARRIED)}
    for name in present - wanted.keys():
        os.removexattr(place, name, follow_symlinks=False)
    for name, value in wanted.items():
        try:
            os.setxattr(place, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.EROFS:
                raise
            raise MigrationError(
                f"{place} has the extended attribute {name}, which cannot be set on the target host: {error.strerror}. "
                "Its file system must have what that of the source host has."
            ) from None


def _crosses_a_mount(path: str) -> bool:
    device = os.lstat(path).st_dev
    return any(
        os.lstat(os.path.join(top, name)).st_dev != device for top, names, _files in os.walk(path) for name in names
    )


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path) and _crosses_a_mount(path):
        raise MigrationError(
            f"{path} was replaced in the container, and something is mounted below it. Mount it elsewhere"
        )
    try:
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise MigrationError(f"{path} cannot be replaced in the container: {error.strerror}") from None


def isolate_interpreter() -> None:
    """Keep Python from loading modules or name service libraries from the directory that becomes the root."""
    sys.path.clear()
    vars(tarfile).update(pwd=None, grp=None)  # owners stay numbers: looking up a name would load the container's NSS
    # keep owners and modes; the root directory keeps every path inside
    tarfile.TarFile.extraction_filter = staticmethod(lambda member, _path: member)


def in_root(root: str, work: Callable[[], bytes]) -> bytes:
    """Run ``work`` in a child process whose root directory is ``root``; returns its result.

    Raises:
        MigrationError: with the child's error text.
    """
    return b"".join(stream_from_root(root, lambda: iter((work(),))))


def stream_from_root(root: str, work: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """Run ``work`` in a child process whose root directory is ``root``; yields what it yields, as it comes.

    Symbolic links are followed as the container itself follows them.

    Raises:
        MigrationError: with the child's error text.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _work_in_root(root, work, read_end, write_end)
    os.close(write_end)
    error: bytes | None = None
    try:
        with os.fdopen(read_end, "rb") as pipe:
            while head := pipe.read(_FRAME.size):
                is_error, size = _FRAME.unpack(head)
                data = pipe.read(size)
                if is_error:
                    error = data
                else:
                    yield data
    finally:
        failed = os.waitpid(child, 0)[1]
    if failed:
        text = "the helper process was killed" if error is None else error.decode(errors="replace")
        raise MigrationError(f"The container's files cannot be copied: {text}")


def _work_in_root(root: str, work: Callable[[], Iterator[bytes]], read_end: int, write_end: int) -> None:
    """The child; never returns."""
    status = 1
    try:
        os.close(read_end)
        os.umask(0)
        with os.fdopen(write_end, "wb") as out:
            try:
                isolate_interpreter()
                os.chroot(root)
                os.chdir("/")
                for data in work():
                    out.write(_FRAME.pack(False, len(data)))
                    out.write(data)
                status = 0
            except BrokenPipeError:
                pass  # the parent has given up
            except Exception as error:  # reported by the parent; a child must not fall through
                name = "" if isinstance(error, MigrationError) else f"{type(error).__name__}: "
                text = f"{name}{error}".encode()
                out.write(_FRAME.pack(True, len(text)) + text)
    finally:
        os._exit(status)
