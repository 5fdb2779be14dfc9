# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's pager: what arrives is the memory of the freeze, whatever the process did in the rounds before.

The target is this test, which keeps the pages by their address.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from .container import until

HERE = Path(__file__).parent
FRAME = struct.Struct("<IIQQQ")
PAGES, COMPRESSED, ZERO, EXTENTS, PRESENT, STALE, BARRIER, BARRIER_DONE, REQUEST, RECEIVED, WIPED, SHARED = range(1, 13)
PAGE = 4096
NOTHING = bytes(PAGE)
HINTS_BYTES = 1 << 20
RESTORED_PID = 5


class Target:
    """Takes frames from one or more connections; ``memory`` is by process and address."""

    def __init__(self, count: int) -> None:
        self.memory: dict[int, dict[int, bytes]] = {}
        self.ranges: dict[int, dict[int, list[tuple[int, int]]]] = {EXTENTS: {}, WIPED: {}, PRESENT: {}, STALE: {}}
        self.page_arrived = threading.Event()
        self.first_may_answer = threading.Event()
        self.first_may_answer.set()
        self.barriers: list[int] = []
        pairs = [socket.socketpair() for _number in range(count)]
        self.theirs = [pair[1] for pair in pairs]
        self._ours = [pair[0] for pair in pairs]
        self._threads = [threading.Thread(target=self._receive, args=(one,), daemon=True) for one in self._ours]
        for thread in self._threads:
            thread.start()

    def _receive(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while header := stream.read(FRAME.size):
                kind, process, address, length, size = FRAME.unpack(header)
                payload = stream.read(size)
                pages = self.memory.setdefault(process, {}) if kind in (PAGES, ZERO) else {}
                if kind == PAGES:
                    assert size == length
                    pages.update({address + at: payload[at : at + PAGE] for at in range(0, size, PAGE)})
                elif kind == ZERO:
                    pages.update({address + at: NOTHING for at in range(0, length, PAGE)})
                elif kind in self.ranges:
                    pairs = [(start, end) for start, end in struct.iter_unpack("<QQ", payload)]
                    self.ranges[kind].setdefault(process, []).extend(pairs)
                elif kind == BARRIER:
                    self.barriers.append(address)
                    if connection is self._ours[0]:
                        self.first_may_answer.wait()
                    connection.sendall(FRAME.pack(BARRIER_DONE, 0, address, 0, 0))
                elif kind != SHARED:  # of shared memory only the pages count here, see test_shared_memory.py
                    raise AssertionError(f"frame {kind}")
                if kind in (PAGES, ZERO):
                    self.page_arrived.set()

    def ask(self, process: int, address: int) -> None:
        self._ours[0].sendall(FRAME.pack(REQUEST, process, address, PAGE, 0))

    def close(self) -> None:
        for connection in self._ours:
            connection.close()

    def at_the_freeze(self, process: int) -> dict[int, bytes]:
        """What the target would give the process: pages that were present, where the pager answers for them."""
        found = {}
        present = self.ranges[PRESENT][process]
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(present))
        for start, end in present:
            for address in range(start, end, PAGE):
                found[address] = self.memory[process][address]
        return found


class Pager:
    """The program, and its control socket."""

    def __init__(self, program: Path, root: int, target: Target) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(60)
        self._hints = os.fdopen(os.memfd_create("hints"), "r+b", buffering=0)
        self._hints.truncate(HINTS_BYTES)
        given = [one.fileno() for one in target.theirs]
        command = [str(program), "source", str(root), str(self._hints.fileno()), *map(str, given)]
        self._process = subprocess.Popen(command, stdin=theirs.fileno(), pass_fds=[self._hints.fileno(), *given])
        theirs.close()
        for one in target.theirs:
            one.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, text: str, done: str) -> dict[str, int]:
        self._control.send(text.encode())
        while True:
            answer = json.loads(self._control.recv(4096))
            if answer.get("done") == done:
                return dict(answer)

    def smaps(self) -> dict[int, str]:
        """What CRIU is to read of the processes' smaps, by their PID (src/hints.h)."""
        found = {}
        [at] = struct.unpack("<Q", os.pread(self._hints.fileno(), 8, 0))
        while header := os.pread(self._hints.fileno(), 16, at):
            pid, size = struct.unpack("<QQ", header)
            found[pid] = os.pread(self._hints.fileno(), size, at + 16).decode()
            at += 16 + size
        return found

    def close(self) -> None:
        self._control.close()
        self._process.wait(10)
        self._hints.close()


class Churn:
    """A process, or several, that stop and go as one."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._process.pid

    def do(self, deeds: str) -> None:
        assert self._process.stdin and self._process.stdout
        for deed in deeds:
            self._process.stdin.write(deed.encode())
            self._process.stdin.flush()
            assert self._process.stdout.read(1) == deed.encode()

    @property
    def tree(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def freeze(self) -> None:
        for pid in self.tree:
            os.kill(pid, signal.SIGSTOP)
            while "T" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]:
                time.sleep(0.001)

    def close(self) -> None:
        if self._process.returncode is None:
            self.kill()

    def kill(self) -> None:
        for pid in reversed(self.tree):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()


def memory_of(pid: int) -> dict[int, bytes]:
    """Private anonymous memory that is not zero, by page."""
    found = {}
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            fields = line.split()
            if fields[1][3] != "p" or fields[4] != "0" or (len(fields) > 5 and fields[5].startswith("[v")):
                continue
            start, end = (int(part, 16) for part in fields[0].split("-"))
            for address in range(start, end, PAGE):
                memory.seek(address)
                with suppress(OSError):  # a guard
                    page = memory.read(PAGE)
                    if page != NOTHING:
                        found[address] = page
    return found


@pytest.fixture(scope="module")
def churn_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("churn") / "churn"
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-pthread", "-o", program, HERE / "churn.c"], check=True)
    return program


def missing_kernel_features(init: Path) -> dict[str, str]:
    done = subprocess.run([init.with_name("pager"), "check"], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


@pytest.fixture(params=["write_protection", "soft_dirty"])
def page_tracking(init: Path, request: pytest.FixtureRequest) -> str:
    """How written pages are found, both ways where the kernel has both (`make debian-kernel`: one that has)."""
    if lacks := missing_kernel_features(init)[request.param]:
        pytest.skip(f"this kernel cannot track so: {lacks}")
    return str(request.param)


@contextmanager
def moving(
    init: Path, churn_program: Path, connections: int = 2, page_tracking: str = "write_protection"
) -> Iterator[tuple[Churn, Pager, Target]]:
    with ExitStack() as stack:
        process = Churn(churn_program)
        stack.callback(process.close)
        target = Target(connections)
        pager = Pager(init.with_name("pager"), process.pid, target)
        stack.callback(target.close)
        stack.callback(pager.close)
        process.do("n")
        if page_tracking == "soft_dirty":
            pager.order("use_soft_dirty", "use_soft_dirty")
        yield process, pager, target


def without_zeros(pages: dict[int, bytes]) -> dict[int, bytes]:
    return {address: page for address, page in pages.items() if page != NOTHING}


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize(
    "deeds",
    [
        *("n", "w", "d", "u", "m", "p", "z", "e", "f", "g", "l", "s", "x", "M"),
        *("wd", "du", "mu", "um", "xw", "fx", "fwm", "ewe", "MM", "MMM", "ll", "lll", "sxwf", "pmwzdufs"),
    ],
)
def test_pre_copy_sends_the_memory_of_the_freeze(
    init: Path, churn_program: Path, page_tracking: str, deeds: str, connections: int
) -> None:
    with moving(init, churn_program, connections, page_tracking) as (process, pager, target):
        pager.order("round", "round")
        for deed in deeds:
            process.do(deed)
            pager.order("round", "round")
        process.do(deeds)
        process.freeze()
        pager.order("final_send", "final")
        for pid in process.tree:
            assert without_zeros(target.at_the_freeze(pid)) == memory_of(pid)


def test_no_write_is_lost_between_the_rounds(init: Path, churn_program: Path, page_tracking: str) -> None:
    with moving(init, churn_program, page_tracking=page_tracking) as (process, pager, target):
        process.do("ft")
        assert sum(pager.order("round", "round")["pages_written"] for _round in range(40)) > 40
        process.freeze()
        pager.order("final_send", "final")
        for pid in process.tree:
            assert without_zeros(target.at_the_freeze(pid)) == memory_of(pid)


def test_who_waits_for_another_program_to_start_is_no_hindrance(
    init: Path, churn_program: Path, page_tracking: str
) -> None:
    """A thread in vfork(2) stops only when its child does not."""
    with moving(init, churn_program, page_tracking=page_tracking) as (process, pager, target):
        pager.order("round", "round")
        spawning = threading.Thread(target=process.do, args=("S",))
        spawning.start()
        while spawning.is_alive():
            pager.order("round", "round")
        spawning.join()
        process.freeze()
        pager.order("final_send", "final")
        assert len(process.tree) == 2
        for pid in process.tree:
            assert without_zeros(target.at_the_freeze(pid)) == memory_of(pid)


def test_what_a_child_has_until_its_execve_is_not_taken_for_its_own(init: Path, churn_program: Path) -> None:
    """Else what its parent wrote meanwhile is noted as sent for the child, at whose addresses it is found."""
    with moving(init, churn_program) as (process, pager, target):
        process.do("v")
        for _round in range(400):
            pager.order("round", "round")
        process.do("v")
        process.freeze()
        pager.order("final_send", "final")
        given, expected = target.at_the_freeze(process.pid), memory_of(process.pid)
        assert [address for address, page in expected.items() if given[address] != page] == []


def test_a_process_for_which_descriptors_are_wanting_is_not_passed_over(init: Path, churn_program: Path) -> None:
    with ExitStack() as stack:
        process = Churn(churn_program)
        stack.callback(process.close)
        process.do("f" * 20)
        target = Target(1)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        try:
            pager = Pager(init.with_name("pager"), process.pid, target)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        stack.callback(target.close)
        stack.callback(pager.close)
        assert pager.order("sample_dirty", "sample_dirty")
        assert resource.prlimit(pager.pid, resource.RLIMIT_NOFILE) == (before[1], before[1])
        resource.prlimit(pager.pid, resource.RLIMIT_NOFILE, (30, 30))
        with pytest.raises((OSError, ValueError)):  # it ends, which is told
            pager.order("final_send", "final")


def test_no_page_overtakes_the_list_of_those_that_are_old(init: Path, churn_program: Path) -> None:
    """The list goes on the first connection; a new page that came on the second before it would be taken for old."""
    with moving(init, churn_program) as (process, pager, target):
        pager.order("round", "round")
        process.do("w")
        process.freeze()
        barriers = len(target.barriers) + 2
        target.page_arrived.clear()
        target.first_may_answer.clear()
        final = threading.Thread(target=pager.order, args=("final_send", "final"), daemon=True)
        final.start()
        try:
            deadline = time.monotonic() + 10
            while len(target.barriers) < barriers:
                assert time.monotonic() < deadline
                time.sleep(0.001)
            assert not target.page_arrived.wait(0.2)
        finally:
            target.first_may_answer.set()
        final.join(10)
        assert without_zeros(target.at_the_freeze(process.pid)) == memory_of(process.pid)


def test_the_last_round_is_small(init: Path, churn_program: Path, page_tracking: str) -> None:
    with moving(init, churn_program, page_tracking=page_tracking) as (process, pager, _target):
        process.do("h")
        first = pager.order("round", "round")["pages_written"]
        process.do("w")
        process.freeze()
        last = pager.order("final_send", "final")["pages_written"]
        assert first >= 600
        assert 86 <= last <= 86 + 8  # a page in seven of 600, and the stack


def test_inter_copy_sends_each_page_once(init: Path, churn_program: Path) -> None:
    with moving(init, churn_program) as (process, pager, target):
        process.do("dzm")
        process.freeze()
        done = pager.order("final_send", "final")
        assert without_zeros(target.at_the_freeze(process.pid)) == memory_of(process.pid)
        assert done["pages_sent"] == len(memory_of(process.pid))
        assert STALE not in target.ranges or not target.ranges[STALE]


def in_use(process: Churn) -> int:
    """Bytes of memory of the whole tree; what several have in common counts once (proc_pid_smaps(5), Pss_Anon)."""
    lines = [line for pid in process.tree for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss_Anon:"))


def test_forked_processes_share_their_memory_after_it_was_read(init: Path, churn_program: Path) -> None:
    with moving(init, churn_program) as (process, pager, target):
        process.do("hf")
        process.freeze()
        assert len(process.tree) > 1
        before = in_use(process)
        done = pager.order("final_send", "final")
        assert in_use(process) <= before + 16 * PAGE
        assert done["pages_sent"] * PAGE > 1.5 * before, "they share nothing that could be lost"
        assert without_zeros(target.at_the_freeze(process.pid)) == memory_of(process.pid)


def test_post_copy_answers_and_pushes(init: Path, churn_program: Path, page_tracking: str) -> None:
    with moving(init, churn_program, page_tracking=page_tracking) as (process, pager, target):
        pager.order("round", "round")
        sent = target.memory.pop(process.pid)
        process.do("wz")
        process.freeze()
        pager.order("final_bitmap", "final")
        assert not target.memory
        stale = target.ranges[STALE][process.pid]
        target.page_arrived.clear()
        target.ask(process.pid, stale[0][0])
        assert target.page_arrived.wait(10)
        assert stale[0][0] in target.memory[process.pid]
        pager.order("push", "push")
        fetched = target.memory[process.pid]
        assert {page for start, end in stale for page in range(start, end, PAGE)} == set(fetched)
        target.memory[process.pid] = {**sent, **fetched}
        assert without_zeros(target.at_the_freeze(process.pid)) == memory_of(process.pid)


def test_a_dirty_rate_is_counted(init: Path, churn_program: Path, page_tracking: str) -> None:
    with moving(init, churn_program, page_tracking=page_tracking) as (process, pager, target):
        process.do("h")
        pager.order("sample_dirty", "sample_dirty")
        process.do("w")
        counted = pager.order("sample_dirty", "sample_dirty")["pages_written"]
        assert 86 <= counted <= 86 + 8
        assert not target.memory


def test_the_process_runs_on_as_before(init: Path, churn_program: Path, page_tracking: str) -> None:
    with moving(init, churn_program, page_tracking=page_tracking) as (process, pager, _target):
        pager.order("round", "round")
        before = sorted(os.listdir(f"/proc/{process.pid}/fd"))
        pager.close()
        process.do("wdumpzf")
        assert sorted(os.listdir(f"/proc/{process.pid}/fd")) == before == ["0", "1", "2"]


def test_a_limit_is_kept(init: Path, churn_program: Path) -> None:
    with moving(init, churn_program) as (_process, pager, _target):
        pager.order("limit 4194304", "limit")
        done = pager.order("round", "round")
        assert done["duration_ms"] >= 0.9 * done["bytes_sent"] * 1000 / 4194304


def test_a_process_that_ends_is_told(init: Path, churn_program: Path) -> None:
    with moving(init, churn_program) as (process, pager, _target):
        pager.order("round", "round")
        process.kill()
        with pytest.raises((OSError, ValueError)):
            pager.order("round", "round")


def test_the_kernel_is_looked_at(init: Path) -> None:
    assert set(missing_kernel_features(init)) == {"pagemap_scan", "userfaultfd", "write_protection", "soft_dirty"}


@pytest.mark.parametrize("missing", [True, False])
def test_a_target_left_alone_ends_what_it_cannot_give_its_pages(init: Path, tmp_path: Path, missing: bool) -> None:
    ours, theirs = socket.socketpair()
    control, its_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    container = subprocess.Popen(["sleep", "infinity"])
    images, pidfd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY), os.pidfd_open(container.pid)
    given = [images, pidfd, theirs.fileno()]
    command = [str(init.with_name("pager")), "target", *map(str, given[:2]), "-1", str(given[2])]
    with subprocess.Popen(command, stdin=its_control, pass_fds=given, stderr=subprocess.PIPE) as pager:
        for one in (theirs, its_control):
            one.close()
        assert b"ready" in control.recv(4096)
        payload = struct.pack("<QQ", 0x10000, 0x12000)
        ours.sendall(FRAME.pack(PRESENT, 1, 0, 0, len(payload)) + payload)
        if not missing:
            ours.sendall(FRAME.pack(ZERO, 1, 0x10000, 0x2000, 0))
        ours.sendall(FRAME.pack(BARRIER, 0, 7, 0, 0))
        assert FRAME.unpack(ours.recv(FRAME.size))[0] == BARRIER_DONE
        control.send(b"before_run")
        assert b"before_run" in control.recv(4096)
        control.close()
        ours.close()
        assert pager.wait(10) == (1 if missing else 0), pager.stderr
    for descriptor in (images, pidfd):
        os.close(descriptor)
    if missing:
        assert container.wait(10) == -signal.SIGKILL
    else:
        assert container.poll() is None
        container.kill()
        container.wait()


class Restored:
    """A target's pager, and a process whose memory comes from it; the source and the agent are this test.

    Attributes:
        ours: the source's end of the connection.
        process: see restored.py.
        address: of its three pages.
    """

    def __init__(self, ours: socket.socket, control: socket.socket, process: subprocess.Popen[str]) -> None:
        self.ours, self.process, self._control = ours, process, control
        assert process.stdout
        self.address = int(process.stdout.readline())

    def send_ranges(self, kind: int, start: int, end: int) -> None:
        payload = struct.pack("<QQ", self.address + start * PAGE, self.address + end * PAGE)
        self.ours.sendall(FRAME.pack(kind, RESTORED_PID, 0, 0, len(payload)) + payload)

    def send_pages(self, address: int, content: bytes) -> None:
        self.ours.sendall(FRAME.pack(PAGES, RESTORED_PID, address, len(content), len(content)) + content)

    def await_barrier(self) -> None:
        self.ours.sendall(FRAME.pack(BARRIER, 0, 7, 0, 0))
        assert FRAME.unpack(self.ours.recv(FRAME.size))[0] == BARRIER_DONE

    def go_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")

    def restore(self) -> None:
        self.go_on()
        assert b"process" in self._control.recv(4096)
        self.order("restored")

    def order(self, order: str) -> None:
        self._control.send(order.encode())
        assert order.encode() in self._control.recv(4096)

    @property
    def pages_there(self) -> int:
        """Pages that it has (Documentation/admin-guide/mm/pagemap.rst, bit 63)."""
        with open(f"/proc/{self.process.pid}/pagemap", "rb") as pagemap:
            pagemap.seek(self.address // PAGE * 8)
            return sum(entry >> 63 for entry in struct.unpack("<QQQ", pagemap.read(24)))


@contextmanager
def restored(init: Path, directory: Path) -> Iterator[Restored]:
    ours, theirs = socket.socketpair()
    control, its_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    images, pidfd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY), os.pidfd_open(os.getpid())
    given = [images, pidfd, theirs.fileno()]
    command = [str(init.with_name("pager")), "target", *map(str, given[:2]), "-1", str(given[2])]
    script = [sys.executable, "-IS", str(HERE / "restored.py"), str(directory / "lazy-pages.socket")]
    with (
        subprocess.Popen(command, stdin=its_control, pass_fds=given) as pager,
        subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process,
    ):
        try:
            for one in (theirs, its_control):
                one.close()
            for one in (ours, control):
                one.settimeout(10)
            assert b"ready" in control.recv(4096)
            yield Restored(ours, control, process)
        finally:
            process.kill()
            pager.kill()
            for descriptor in (images, pidfd):
                os.close(descriptor)


def test_a_child_gets_empty_what_it_is_to_get_empty(init: Path, tmp_path: Path) -> None:
    """Whatever its parent has there or would get: it would take itself for its parent."""
    with restored(init, tmp_path) as one:
        assert one.process.stdout
        for kind, start, end in ((EXTENTS, 0, 3), (WIPED, 1, 3), (PRESENT, 0, 3)):
            one.send_ranges(kind, start, end)
        one.await_barrier()
        one.restore()
        one.order("before_run")
        one.go_on()
        for number in range(2):
            kind, pid, asked, _length, _size = FRAME.unpack(one.ours.recv(FRAME.size))
            assert (kind, pid, asked) == (REQUEST, RESTORED_PID, one.address + number * PAGE)
            one.send_pages(asked, b"\7" * PAGE)
        assert select.select([one.process.stdout], [], [], 10)[0]
        assert one.process.stdout.readline().split() == ["7", "7", "7", "0", "0"]


def test_what_is_stored_is_placed_before_the_process_runs(init: Path, tmp_path: Path) -> None:
    with restored(init, tmp_path) as one:
        one.send_ranges(EXTENTS, 0, 3)
        one.send_ranges(PRESENT, 0, 3)
        one.send_pages(one.address, b"\7" * 3 * PAGE)
        one.await_barrier()
        assert one.pages_there == 0
        one.restore()
        until(lambda: one.pages_there == 3)
