# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is at a path of the host that a container has mounted read-only: compared between hosts, or copied.

An engine that finds no such path makes an empty directory of that name, and the program fails at its next restart.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .. import paths
from ..errors import Blocker, MigrationError

MAX_COPIED_BYTES = 1 << 20
"""All mounts of a container together; they pass through the controller."""
_MAX_HASHED_BYTES = 64 << 20
_MAX_ENTRIES = 2000
_OF_KERNEL = ("/proc", "/sys", "/dev")
"""Below these, content is the host's own: only the kind of file is compared."""
_INSIDE = re.compile(r"^/proc/[0-9]+/root(?=/)")
"""What a container has mounted is read through its first process where the host has no path of it."""
_KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "FIFO", stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip


@dataclass(frozen=True)
class MountedContent:
    """What is at the source of a mount.

    Attributes:
        kind: of the path itself, for example ``file``; empty where there is nothing.
        entries: what is there, by its path below the source: its kind, and the size and hash of a file. Of very many
            entries there is but one, the hash of all.
        size_bytes: of all files.
        is_digest: there are very many entries.
    """

    kind: str = ""
    entries: dict[str, str] = field(default_factory=dict)
    size_bytes: int = 0
    is_digest: bool = False


def is_compared(source: str) -> bool:
    """Whether both hosts must have the same there; the resident runtime is each host's own."""
    return bool(source) and source != paths.ROOT and not source.startswith(f"{paths.ROOT}/")


def look(source: str) -> MountedContent:
    """Read what is there, without the content of files beyond the first 64 MiB; takes some 2 ms a MiB."""
    try:
        kind = _kind(os.stat(source))
    except OSError:
        return MountedContent()
    inside = _INSIDE.sub("", source)
    if kind not in ("file", "directory") or any(f"{inside}/".startswith(f"{top}/") for top in _OF_KERNEL):
        return MountedContent(kind)
    entries: dict[str, str] = {}
    size = 0
    for name in _walk(source):
        path = os.path.join(source, name) if name else source
        with contextlib.suppress(OSError):
            status = os.lstat(path) if name else os.stat(path)
            entries[name] = _kind(status)
            if entries[name] == "link":
                entries[name] += f" to {os.readlink(path)}"
            elif entries[name] == "file":
                size += status.st_size
                entries[name] += f" {status.st_size} {_hash(path) if size <= _MAX_HASHED_BYTES else ''}"
    if len(entries) > _MAX_ENTRIES:
        digest = hashlib.sha256(repr(sorted(entries.items())).encode()).hexdigest()
        return MountedContent(kind, {"": digest}, size, is_digest=True)
    return MountedContent(kind, entries, size)


def _kind(status: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(status.st_mode), "unknown")


def _walk(source: str) -> Iterator[str]:
    """The source itself, as an empty name, and all that is below it, relative to it."""
    yield ""
    for top, names, files in os.walk(source):
        for name in sorted(names + files):
            yield os.path.relpath(os.path.join(top, name), source)


def _hash(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def blockers(
    destination: str,
    source: str,
    wanted: MountedContent,
    found: MountedContent,
    can_be_copied: bool,
    is_copied: bool,
) -> list[Blocker]:
    """Why the container would not find on this host what it has mounted on the other.

    Args:
        destination: of the mount in the container.
        source: of the mount, as the engine calls it.
        wanted: what is there on the other host.
        found: what is there on this host.
        can_be_copied: if it is small.
        is_copied: it will be copied if nothing is there.
    """
    what = f"{destination} is a read-only mount of {source}, which"
    if not found.kind:
        is_small = can_be_copied and wanted.size_bytes <= MAX_COPIED_BYTES and not wanted.is_digest
        copy = ", or have it copied (copy_missing_mounts)" if is_small else ""
        message = f"{what} is missing on the target host"
        return [] if is_copied else [Blocker("read_only_mount", message, f"Copy {source} to the target host{copy}")]
    if found.kind != wanted.kind:
        message = f"{what} is a {wanted.kind} on the source host and a {found.kind} on the target host"
        return [Blocker("read_only_mount", message, f"Remove it from the target host, and copy {source} there")]
    other = sorted(name for name in {**wanted.entries, **found.entries} if not _same(name, wanted, found))
    if not other:
        return []
    names = ", ".join(name for name in other[:3] if name)
    if names:
        names = f": {names}" + (f" and {len(other) - 3} more" if len(other) > 3 else "")
    message = f"{what} has other content on the target host{names}"
    remedy = (
        f"Make {source} the same on both hosts; if the difference does not matter, name {destination} in shared_volumes"
    )
    return [Blocker("read_only_mount", message, remedy)]


def _same(name: str, one: MountedContent, other: MountedContent) -> bool:
    return one.entries.get(name) == other.entries.get(name)


def pack(sources: list[str]) -> dict[str, str]:
    """Copies, as text, of those sources that are small enough together; others are left out."""
    packed = {}
    left = MAX_COPIED_BYTES
    for source in sources:
        content = look(source)
        if content.entries and not content.is_digest and content.size_bytes <= left:
            left -= content.size_bytes
            copies = [_copy_of(os.path.join(source, name) if name else source) for name in content.entries]
            text = json.dumps(dict(zip(content.entries, copies)))
            packed[source] = base64.b64encode(text.encode()).decode()
    return packed


def _copy_of(path: str) -> list[object]:
    """Mode, owner, group and content."""
    status = os.stat(path) if not os.path.islink(path) else os.lstat(path)
    content = b""
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = file.read(MAX_COPIED_BYTES)
    elif stat.S_ISLNK(status.st_mode):
        content = os.fsencode(os.readlink(path))
    return [status.st_mode, status.st_uid, status.st_gid, base64.b64encode(content).decode()]


def missing_paths(sources: Iterable[str]) -> list[str]:
    """What must be made for the sources to be there: missing directories above each, then itself."""
    found: list[str] = []
    for source in sources:
        missing: list[str] = []
        path = os.path.normpath(source)
        while not os.path.lexists(path) and path not in found:
            missing.insert(0, path)
            path = os.path.dirname(path)
        found += missing
    return found


def unpack(copies: Mapping[str, str]) -> None:
    """Make what is missing of the sources that were packed on the other host.

    Raises:
        MigrationError: it cannot be written.
        ValueError: the copies are malformed.
    """
    for source, text in copies.items():
        if os.path.lexists(source):
            continue
        if not os.path.isabs(source):
            raise ValueError(f"'{source}' is no path of a host")
        try:
            os.makedirs(os.path.dirname(source), exist_ok=True)
            for name, (mode, uid, gid, content) in json.loads(base64.b64decode(text)).items():
                if os.path.isabs(name) or ".." in name.split("/"):
                    raise ValueError(f"The copy of {source} leads out of it: {name}")
                _make(os.path.join(source, name) if name else source, mode, uid, gid, base64.b64decode(content))
        except OSError as error:
            raise MigrationError(f"{source} cannot be copied to the target host: {error.strerror}.") from None


def _make(path: str, mode: int, uid: int, gid: int, content: bytes) -> None:
    if stat.S_ISDIR(mode):
        os.mkdir(path, 0o700)
    elif stat.S_ISLNK(mode):
        os.symlink(os.fsdecode(content), path)
    elif stat.S_ISREG(mode):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
    else:
        return  # a socket, a FIFO or a device is its program's to make
    os.chown(path, uid, gid, follow_symlinks=False)
    if not stat.S_ISLNK(mode):
        os.chmod(path, stat.S_IMODE(mode))


def remove(created: list[str]) -> None:
    """Take back what :func:`unpack` made for :func:`missing_paths`; a directory that is in use by others stays."""
    for path in reversed(created):
        inside = any(other.startswith(f"{path}/") for other in created)
        with contextlib.suppress(OSError):
            if not os.path.isdir(path) or os.path.islink(path):
                os.unlink(path)
            elif inside:
                os.rmdir(path)
            else:
                shutil.rmtree(path)
