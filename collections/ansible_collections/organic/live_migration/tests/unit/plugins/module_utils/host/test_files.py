# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import errno
import io
import mmap
import os
import shutil
import stat
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import archive, file_snapshot, files, libc
from ansible_collections.organic.live_migration.plugins.module_utils.host.container import Container, Mount
from ansible_collections.organic.live_migration.plugins.module_utils.host.file_snapshot import (
    Snapshot,
    Stamp,
    open_for_writing,
)
from ansible_collections.organic.live_migration.plugins.module_utils.host.files import FileSet
from hypothesis import given
from hypothesis import strategies as st

PATHS = st.dictionaries(st.sampled_from("abcdef"), st.builds(Stamp, *[st.integers(0, 2)] * 6))
SNAPSHOTS = st.builds(Snapshot, PATHS, st.sets(st.sampled_from("uvw")))


@given(SNAPSHOTS, SNAPSHOTS, st.sets(st.sampled_from("abcdef")))
def test_the_difference_applied_to_what_was_is_what_is(before: Snapshot, after: Snapshot, always: set[str]) -> None:
    changed, gone = after.diff(before, always)
    there = dict(before.files)
    for path in gone:
        there.pop(path, None)
    there.update({path: after.files[path] for path in changed})
    assert there == after.files
    assert always & after.files.keys() <= set(changed)
    assert before.removed | set(gone) >= after.removed


@given(SNAPSHOTS)
def test_where_nothing_changed_nothing_is_copied(snapshot: Snapshot) -> None:
    assert snapshot.diff(snapshot, set()) == ([], [])


def test_what_is_gone_goes_before_its_directory() -> None:
    before = Snapshot({path: Stamp(0, 0, 0, 0, 0) for path in ("d", "d/e", "d/e/f")})
    assert Snapshot().diff(before, set())[1] == ["d/e/f", "d/e", "d"]


@pytest.fixture
def place(as_root: None, spawn: Any, tmp_path: Path) -> Callable[[str], tuple[Path, FileSet]]:
    """Makes a root directory with a process that lives in it, as a container's upper layer."""

    def make(name: str) -> tuple[Path, FileSet]:
        root = tmp_path / name
        root.mkdir()
        (root / "tmp").mkdir()
        process = spawn.python("os.chroot(sys.argv[1])", str(root))
        layer = Mount("/", "overlay", {"upperdir": str(root)}, 0, False, "/")
        return root, FileSet(Container(process.pid), [layer, Mount("/proc", "proc", {}, 0, False, "/")])

    return make


def archive_of(*members: tuple[str, bytes, bytes]) -> bytes:
    """A tar archive of (name, type, content or link target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, 0o644
            if kind == tarfile.REGTYPE:
                entry.size = len(content)
            else:
                entry.linkname = content.decode()
            packed.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_files_come_over_as_they_are(place: Callable[[str], tuple[Path, FileSet]]) -> None:
    here, source = place("here")
    there, target = place("there")
    (here / "var").mkdir(mode=0o750)
    (here / "var/state.json").write_bytes(b"{}")
    os.chown(here / "var/state.json", 1000, 1001)
    os.chmod(here / "var/state.json", 0o4640)
    (here / "var/link").symlink_to("/var/state.json")
    os.link(here / "var/state.json", here / "var/hard")
    os.mkfifo(here / "var/fifo")
    os.utime(here / "var/state.json", ns=(1, 1_500_000_000_123_456_789))
    snapshot = source.snapshot()
    target.unpack(source.pack(sorted(snapshot.files), [], set()), sorted(snapshot.removed))
    copied = os.lstat(there / "var/state.json")
    assert (copied.st_uid, copied.st_gid, stat.S_IMODE(copied.st_mode)) == (1000, 1001, 0o4640)
    assert copied.st_mtime_ns == 1_500_000_000_123_456_789
    assert stat.S_IMODE(os.stat(there / "var").st_mode) == 0o750
    assert os.readlink(there / "var/link") == "/var/state.json"
    assert stat.S_ISFIFO(os.lstat(there / "var/fifo").st_mode)
    assert os.path.samefile(there / "var/hard", there / "var/state.json")


def test_a_file_that_is_cut_while_it_is_read_ends_in_zeros() -> None:
    cut = "sys/kernel/fscaps"  # its size is told as 4096 bytes, and fewer can be read, as in that case
    with tarfile.open(fileobj=io.BytesIO(archive.pack([cut, "etc/hostname"]))) as packed:
        content, after = [packed.extractfile(member) for member in packed]
        assert content and after
        held = content.read()
    assert len(held) == 4096 and held.rstrip(b"\0") == Path("/", cut).read_bytes()


def test_what_was_removed_or_replaced_since_it_was_seen_is_passed_over(
    place: Callable[[str], tuple[Path, FileSet]],
) -> None:
    here, source = place("here")
    for name in ("removed", "kept"):
        (here / name).write_bytes(name.encode())
    (here / "directory").mkdir()
    (here / "directory/inside").write_bytes(b"")
    seen = sorted(source.snapshot().files)
    (here / "removed").unlink()
    (here / "directory/inside").unlink()
    (here / "directory").rmdir()
    (here / "directory").write_bytes(b"a file now")
    with tarfile.open(fileobj=io.BytesIO(source.pack(seen, [], set()))) as packed:
        assert packed.getnames() == ["directory", "kept", "tmp"]


def test_the_look_goes_on_past_what_is_removed_meanwhile(
    place: Callable[[str], tuple[Path, FileSet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, source = place("here")
    names = {"a", "b", "c"}
    for name in names:
        (here / name).mkdir()
    looked: list[str] = []

    def look(self: FileSet, entry: os.DirEntry[str], path: str, found: Snapshot, known: Snapshot | None = None) -> None:
        looked.append(path)
        if len(looked) == 1:
            for name in names - {path}:
                (here / name).rmdir()
        real(self, entry, path, found, known)

    real = FileSet._look
    monkeypatch.setattr(FileSet, "_look", look)
    there = source.snapshot().files.keys()
    assert names | {"tmp"} == set(looked)
    assert len(there & names) <= 1 and "tmp" in there


def test_only_the_difference_is_copied_afterwards(
    place: Callable[[str], tuple[Path, FileSet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_snapshot, "_GRAIN_NS", -(10**12))  # as if all had been written long ago
    here, source = place("here")
    there, target = place("there")
    for name in ("kept", "changed", "removed", "mapped"):
        (here / name).write_bytes(b"before")
    before = source.snapshot()
    target.unpack(source.pack(sorted(before.files), [], set()), [])
    (here / "changed").write_bytes(b"after!")
    (here / "removed").unlink()
    (here / "new").write_bytes(b"new")
    changed, gone = source.snapshot().diff(before, {"mapped"})
    assert (changed, gone) == (["changed", "mapped", "new"], ["removed"])
    target.unpack(source.pack(changed, gone, set()), gone)
    assert sorted(path.name for path in there.iterdir()) == ["changed", "kept", "mapped", "new", "tmp"]
    assert (there / "changed").read_bytes() == b"after!"


def change_at_random(root: Path, random: Random) -> None:
    """One change of the kinds that a program makes in its files."""
    paths = [path for path in sorted(root.rglob("*")) if path.name != "tmp"]
    regular = [path for path in paths if path.is_file() and not path.is_symlink()]
    directories = [root, *(path for path in paths if path.is_dir() and not path.is_symlink())]
    new = random.choice(directories) / random.choice("abcdef")
    some = random.choice(regular) if regular else None
    kind = random.randrange(11)
    with contextlib.suppress(OSError, IndexError):  # what is asked for cannot be done there
        if kind == 0:
            new.mkdir()
        elif kind == 1:
            new.write_bytes(random.randbytes(3))
        elif kind == 2:
            new.symlink_to("/etc/passwd")
        elif kind == 3:
            random.choice(paths).rename(new)
        elif kind == 4:
            victim = random.choice(paths)
            shutil.rmtree(victim) if victim.is_dir() and not victim.is_symlink() else victim.unlink()
        elif kind == 5:
            os.mknod(new, 0o600 | stat.S_IFCHR, os.makedev(0, 0))  # a whiteout
        elif kind == 6:
            random.choice(directories).chmod(random.choice([0o700, 0o755]))
        elif some is None:
            return
        elif kind == 7:
            some.write_bytes(random.randbytes(5))
        elif kind == 8:
            os.link(some, new)
        elif kind == 9:
            os.utime(some, ns=(1, random.randrange(10**18)))
        else:
            with some.open("r+b") as file:
                file.truncate(random.randrange(4))


@pytest.mark.parametrize("seed", range(60))
def test_the_watch_finds_what_a_look_at_every_file_finds(
    place: Callable[[str], tuple[Path, FileSet]], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(file_snapshot, "_GRAIN_NS", -(10**12))  # as if all had been written long ago
    here, source = place("here")
    random = Random(seed)
    for _change in range(25):
        change_at_random(here, random)
    before = source.snapshot()
    for _change in range(random.randrange(12)):
        change_at_random(here, random)
    looked: list[str] = []
    monkeypatch.setattr(FileSet, "snapshot", lambda self: looked.append("all") or real(self))
    after = real(source)
    assert source.changes(before, set(), []) == after.diff(before, set())
    assert not looked
    before.close()
    after.close()


real = FileSet.snapshot


def test_a_write_that_the_kernel_does_not_name_is_found_as_long_as_the_file_is_open(
    place: Callable[[str], tuple[Path, FileSet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_snapshot, "_GRAIN_NS", -(10**12))
    here, source = place("here")
    for name in ("mapped", "idle"):
        (here / name).write_bytes(b"before")
    with (here / "mapped").open("r+b") as file, (here / "idle").open("rb"):
        before = source.snapshot()
        with mmap.mmap(file.fileno(), 6) as memory:
            memory[:] = b"after!"
        assert source.changes(before, set(), []) == ([], [])
        monkeypatch.setattr(os, "readlink", lambda name: link(name).replace(str(here), ""))
        suspects = open_for_writing([os.getpid()], before)
        assert suspects == {"mapped"}
        assert source.changes(before, set(), suspects) == (["mapped"], [])
    assert source.changes(before, set(), []) == (["mapped"], [])  # named as it was closed


link = os.readlink


def test_without_a_watch_every_file_is_looked_at(
    place: Callable[[str], tuple[Path, FileSet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, source = place("here")

    def refuse(queue: int, path: str, mask: int) -> int:
        raise OSError(errno.ENOSPC, path)

    monkeypatch.setattr(libc, "inotify_add_watch", refuse)
    before = source.snapshot()
    assert before.watch is not None and before.watch.touched() is None
    (here / "new").write_bytes(b"new")
    assert "new" in source.changes(before, set(), [])[0]


def test_a_queue_that_overflows_tells_nothing(place: Callable[[str], tuple[Path, FileSet]]) -> None:
    here, source = place("here")
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    before = source.snapshot()
    for number in range(most + 1):
        (here / f"{number % 2}").touch()
    assert before.watch is not None and before.watch.touched() is None


def test_a_file_that_takes_the_place_of_a_directory_and_the_other_way_round(
    place: Callable[[str], tuple[Path, FileSet]],
) -> None:
    here, source = place("here")
    there, target = place("there")
    (here / "one").mkdir()
    (there / "one").write_bytes(b"was a file")
    (here / "two").write_bytes(b"is a file")
    (there / "two").mkdir()
    target.unpack(source.pack(["one", "two"], [], set()), [])
    assert (there / "one").is_dir()
    assert (there / "two").read_bytes() == b"is a file"


@pytest.mark.parametrize(
    "link", ["/outside", "../../outside", "/proc/1/root/outside"], ids=["absolute", "upwards", "by proc"]
)
def test_no_link_leads_out_of_the_container(
    place: Callable[[str], tuple[Path, FileSet]], tmp_path: Path, link: str
) -> None:
    """The peer, or the container itself, may have planted any link: the host's files stay as they are."""
    root, target = place("root")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"host")
    absolute = str(outside) if link == "/outside" else link
    (root / "planted").symlink_to(absolute)
    attack = archive_of(
        ("planted/victim", tarfile.REGTYPE, b"evil"),
        ("own", tarfile.SYMTYPE, absolute.encode()),
        ("own/victim", tarfile.REGTYPE, b"evil"),
        ("../../../../outside/victim", tarfile.REGTYPE, b"evil"),
        (str(outside / "victim"), tarfile.REGTYPE, b"evil"),
    )
    with contextlib.suppress(MigrationError):  # refused is as good as kept inside
        target.unpack(attack, ["planted/victim", "own/victim", str(outside / "victim"), "../outside/victim"])
    assert (outside / "victim").read_bytes() == b"host"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]


def test_what_the_container_removed_of_its_image_is_removed(place: Callable[[str], tuple[Path, FileSet]]) -> None:
    here, source = place("here")
    there, target = place("there")
    os.mknod(here / "gone", 0o600 | stat.S_IFCHR, os.makedev(0, 0))  # overlayfs.rst: a whiteout
    (there / "gone").write_bytes(b"of the image")
    snapshot = source.snapshot()
    assert snapshot.removed == {"gone"}
    target.unpack(source.pack(sorted(snapshot.files), [], set()), sorted(snapshot.removed))
    assert not (there / "gone").exists()


def test_a_directory_that_replaced_one_of_the_image_replaces_it_again(
    place: Callable[[str], tuple[Path, FileSet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here, source), (there, target) = place("here"), place("there")
    (here / "etc").mkdir()
    (here / "etc/new").write_bytes(b"new")
    (there / "etc/old").mkdir(parents=True)
    (there / "etc/old/file").touch()
    # The mark is a trusted attribute, which an unprivileged root may not set: it is all that is simulated.
    monkeypatch.setattr(files, "is_opaque", lambda path: path.endswith("/etc"))
    changed, gone = source.snapshot().diff(Snapshot(), set())
    target.unpack(source.pack(changed, gone, set()), gone)
    assert [str(path.relative_to(there)) for path in sorted((there / "etc").rglob("*"))] == ["etc/new"]


def test_what_was_written_around_the_look_is_copied_again() -> None:
    old, fresh = Stamp(0, 0, 0, 10**9, 0), Stamp(0, 0, 0, 2 * 10**9, 1)
    before = Snapshot({"old": old, "fresh": fresh}, taken_ns=2 * 10**9 + 1)
    assert Snapshot({"old": old, "fresh": fresh}).diff(before, set()) == (["fresh"], [])


def test_work_in_a_root_gives_its_result_or_its_error(as_root: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 200_000)
    assert archive.in_root(str(tmp_path), lambda: Path("/file").read_bytes()) == b"x" * 200_000
    with pytest.raises(MigrationError, match=r"FileNotFoundError.*missing"):
        archive.in_root(str(tmp_path), lambda: Path("/missing").read_bytes())
    assert not Path("/file").exists()


def test_programs_are_read_ahead_and_what_is_none_is_passed_over(
    place: Callable[[str], tuple[Path, FileSet]],
) -> None:
    root, files = place("nf")
    program = root / "program"
    program.write_bytes(os.urandom(1 << 20))
    os.mkfifo(root / "fifo")
    with program.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

        def in_memory() -> bool:
            try:
                return os.preadv(file.fileno(), [bytearray(4096)], 1 << 19, os.RWF_NOWAIT) == 4096
            except BlockingIOError:
                return False

        if in_memory():
            pytest.skip("these files are always in memory")
        files.read_ahead([("/missing", 0, 4096), ("/fifo", 0, 4096), ("/program", 0, 1 << 20)])
        deadline = time.monotonic() + 30
        while not in_memory():
            assert time.monotonic() < deadline
            time.sleep(0.01)
