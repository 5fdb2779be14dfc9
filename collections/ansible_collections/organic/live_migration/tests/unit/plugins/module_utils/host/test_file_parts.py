# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import archive, file_parts
from ansible_collections.organic.live_migration.plugins.module_utils.host.container import Container, Mount
from ansible_collections.organic.live_migration.plugins.module_utils.host.file_parts import BLOCK_BYTES, LARGE_BYTES
from ansible_collections.organic.live_migration.plugins.module_utils.host.file_snapshot import Snapshot
from ansible_collections.organic.live_migration.plugins.module_utils.host.files import FileSet
from hypothesis import given, settings
from hypothesis import strategies as st

CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
"""cap_net_raw=ep as setcap(8) writes it."""


class Pair:
    """A directory of a source host and one of a target host, each the root of a process, and what goes over."""

    def __init__(self, here: Path, source: FileSet, there: Path, target: FileSet) -> None:
        self.here, self.there = here, there
        self._source, self._target = source, target
        self._snapshot = Snapshot()

    def send(self) -> int:
        """Send what changed; returns how much that was."""
        now = self._source.snapshot()
        changed, gone = now.diff(self._snapshot, set())
        self._snapshot = now
        size = 0
        for packed in self._source.archives(changed, gone):
            self._target.unpack(packed, gone)
            size, gone = size + len(packed), []
        self._target.unpack(b"", gone)
        return size

    def send_last(self) -> int:
        """As in the freeze."""
        changed, gone = self._source.snapshot().diff(self._snapshot, set())
        packed = self._source.pack(changed, gone, set())
        self._target.unpack(packed, gone)
        return len(packed)

    def is_same(self, name: str = "log") -> bool:
        return (self.here / name).read_bytes() == (self.there / name).read_bytes()


@pytest.fixture
def pair(as_root: None, spawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    # the control group of the tests holds many processes beside these
    monkeypatch.setattr(Container, "all_pids", lambda _self: [])
    made: list[Any] = []
    for name in ("here", "there"):
        root = tmp_path / name
        root.mkdir()
        process = spawn.python("os.chroot(sys.argv[1])", str(root))
        layer = Mount("/", "overlay", {"upperdir": str(root)}, 0, False, "/")
        made += [root, FileSet(Container(process.pid), [layer])]
    return Pair(*made)


def test_of_a_file_that_grew_only_the_tail_is_sent(pair: Pair) -> None:
    (pair.here / "log").write_bytes(os.urandom(20 << 20))
    assert pair.send() > 20 << 20
    for send in (pair.send, pair.send_last):
        with (pair.here / "log").open("ab") as log:
            log.write(os.urandom(100))
        assert send() < 3 * BLOCK_BYTES
        assert pair.is_same()


def test_changed_blocks_are_sent_and_a_shorter_file_is_cut(pair: Pair) -> None:
    (pair.here / "db").write_bytes(os.urandom(4 << 20))
    pair.send()
    with (pair.here / "db").open("r+b") as file:
        file.write(b"head")
        file.seek(3 << 20)
        file.write(b"page")
        file.truncate((4 << 20) - 7)
    assert pair.send() < 8 * BLOCK_BYTES
    assert pair.is_same("db")


def test_a_sparse_file_stays_sparse(pair: Pair) -> None:
    with (pair.here / "sparse").open("wb") as file:
        file.truncate(1 << 30)
        file.seek(700 << 20)
        file.write(b"data")
    assert pair.send() < 4 * BLOCK_BYTES
    there = (pair.there / "sparse").stat()
    assert there.st_size == 1 << 30
    assert there.st_blocks * 512 < 1 << 20
    with (pair.there / "sparse").open("rb") as file:
        file.seek(700 << 20)
        assert file.read(4) == b"data"


def test_another_file_of_that_name_is_sent_whole(pair: Pair) -> None:
    (pair.here / "log").write_bytes(b"a" * LARGE_BYTES)
    pair.send()
    (pair.here / "new").write_bytes(b"b" * LARGE_BYTES)
    (pair.here / "new").rename(pair.here / "log")
    pair.send()
    assert pair.is_same()


def test_a_file_that_was_small_in_between_is_sent_whole(pair: Pair) -> None:
    content = os.urandom(2 * LARGE_BYTES)
    (pair.here / "log").touch()
    for size in (len(content), 10, len(content)):
        with (pair.here / "log").open("r+b") as file:
            file.write(content[:size])
            file.truncate(size)
        pair.send()
        assert pair.is_same()


def test_a_removed_directory_is_forgotten(pair: Pair) -> None:
    (pair.here / "data").mkdir()
    (pair.here / "data/log").write_bytes(b"a" * LARGE_BYTES)
    pair.send()
    (pair.here / "data").rename(pair.here / "old")
    pair.send()
    (pair.here / "old").rename(pair.here / "data")
    pair.send()
    assert pair.is_same("data/log")


def test_links_of_a_large_file_stay_links(pair: Pair) -> None:
    (pair.here / "log").write_bytes(os.urandom(LARGE_BYTES))
    os.link(pair.here / "log", pair.here / "other")
    for _round in range(2):
        pair.send()
        assert pair.is_same()
        assert os.path.samefile(pair.there / "log", pair.there / "other")
        with (pair.here / "log").open("ab") as log:
            log.write(b"more")


@pytest.mark.parametrize("size", [10, LARGE_BYTES])
def test_attributes_and_times_come_over(pair: Pair, size: int) -> None:
    directory, file, link = pair.here / "d", pair.here / "d/file", pair.here / "d/link"
    directory.mkdir()
    file.write_bytes(b"x" * size)
    link.symlink_to("file")
    os.setxattr(file, "security.capability", CAPABILITY)
    os.setxattr(directory, "user.kind", b"\0\xff")
    for number, path in enumerate((file, link, directory)):
        os.utime(path, ns=(number, 10**18 + number), follow_symlinks=False)
    pair.send()
    for number, name in enumerate(("d/file", "d/link", "d")):
        status = os.lstat(pair.there / name)
        assert status.st_mtime_ns == 10**18 + number
        assert status.st_atime_ns == number or name == "d", "which was read to look for files"
    assert os.getxattr(pair.there / "d/file", "security.capability") == CAPABILITY
    assert os.getxattr(pair.there / "d", "user.kind") == b"\0\xff"
    os.removexattr(file, "security.capability")
    os.utime(file, ns=(7, 8))
    pair.send()
    assert os.listxattr(pair.there / "d/file") == []
    assert os.stat(pair.there / "d/file").st_mtime_ns == 8
    assert os.stat(pair.there / "d").st_mtime_ns == 10**18 + 2, "what is made in it leaves its times alone"


def test_directories_of_a_read_only_root_are_left_as_they_are(pair: Pair) -> None:
    """What is mounted below them is written; the target is this process's, in a mount namespace of its own."""
    (pair.here / "run").mkdir()
    os.setxattr(pair.here / "run", "user.kind", b"1")
    packed = archive.in_root(str(pair.here), lambda: archive.pack(["run"]))
    script = """
import os, sys
from ansible_collections.organic.live_migration.plugins.module_utils.host import archive
os.chroot(sys.argv[1])
archive.isolate_interpreter()
archive.Unpacker().unpack(sys.stdin.buffer.read(), [])
"""
    read_only = f"mount --bind {pair.there} {pair.there} && mount -o remount,bind,ro {pair.there}"
    (pair.there / "run").mkdir()
    command = f"{read_only} && exec {sys.executable} -c '{script}' {pair.there}"
    variables = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    subprocess.run(["unshare", "--mount", "sh", "-c", command], input=packed, env=variables, check=True)


def test_an_attribute_that_the_target_cannot_keep_is_named(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    (pair.here / "file").write_bytes(b"")
    os.setxattr(pair.here / "file", "user.kind", b"1")

    def refuse(*_given: Any, **_named: Any) -> None:
        raise OSError(95, "Operation not supported")  # stands for a file system without attributes

    monkeypatch.setattr(archive.os, "setxattr", refuse)
    with pytest.raises(MigrationError, match=r"/file has the extended attribute user\.kind.*not supported"):
        pair.send()


def test_of_a_file_that_only_grew_nothing_else_is_read(tmp_path: Path) -> None:
    """What cannot happen to such a file is done to it, to see that nobody looks."""
    path = tmp_path / "log"
    path.write_bytes(os.urandom(LARGE_BYTES + 10))
    known: dict[str, file_parts.SentFile] = {}
    there = _sent(known, path.read_bytes(), bytearray())
    with path.open("r+b") as file:
        file.seek(3 * BLOCK_BYTES)
        file.write(b"unseen")
        file.seek(0, os.SEEK_END)
        file.write(b"more")
    grown = _sent(known, path.read_bytes(), bytearray(there), grown={"file"})
    assert grown == there + b"more"
    with path.open("r+b") as file:
        file.write(b"emptied, and written again")
    assert _sent(known, path.read_bytes(), grown, grown={"file"}) == path.read_bytes()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.booleans()), max_size=6))
def test_whatever_is_written_the_copy_is_the_same(writes: list[tuple[int, int, bool]]) -> None:
    """The packer and the unpacker alone, in one directory each; parts are entries of an archive in their order."""
    known: dict[str, file_parts.SentFile] = {}
    block = BLOCK_BYTES // 4
    here, there = bytearray(LARGE_BYTES), bytearray()
    for offset, size, cut in [(0, 12, False), *writes]:
        here[offset * block : offset * block + size * block] = os.urandom(size * block)
        if cut:
            del here[LARGE_BYTES + offset :]
        there = _sent(known, bytes(here), there)
        assert there == here


def _sent(
    known: dict[str, file_parts.SentFile], content: bytes, there: bytearray, grown: Collection[str] = ()
) -> bytearray:
    """What the target has after one more round; the file is a memfd, and its parts are applied here."""
    number = os.memfd_create("file")
    with os.fdopen(number, "r+b") as file:
        file.write(content)
        file.flush()
        packer = file_parts.Packer(known, grown=grown)
        for one in known.values():  # as if it were the same file, which another memfd is not
            one.inode = os.fstat(number).st_ino
        entry = tarfile.TarInfo("file")
        for part in packer._add_parts(entry, file):
            assert part is None
        now = packer._now["file"]
    with tarfile.open(fileobj=io.BytesIO(packer._end_archive())) as packed:
        members = [(member, packed.extractfile(member)) for member in packed]
        contents = [held.read() if held else b"" for _member, held in members]
    for (member, _held), data in zip(members, contents, strict=True):
        if archive.OFFSET not in member.pax_headers:
            there = bytearray()
            continue
        offset = int(member.pax_headers[archive.OFFSET])
        there.extend(bytes(max(0, offset + len(data) - len(there))))
        there[offset : offset + len(data)] = data
        if archive.SIZE in member.pax_headers:
            size = int(member.pax_headers[archive.SIZE])
            there = there[:size].ljust(size, b"\0")
    known["file"] = now
    return there
