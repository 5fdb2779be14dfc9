# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both pagers and shared memory: what CRIU's restore is given is the content of the freeze."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .container import until

DUMP = """
import os, sys
print([os.lseek(int(number), 0, os.SEEK_DATA) for number in sys.argv[2:]])
try:
    os.lseek(int(sys.argv[1]), 0, os.SEEK_DATA)
except OSError as error:
    print(error.errno)
"""
"""What CRIU does when it dumps shared memory: the first one has no data."""
RESTORE = """
import os, sys
images = os.open(sys.argv[1], os.O_RDONLY)
made = os.memfd_create("made by CRIU", 0)
try:
    os.close(os.open("pagemap-shmem-" + sys.argv[2] + ".img", os.O_RDONLY, dir_fd=images))
    print(os.fstat(made).st_ino)
except OSError as error:
    print(error.errno)
"""
"""What CRIU does when it restores shared memory: the inode of what it has in the end, or the error."""

HERE = Path(__file__).parent
PAGE = 4096
HINTS_BYTES = 1 << 20
F_GET_SEALS, F_SEAL_SEAL = 1034, 1


class Pager:
    """One of the programs, and its control socket."""

    def __init__(self, arguments: list[str], descriptors: list[int]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(arguments, stdin=theirs.fileno(), pass_fds=descriptors)

    def order(self, text: str, done: str) -> dict[str, int]:
        self._control.send(text.encode())
        return self.expect(done)

    def expect(self, name: str) -> dict[str, int]:
        while True:
            answer = json.loads(self._control.recv(4096))
            if name in (answer.get("done"), answer.get("event")):
                return dict(answer)

    def close(self) -> None:
        self._control.close()
        self._process.wait(10)


class Moving:
    """Processes with shared memory (sharing.py), and a pager at each end."""

    def __init__(self, program: Path, directory: Path, connections: int = 2) -> None:
        command = [sys.executable, "-IS", str(HERE / "sharing.py")]
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self._program.pid
        self._read("ready")
        self._directory = directory
        pairs = [socket.socketpair() for _number in range(connections)]
        self.hints = os.memfd_create("hints")
        os.truncate(self.hints, HINTS_BYTES)
        images, init = os.open(directory, os.O_RDONLY | os.O_DIRECTORY), os.pidfd_open(os.getpid())
        ours, theirs = [one.fileno() for one, _other in pairs], [other.fileno() for _one, other in pairs]
        self.allocator, its_allocator = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = str(self.allocator.fileno())
        self.allocating = subprocess.Popen([str(program), "allocate", number], pass_fds=[self.allocator.fileno()])
        given = [images, init, its_allocator.fileno(), *theirs]
        self._target = Pager([str(program), "target", *map(str, given)], given)
        self._source = Pager(
            [str(program), "source", str(self.pid), *map(str, (self.hints, *ours))], [self.hints, *ours]
        )
        self._target.expect("ready")
        for one, other in pairs:
            one.close()
            other.close()
        self.allocator.close()
        its_allocator.close()
        os.close(images)
        os.close(init)

    def _read(self, line: str) -> None:
        assert self._program.stdout
        assert self._program.stdout.readline() == f"{line}\n"

    def do(self, *deeds: str) -> None:
        assert self._program.stdin
        for deed in deeds:
            self._program.stdin.write(f"{deed}\n")
            self._read("done")

    def round(self) -> dict[str, int]:
        return self._source.order("round", "round")

    def freeze(self, final: str = "final_send") -> dict[str, int]:
        self._source.order("snapshot_vmas", "snapshot_vmas")
        os.kill(self.pid, signal.SIGSTOP)
        until(lambda: Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        return self._source.order(final, "final")

    def shared(self) -> dict[int, str]:
        """The files of its shared memory, by inode."""
        found = {}
        for line in Path(f"/proc/{self.pid}/maps").read_text().splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith(("/dev/zero", "/memfd:")):
                found[int(fields[4])] = f"/proc/{self.pid}/map_files/{fields[0]}"
        for path in Path(f"/proc/{self.pid}/fd").iterdir():
            if os.readlink(path).startswith("/memfd:"):
                found[path.stat().st_ino] = str(path)
        return found

    def given(self, inode: int) -> int | None:
        """The descriptor that CRIU's restore is given for it (src/shared_memory_socket.h); None: it is not."""
        with socket.socket(socket.AF_UNIX) as criu:
            criu.connect(str(self._directory / "shared-memory.socket"))
            criu.sendall(struct.pack("<Q", inode))
            answer, descriptors, _flags, _address = socket.recv_fds(criu, 1, 1)
        assert bool(descriptors) == (answer == b"\1")
        return descriptors[0] if descriptors else None

    def skipped(self) -> list[int]:
        """The inodes that CRIU's dump skips (src/hints.h)."""
        [count] = struct.unpack("<Q", os.pread(self.hints, 8, 8))
        return list(struct.unpack(f"<{count}Q", os.pread(self.hints, 8 * count, 16)))

    def assert_same(self) -> None:
        """What the target has, and how it is made, is as at the freeze."""
        shared = self.shared()
        assert sorted(self.skipped()) == sorted(shared)
        for inode, path in shared.items():
            copy = self.given(inode)
            assert copy is not None
            with open(path, "rb") as original, open(copy, "rb") as made:
                assert fcntl.fcntl(original, F_GET_SEALS) == fcntl.fcntl(made, F_GET_SEALS)
                wanted, name = original.read(), os.readlink(f"/proc/self/fd/{made.fileno()}")
                assert name.removeprefix("/memfd:") in (os.readlink(path).removeprefix("/memfd:"), " (deleted)")
                found = made.read()
            assert len(wanted) == len(found)
            assert [
                at // PAGE for at in range(0, len(wanted), PAGE) if wanted[at : at + PAGE] != found[at : at + PAGE]
            ] == []

    def close(self) -> None:
        self._source.close()
        self._target.close()
        assert self.allocating.wait(10) == 0
        self._program.kill()
        self._program.communicate()
        os.close(self.hints)


@pytest.fixture
def moving(init: Path, tmp_path: Path) -> Iterator[Moving]:
    made = Moving(init.with_name("pager"), tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_all_is_there_without_a_round(moving: Moving) -> None:
    moving.do("write_some", "write_by_call", "write_by_a_child")
    moving.freeze()
    moving.assert_same()


def test_it_is_sent_before_the_process_runs_on_also_in_post_copy(moving: Moving) -> None:
    moving.do("write_some", "write_by_call")
    moving.freeze("final_bitmap")
    moving.assert_same()


def test_no_write_between_the_rounds_is_lost(moving: Moving) -> None:
    for deed in ("write_some", "write_by_call", "write_by_a_child", "punch", "grow", "toggle_one", "shrink", "grow"):
        moving.do(deed)
        moving.round()
    moving.do("toggle_one", "punch", "write_by_a_child", "write_some")
    moving.freeze()
    moving.assert_same()


def test_a_round_sends_what_has_changed(moving: Moving) -> None:
    moving.do("write_some", "write_by_call")
    moving.round()
    before = moving.round()["pages_sent"]
    moving.do("toggle_one")
    done = moving.freeze()
    assert done["pages_sent"] - before < 100  # the interpreter writes to some pages of its own
    moving.assert_same()


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """A cgroup whose memory is counted."""
    version_1 = Path("/sys/fs/cgroup/memory")
    group = (version_1 if version_1.is_dir() else Path("/sys/fs/cgroup")) / f"organic-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    yield group
    group.rmdir()


def test_it_is_charged_to_the_container(memory_group: Path, moving: Moving) -> None:
    """To the cgroup of the process that allocates, which is in the container's."""
    if not (memory_group / "memory.stat").exists():
        pytest.skip("cgroups do not count memory here")
    (memory_group / "cgroup.procs").write_text(str(moving.allocating.pid))
    moving.do("write_some", "write_by_call")
    moving.freeze()
    charged = dict(line.split() for line in (memory_group / "memory.stat").read_text().splitlines())
    present = sum(os.stat(path).st_blocks * 512 for path in moving.shared().values())
    assert int(charged["shmem"]) == present


def test_what_is_sealed_is_left_to_criu(moving: Moving) -> None:
    moving.do("write_some")
    moving.round()
    moving.do("seal")
    moving.freeze()
    sealed = [inode for inode, path in moving.shared().items() if "mapped" in os.readlink(path)]
    assert len(sealed) == 1
    assert not set(sealed) & set(moving.skipped())


def test_what_the_pager_does_not_know_is_in_the_images(moving: Moving) -> None:
    moving.freeze()
    assert moving.given(1) is None


def as_criu(init: Path, script: str, environment: dict[str, str], *arguments: str, given: tuple[int, ...] = ()) -> str:
    """What a program prints that does as CRIU does, with preload.so."""
    done = subprocess.run(
        [sys.executable, "-ISc", script, *arguments],
        env={"LD_PRELOAD": str(init.with_name("preload.so")), **environment},
        pass_fds=given, check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return done.stdout.strip()


def test_criu_finds_no_data_in_what_the_pager_moves(init: Path, moving: Moving) -> None:
    moving.do("write_some", "write_by_call")
    moving.freeze()
    with ExitStack() as stack:
        shared = [stack.enter_context(open(path, "rb")).fileno() for path in moving.shared().values()]
        other = os.memfd_create("of another")
        stack.callback(os.close, other)
        os.pwrite(other, b"data", 0)
        for number in shared:
            given = (moving.hints, number, other)
            printed = as_criu(init, DUMP, {"CRIU_HINTS": str(moving.hints)}, str(number), str(other), given=given)
            assert printed.split("\n") == ["[0]", str(errno.ENXIO)]


def test_criu_restores_with_what_the_pager_has(init: Path, tmp_path: Path, moving: Moving) -> None:
    moving.do("write_some", "write_by_call")
    moving.freeze()
    for inode in moving.shared():
        (tmp_path / f"pagemap-shmem-{inode}.img").touch()
        copy = moving.given(inode)
        assert copy is not None
        printed = as_criu(init, RESTORE, {"CRIU_SHARED_MEMORY": "1"}, str(tmp_path), str(inode))
        assert int(printed) == os.fstat(copy).st_ino
        os.close(copy)


def test_criu_restores_from_its_images_what_the_pager_does_not_have(init: Path, tmp_path: Path, moving: Moving) -> None:
    (tmp_path / "pagemap-shmem-1.img").touch()
    printed = as_criu(init, RESTORE, {"CRIU_SHARED_MEMORY": "1"}, str(tmp_path), "1")
    assert int(printed) not in errno.errorcode


def test_criu_does_not_go_on_without_the_pager(init: Path, tmp_path: Path) -> None:
    (tmp_path / "pagemap-shmem-1.img").touch()
    assert as_criu(init, RESTORE, {"CRIU_SHARED_MEMORY": "1"}, str(tmp_path), "1") == str(errno.EIO)
