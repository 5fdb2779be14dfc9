# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that move with a process: what was written in the container's own layer and in its private tmpfs mounts.

They are copied before the freeze, again where they change, and in the freeze only what has changed since.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator

from . import append_watch, archive, processes
from .append_watch import AppendWatch
from .archive import ignore_missing, in_root
from .container import Container, Mount
from .directory_watch import DirectoryWatch
from .file_parts import LARGE_BYTES, Packer, SentFile
from .file_snapshot import Listed, Snapshot, below, stamp_of

_NOT_COPIED = ("/dev/mqueue", "/dev/pts", "/proc", "/sys")
_OPAQUE = "trusted.overlay.opaque"
"""Extended attribute of a directory in an overlay's upper layer that hides the lower one
(Documentation/filesystems/overlayfs.rst)."""


MAX_FILES_BYTES = 1 << 30
"""As much of files moves with a container."""


class FileSet:
    """The files of one container that move with it.

    Args:
        container: whose files.
        mounts: its mounts.
    """

    def __init__(self, container: Container, mounts: list[Mount]) -> None:
        self._container = container
        self._pid = container.init.pid
        self._sent: dict[str, SentFile] = {}
        self._watch = AppendWatch(container, LARGE_BYTES)
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
        """Take the stamps of all files, and watch their directories; takes some 10 us each."""
        found = Snapshot(taken_ns=time.time_ns(), watch=DirectoryWatch())
        if self._upper is not None and os.path.isdir(self._upper):
            self._walk(self._upper, "", found)
        for point in self._tmpfs:
            self._walk(self._root + point, point.lstrip("/"), found)
        found.racy_files = [path for path, stamp in found.files.items() if found.racy(stamp)]
        return found

    def compared_bytes(self, snapshot: Snapshot) -> int:
        """Of large files that processes can write to anywhere: all of their blocks are compared in the freeze."""
        return sum(
            snapshot.files[path].size
            for path, writers in append_watch.writers(self._container, LARGE_BYTES).items()
            if path in snapshot.files and not all(append_watch.appends(*one) for one in writers)
        )

    def changes(self, before: Snapshot, always: set[str], suspects: Iterable[str]) -> tuple[list[str], list[str]]:
        """The same as :meth:`Snapshot.diff` of a new snapshot, without a look at files that nobody wrote.

        Looked at are directories, what their watch has named, files that changed shortly before the snapshot, and

        Args:
            always: files that are in the result in any case, if they exist.
            suspects: files to look at: those that are open for writing, see :func:`open_for_writing`.
        """
        touched = before.watch.touched() if before.watch is not None else None
        if touched is None:
            everything = self.snapshot()
            everything.close()
            return everything.diff(before, always)
        now, gone = Snapshot(), set[str]()
        for path, listed in before.directories.items():
            self._list_again(path, listed, before, now, gone)
        for path in {*touched, *before.racy_files, *always, *suspects}:
            self._look_again(path, before, now, gone)
        for inode in {stamp.inode for stamp in now.files.values()} & before.linked.keys():
            for path in before.linked[inode]:
                self._look_again(path, before, now, gone)
        changed = [
            path for path, stamp in now.files.items() if path in always or before.is_changed(path, stamp)
        ]  # fmt: skip
        return sorted(changed), sorted((gone - now.files.keys()) | (now.removed - before.removed), reverse=True)

    def _list_again(self, path: str, listed: Listed, before: Snapshot, now: Snapshot, gone: set[str]) -> None:
        """List a directory whose stamp is another one: with all that is new in it, without known directories."""
        try:
            status = os.lstat(listed.place)
        except FileNotFoundError:
            gone |= below(before, path)
            return
        stamp = stamp_of(status)
        if stamp == listed.stamp and not before.racy(stamp):
            return
        if not stat.S_ISDIR(stamp.mode) or stamp.inode != listed.stamp.inode:
            gone |= below(before, path)  # what is there now is found in the directory above
            return
        if path in before.files:
            now.files[path] = stamp
            if is_opaque(listed.place) and not self._holds_a_mount(path):
                now.removed.add(path)
        self._walk(listed.place, path, now, before)
        for name in listed.names:
            if os.path.join(path, name) not in now.files:
                gone |= below(before, os.path.join(path, name))

    def _look_again(self, path: str, before: Snapshot, now: Snapshot, gone: set[str]) -> None:
        listed = before.directories.get(os.path.dirname(path)) or now.directories.get(os.path.dirname(path))
        if listed is None or path in before.directories:
            return  # nothing of the container's own, or looked at as a directory
        try:
            self._note(path, os.lstat(f"{listed.place}/{os.path.basename(path)}"), now)
        except (FileNotFoundError, NotADirectoryError):
            gone |= below(before, path)

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

    def _walk(self, directory: str, relative: str, found: Snapshot, known: Snapshot | None = None) -> None:
        """Look at all below a directory.

        Args:
            known: without what is below directories of this one.
        """
        if found.watch is not None:
            found.watch.add(f"{self._root}/{relative}", relative)
        with ignore_missing():
            listed = Listed(directory, stamp_of(os.lstat(directory)), set())
            found.directories[relative] = listed
            with os.scandir(directory) as entries:
                for entry in entries:
                    path = f"{relative}/{entry.name}" if relative else entry.name
                    if f"/{path}" not in self._mount_points:
                        listed.names.add(entry.name)
                        with ignore_missing():
                            self._look(entry, path, found, known)

    def _look(self, entry: os.DirEntry[str], path: str, found: Snapshot, known: Snapshot | None = None) -> None:
        status = entry.stat(follow_symlinks=False)
        self._note(path, status, found)
        if stat.S_ISDIR(status.st_mode):
            if is_opaque(entry.path) and not self._holds_a_mount(path):
                found.removed.add(path)
            listed = known.directories.get(path) if known is not None else None
            if listed is None or listed.stamp.inode != status.st_ino:
                self._walk(entry.path, path, found)

    @staticmethod
    def _note(path: str, status: os.stat_result, found: Snapshot) -> None:
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            found.removed.add(path)  # an overlay's whiteout
            return
        if stat.S_ISSOCK(status.st_mode):
            return  # CRIU creates the name of a bound socket
        found.files[path] = stamp_of(status)
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            found.linked.setdefault(status.st_ino, []).append(path)

    def archives(self, paths: list[str], gone: list[str]) -> Iterator[bytes]:
        """The named files as tar archives of a few MiB, read from inside the container's root.

        Of large files that were sent before, the archives have the parts that have changed.

        Args:
            paths: of the files.
            gone: paths that are removed on the target host before.
        """
        self._forget(gone)
        self._watch.look()
        grown = self._watch.grown(set())
        if paths:
            packer = Packer(self._sent, self._watch.descriptors, grown)
            for frame in archive.stream_from_root(self._root, lambda: packer.archives(paths)):
                if not packer.take_over(frame):
                    yield frame
        self._watch.note_read(paths)

    def _forget(self, gone: list[str]) -> None:
        for path in gone:
            for sent in [sent for sent in self._sent if sent == path or sent.startswith(f"{path}/")]:
                del self._sent[sent]

    def pack(self, paths: list[str], gone: list[str], mapped: set[str]) -> bytes:
        """The same as one archive, for the last time; empty when there are none.

        Args:
            paths, gone: as in :meth:`archives`.
            mapped: files that processes may have written by a mapping.
        """
        self._forget(gone)
        if not paths:
            return b""
        packer = Packer(self._sent, self._watch.descriptors, self._watch.grown(mapped))
        return in_root(self._root, lambda: packer.archive(paths))

    def close(self) -> None:
        """Watch the files no more; idempotent."""
        self._watch.close()

    def unpack(self, packed: bytes, gone: list[str]) -> None:
        """Remove ``gone`` and unpack an archive, inside the container's root: no path can lead out of it."""
        if packed or gone:
            in_root(self._root, lambda: archive.Unpacker().unpack(packed, gone))


def pack_directory(directory: str) -> bytes:
    """All that is in a directory, as a tar archive."""

    def everything() -> bytes:
        paths = [os.path.join(top, name) for top, names, others in os.walk("/") for name in sorted(names + others)]
        return archive.pack([path.lstrip("/") for path in paths])

    return in_root(directory, everything)


def unpack_directory(directory: str, packed: bytes) -> None:
    """Unpack an archive into a directory; no path can lead out of it."""
    in_root(directory, lambda: archive.Unpacker().unpack(packed, []))


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
