# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that move with a process: what was written in the container's own layer and in its private tmpfs mounts.

They are copied before the freeze; in the freeze only those that have changed are copied.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, NamedTuple

from ..errors import MigrationError
from . import processes
from .container import Container, Mount

_NOT_COPIED = ("/dev/mqueue", "/dev/pts", "/proc", "/sys")
_OPAQUE = "trusted.overlay.opaque"
"""Extended attribute of a directory in an overlay's upper layer that hides the lower one
(Documentation/filesystems/overlayfs.rst)."""
_GRAIN_NS = 20_000_000
"""Kernels before 6.13 stamp files with the time of the last tick: a write after the snapshot may look older than it."""


class Stamp(NamedTuple):
    """Equal stamps mean that a file did not change in between."""

    mode: int
    size: int
    modified_ns: int
    changed_ns: int
    inode: int


@dataclass
class Snapshot:
    """The files of a container at one time. Paths are relative to the container's root.

    Attributes:
        files: all that are the container's own.
        removed: paths of the image that are hidden; a directory that replaced one of the image is in both.
        taken_ns: when it was taken, in ns since the epoch; 0 when nothing was written around that time.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    taken_ns: int = 0

    def diff(self, before: Snapshot, always: set[str]) -> tuple[list[str], list[str]]:
        """Paths that changed since ``before`` (and those of ``always``), and paths that are gone."""
        changed = [path for path, stamp in self.files.items()
                   if before.files.get(path) != stamp or before.racy(stamp) or path in always]  # fmt: skip
        gone = (before.files.keys() - self.files.keys()) | (self.removed - before.removed)
        return sorted(changed), sorted(gone, reverse=True)

    @property
    def size_bytes(self) -> int:
        return sum(stamp.size for stamp in self.files.values() if stat.S_ISREG(stamp.mode))

    def racy(self, stamp: Stamp) -> bool:
        """Whether a file changed so shortly before the snapshot that a later change may have the same stamp."""
        return 0 < self.taken_ns - _GRAIN_NS <= max(stamp.modified_ns, stamp.changed_ns)


class FileSet:
    """The files of one container that move with it.

    Args:
        container: whose files.
        mounts: its mounts.
    """

    def __init__(self, container: Container, mounts: list[Mount]) -> None:
        self._pid = container.init.pid
        self._root = f"/proc/{self._pid}/root"
        self._mount_points = {mount.point for mount in mounts}
        self._upper = next(
            (mount.options.get("upperdir") for mount in mounts if mount.point == "/" and mount.filesystem == "overlay"),
            None,
        )
        self._tmpfs = [
            mount.point
            for mount in mounts
            if mount.filesystem == "tmpfs"
            and mount.root == "/"
            and not mount.read_only
            and mount.point != "/dev"
            and not mount.point.startswith(_NOT_COPIED)
        ]

    def snapshot(self) -> Snapshot:
        """Take the stamps of all files; takes some 10 us each."""
        found = Snapshot(taken_ns=time.time_ns())
        if self._upper is not None and os.path.isdir(self._upper):
            self._walk(self._upper, "", found)
        for point in self._tmpfs:
            self._walk(self._root + point, point.lstrip("/"), found)
        return found

    def read_ahead(self, programs: list[tuple[str, int, int]]) -> None:
        """Start reading parts of files into the page cache, so that a restored process need not wait for the disk.

        Args:
            programs: path, offset and size of each; missing files and those that are not regular are skipped.
        """

        def advise() -> bytes:
            for path, offset, size in programs:
                with contextlib.suppress(OSError):
                    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
                    if stat.S_ISREG(os.fstat(descriptor).st_mode):
                        os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_WILLNEED)
                    os.close(descriptor)
            return b""

        in_root(self._root, advise)

    def _holds_a_mount(self, path: str) -> bool:
        """Whether something is mounted below: the engine's directories for mount points are opaque, and are kept."""
        return any(point.startswith(f"/{path}/") for point in self._mount_points)

    def _walk(self, directory: str, relative: str, found: Snapshot) -> None:
        with ignore_missing(), os.scandir(directory) as entries:
            for entry in entries:
                path = f"{relative}/{entry.name}" if relative else entry.name
                if f"/{path}" not in self._mount_points:
                    with ignore_missing():
                        self._look(entry, path, found)

    def _look(self, entry: os.DirEntry[str], path: str, found: Snapshot) -> None:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            found.removed.add(path)  # an overlay's whiteout
            return
        if stat.S_ISSOCK(status.st_mode):
            return  # CRIU creates the name of a bound socket
        found.files[path] = Stamp(status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        if stat.S_ISDIR(status.st_mode):
            if is_opaque(entry.path) and not self._holds_a_mount(path):
                found.removed.add(path)
            self._walk(entry.path, path, found)

    def pack(self, paths: list[str]) -> bytes:
        """The named files as a tar archive, read from inside the container's root; empty when there are none."""
        return in_root(self._root, lambda: _pack(paths)) if paths else b""

    def unpack(self, archive: bytes, gone: list[str]) -> None:
        """Remove ``gone`` and unpack an archive, inside the container's root: no path can lead out of it."""
        if archive or gone:
            in_root(self._root, lambda: _unpack(archive, gone))


def pack_directory(directory: str) -> bytes:
    """All that is in a directory, as a tar archive."""

    def everything() -> bytes:
        paths = [os.path.join(top, name) for top, names, others in os.walk("/") for name in sorted(names + others)]
        return _pack([path.lstrip("/") for path in paths])

    return in_root(directory, everything)


def unpack_directory(directory: str, archive: bytes) -> None:
    """Unpack an archive into a directory; no path can lead out of it."""
    in_root(directory, lambda: _unpack(archive, []))


def mapped_shared(pids: list[int]) -> set[str]:
    """Paths, relative to the root, whose content can change without a change of their stamp."""
    paths: set[str] = set()
    for pid in pids:
        paths |= {path.lstrip("/") for path in processes.shared_file_mappings(pid)}
    return paths


def is_opaque(path: str) -> bool:
    try:
        return os.getxattr(path, _OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False


def _pack(paths: list[str]) -> bytes:
    """Pack files that processes may truncate, replace or remove meanwhile; the next diff has each of those again."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in paths:
            with ignore_missing():
                _add(archive, path)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, path: str) -> None:
    place = f"/{path}"
    if stat.S_ISREG(os.lstat(place).st_mode):
        with open(place, "rb", opener=_open_without_waiting) as file:
            archive.addfile(archive.gettarinfo(arcname=path, fileobj=file), FixedLengthReader(file))
        return
    entry = archive.gettarinfo(place, path)
    if entry and not entry.isreg():  # there is no entry for a socket
        archive.addfile(entry)


@contextlib.contextmanager
def ignore_missing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file that may have been replaced by a FIFO or a symbolic link."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)


class FixedLengthReader:
    """Pads a file with zeros when it is truncated while it is read: an archive has the size before the content."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size).ljust(size, b"\0")


def _unpack(archive: bytes, gone: list[str]) -> bytes:
    for path in gone:
        _remove(f"/{path}")
    if archive:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            for member in files:
                member.name = member.name.lstrip("/")
                if not member.isdir() or not os.path.isdir(f"/{member.name}"):
                    _remove(f"/{member.name}")
                files.extract(member, "/", numeric_owner=True)
    return b""


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

    Symbolic links are followed as the container itself follows them.

    Raises:
        MigrationError: with the child's error text.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read_end)
            os.umask(0)
            with os.fdopen(write_end, "wb") as out:
                try:
                    isolate_interpreter()
                    os.chroot(root)
                    os.chdir("/")
                    result = work()
                    status = 0
                except Exception as error:  # reported by the parent; a child must not fall through
                    result = f"{type(error).__name__}: {error}".encode()
                out.write(result)
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        result = pipe.read()
    if os.waitpid(child, 0)[1]:
        raise MigrationError(f"The container's files cannot be copied: {result.decode(errors='replace')}")
    return result
