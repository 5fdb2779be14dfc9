# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until a migration reaches an injection point on this host, then injects a fault. Runs on a host, as root.

usage: fault_injector.py INJECTION_POINT [ACT [ARGUMENT]]

An injection point is one of:

- ROLE:STATE: a state of the migration's record; ROLE is source or target.
- target:page-server: CRIU's page server runs.
- target:pages: the pager has received some pages.
- target:memory: the image file system is mounted.
- target:restoring: CRIU has made the process, and still restores it.
- source:dumping: the process is frozen, and CRIU dumps it, or has just done so.
- source:dumped: CRIU has written its images and asks for an answer; for `hold` alone, which holds CRIU there, too.
- source:progress=STATE, source:round=N: as the progress file of the source reports.
- ROLE:now: at once, if there is a record.

The act `hold` stops the worker at the injection point until a line of input arrives.

The injector exits at the end of its input: one that its test has left running would hit the next migration.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDS = Path("/run/organic/migrations")
TIMEOUT_S = 300
"""More than the steps before any injection point take on a busy machine; it ends with its test in any case."""
CLOCK_STEP = Path(__file__).with_name("clock-step")
PAGES_BYTES = 8 << 20
"""By then the dump is under way, and most of 300 MB is still to come."""

TOO_LATE = "the injection point has passed"

Record = dict[str, Any]


class InjectionPoint:
    """A point of the migration that is in progress on this host."""

    def __init__(self, text: str) -> None:
        self._role, _colon, self._state = text.partition(":")

    @property
    def holds_criu(self) -> bool:
        return self._state == "dumped"

    def reached(self) -> Record | None:
        """The record, once the migration has reached the point."""
        for path in RECORDS.glob(f"*/{self._role}.json"):
            try:
                record: Record = json.loads(path.read_text())
            except FileNotFoundError:
                continue
            images = path.parent / f"{self._role}-images"
            if self._state == "pages":
                is_reached = memory_bytes(record["pager_pid"]) >= PAGES_BYTES
            elif self._state == "page-server":
                is_reached = bool(page_servers(record))
            elif self._state == "memory":
                is_reached = os.path.ismount(images)
            elif self._state == "restoring":
                is_reached = record["state"] != "restored" and process_is_made(record)
            elif self._state == "dumping":
                is_reached = record["state"] == "switchover" and has_dumped_memory(images)
            elif self._state == "dumped":
                is_reached = record["state"] == "switchover" and bool(criu_of(record))
            elif self._state == "now":
                is_reached = True
            elif "=" in self._state:
                is_reached = self._progressed(path.with_name("progress.json"))
            else:
                is_reached = record["state"] == self._state
            if is_reached:
                return record
        return None

    def _progressed(self, path: Path) -> bool:
        """Whether the source reports this state, or at least this round."""
        what, _equals, wanted = self._state.partition("=")
        try:
            progress = json.loads(path.read_text())
        except FileNotFoundError:
            return False
        if what == "round":
            return bool(progress["state"] == "active" and progress["round"] >= int(wanted))
        return bool(progress["state"] == wanted)


def has_dumped_memory(images: Path) -> bool:
    """Whether CRIU has written the mappings of a process."""
    return any(images.glob("mm-*.img"))


class SystemCall(ctypes.Structure):
    """struct ptrace_syscall_info (ptrace(2)) of a call that begins."""

    _fields_ = (
        ("stop", ctypes.c_uint8), ("architecture", ctypes.c_uint32), ("place", ctypes.c_uint64 * 2),
        ("number", ctypes.c_uint64), ("arguments", ctypes.c_uint64 * 6),
    )  # fmt: skip


class TracedCriu:
    """CRIU, stopped from one system call to the next; it goes on when this program ends.

    It has the answers to all its questions ahead, so it would not wait for a worker that is stopped.
    """

    _SYSCALL, _SEIZE, _INTERRUPT, _GET_SYSCALL_INFO = 24, 0x4206, 0x4207, 0x420E
    _MARK_CALLS, _MARK, _ENTRY, _RECVFROM, _WALL = 1, 0x80, 1, 45, 0x40000000

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._ptrace(self._SEIZE, 0, self._MARK_CALLS)
        self._ptrace(self._INTERRUPT)
        os.waitpid(pid, self._WALL)

    @classmethod
    def of(cls, record: Record) -> TracedCriu:
        found = criu_of(record)
        assert found, TOO_LATE
        return cls(*found)

    def _ptrace(self, request: int, address: int = 0, data: int = 0) -> None:
        arguments = [ctypes.c_long(self._pid), ctypes.c_void_p(address), ctypes.c_void_p(data)]
        if self._libc.ptrace(ctypes.c_long(request), *arguments) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

    def run_until(self, is_there: Callable[[SystemCall], bool]) -> bool:
        """Let it run up to the system call; False when it has ended before."""
        call, passed_on = SystemCall(), 0
        while True:
            self._ptrace(self._SYSCALL, 0, passed_on)
            _pid, status = os.waitpid(self._pid, self._WALL)
            if not os.WIFSTOPPED(status):
                return False
            stopped_by = os.WSTOPSIG(status)
            passed_on = 0 if status >> 16 or stopped_by & self._MARK else stopped_by
            if stopped_by == signal.SIGTRAP | self._MARK:
                self._ptrace(self._GET_SYSCALL_INFO, ctypes.sizeof(call), ctypes.addressof(call))
                if call.stop == self._ENTRY and is_there(call):
                    return True

    @classmethod
    def asks(cls, call: SystemCall) -> bool:
        """Whether it looks for the worker's answer; its connections work then (src/leave_repair_mode.c)."""
        return bool(call.number == cls._RECVFROM and call.arguments[3] == socket.MSG_PEEK | socket.MSG_TRUNC)


def children(pid: int) -> list[int]:
    """Of all its threads."""
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    found = [root]
    for pid in found:  # the list grows during the loop
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += children(pid)
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def start_time(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def worker(record: Record) -> int:
    """The migration worker, by its recorded PID and start time."""
    pid = int(record["agent_pid"])
    assert start_time(pid) == record["agent_start_time"], "the worker has ended"
    return pid


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def kill_worker(record: Record) -> None:
    kill(worker(record))


def kill_worker_and_watchdog(record: Record) -> None:
    pid = worker(record)
    kill(parent(pid), pid)


def end_process(record: Record) -> None:
    """Kill the NF's first process: the original, or what was restored of it."""
    kill(nf_process(record))


def nf_process(record: Record) -> int:
    """The NF's first process as this host counts it."""
    if record["role"] == "source":
        assert start_time(record["root_pid"]) == record["root_start_time"], "the process has ended"
        return int(record["root_pid"])
    space = os.readlink(f"/proc/{record['init_pid']}/ns/pid")
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if pid_inside(status) == record["root_pid"] and os.readlink(status.parent / "ns/pid") == space:
                return int(status.parent.name)
    raise AssertionError("the process is not there")


def criu_of(record: Record) -> list[int]:
    """CRIU itself, not the nsenter around it; empty before it starts and after it ends."""
    with contextlib.suppress(AssertionError, FileNotFoundError, ProcessLookupError):
        # CRIU changes its own command line; nsenter, which starts it in RPC mode ("swrk"), keeps its own
        around = [pid for pid in tree(parent(worker(record))) if {"nsenter", "swrk"} <= set(command_line(pid))]
        return [pid for nsenter in around for pid in children(nsenter)]
    return []


def end_criu(record: Record) -> None:
    """Kill CRIU itself, as the kernel does when memory is short; not the nsenter around it.

    The restored process must not run because of that: it is observed while it could.
    """
    found = criu_of(record)
    assert found, TOO_LATE
    [criu] = found
    restored = None
    if record["role"] == "target" and record["state"] == "restored":
        restored = nf_process(record)
    kill(criu)
    if restored is not None:
        time.sleep(0.1)  # no event reports that nothing happened
        states = thread_states(restored)
        assert not set(states) & set("RS"), f"the restored process runs before the commit (threads: {states})"


def pid_inside(status: Path) -> int:
    """A process as the innermost PID namespace counts it."""
    return int(status.read_text().partition("NSpid:")[2].split("\n")[0].split()[-1])


def process_is_made(record: Record) -> bool:
    """Whether the NF's first process is there, however much CRIU still has to do; quick, unlike nf_process."""
    with contextlib.suppress(OSError):
        members = Path(record["freezer"] or "none", "organic-nf", "cgroup.procs").read_text().split()
        return any(pid_inside(Path("/proc", pid, "status")) == record["root_pid"] for pid in members)
    return False


def memory_bytes(pid: int) -> int:
    """Memory of a process; 0 when there is none."""
    try:
        pages = Path(f"/proc/{pid or 'none'}/statm").read_text().split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def thread_states(pid: int) -> str:
    """A letter for each thread (proc(5)); empty when the process has ended."""
    found = ""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += stat.read_text().rpartition(")")[2].split()[0]
    return found


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return [""]


def pagers(record: Record) -> list[int]:
    """The worker's child that transfers the memory."""
    found = [pid for pid in tree(parent(worker(record))) if command_line(pid)[0].endswith("/pager")]
    assert found, TOO_LATE
    return found


def kill_mirror(record: Record) -> None:
    """Kill the worker's child that gives the process and its clone the same packets."""
    found = [pid for pid in children(worker(record)) if command_line(pid)[0].endswith("/mirror")]
    assert found, TOO_LATE
    kill(*found)


def kill_pager(record: Record) -> None:
    kill(*pagers(record))


def hang(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def hang_worker(record: Record) -> None:
    """Stop it, as a host without CPU time for it, or with a hung disk, does."""
    hang(worker(record))


def hang_pager(record: Record) -> None:
    hang(*pagers(record))


def hang_criu(record: Record) -> None:
    found = criu_of(record)
    assert found, TOO_LATE
    hang(*found)


def page_servers(record: Record) -> list[int]:
    """The worker's child that runs `criu page-server`, if there is one."""
    return [pid for pid in children(worker(record)) if "page-server" in command_line(pid)]


def kill_page_server(record: Record) -> None:
    servers = page_servers(record)
    assert servers, TOO_LATE
    kill(*servers)


def hang_page_server(record: Record) -> None:
    servers = page_servers(record)
    assert servers, TOO_LATE
    hang(*servers)


def fill(record: Record) -> None:
    """Leave no free byte in the image file system, as memory that has grown since it was measured would."""
    images = RECORDS / record["migration_id"] / f"{record['role']}-images"
    with (images / "ballast").open("wb") as ballast:
        free = os.statvfs(images)
        os.posix_fallocate(ballast.fileno(), 0, free.f_bavail * free.f_frsize)


def end_container(record: Record) -> None:
    """As docker kill does, without its wait: a process that is frozen until the commit exits only then."""
    kill(record["init_pid"])


def remove_program(record: Record, path: str) -> None:
    """Remove a file that the process has mapped from the target's container."""
    os.unlink(f"/proc/{record['init_pid']}/root{path}")


def occupy_pid(record: Record) -> None:
    """Start a process in the target's container with the very PID that is to be restored."""
    wanted = record["root_pid"]
    take = f"echo {wanted - 1} > /proc/sys/kernel/ns_last_pid; sleep 1000 & test $! = {wanted}"
    script = f"until {take}; do kill $!; done; wait"
    subprocess.Popen(
        ["nsenter", "--target", str(record["init_pid"]), "--pid", "sh", "-c", script],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def cut(_record: Record, peer: str) -> None:
    """Drop every packet between the hosts; packets of containers do not pass these chains."""
    rules = f"*filter\n-I INPUT -s {peer} -j DROP\n-I OUTPUT -d {peer} -j DROP\nCOMMIT\n"
    subprocess.run(["iptables-restore", "--noflush", "--wait"], input=rules, text=True, check=True)


def drop_inbound(record: Record, peer: str) -> None:
    """Drop the messages of the peer to the worker; its pages, on other connections, arrive."""
    pid = worker(record)
    own = {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    rules = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _number, here, there, state, *_rest = fields = line.split()
        if state == "01" and f"socket:[{fields[9]}]" in own:  # established
            ports = [int(end.partition(":")[2], 16) for end in (there, here)]
            rules.append(f"-I INPUT -s {peer} -p tcp --sport {ports[0]} --dport {ports[1]} -j DROP\n")
    assert rules, "the worker has no connection"
    rules = ["*filter\n", *rules, "COMMIT\n"]
    subprocess.run(["iptables-restore", "--noflush", "--wait"], input="".join(rules), text=True, check=True)


def heal(_record: Record, peer: str) -> None:
    rules = f"*filter\n-D INPUT -s {peer} -j DROP\n-D OUTPUT -d {peer} -j DROP\nCOMMIT\n"
    subprocess.run(["iptables-restore", "--noflush", "--wait"], input=rules, text=True, check=True)


def cut_briefly(record: Record, peer: str) -> None:
    """Long enough for several retransmissions, too short for a timeout."""
    cut(record, peer)
    try:
        time.sleep(0.5)
    finally:
        heal(record, peer)


def step_clock(_record: Record, seconds: str) -> None:
    """Step the wall clock of the agent's processes; see stepped_clock.c."""
    with CLOCK_STEP.open("r+b") as file:  # it is mapped: never shorter
        file.write(int(seconds).to_bytes(8, "little", signed=True))


def force_cleanup(record: Record) -> None:
    """Remove by force what a failed test has left, so that the next one can start."""
    with contextlib.suppress(AssertionError, FileNotFoundError, ProcessLookupError):
        watchdog = parent(worker(record))
        assert watchdog != 1
        kill(*tree(watchdog))
    if record["freezer"]:
        for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            if (file := Path(record["freezer"], "organic-nf", name)).exists():
                file.write_text(word)
    directory = RECORDS / record["migration_id"]
    subprocess.run(["umount", "--lazy", str(directory / f"{record['role']}-images")], stderr=subprocess.DEVNULL)
    subprocess.run(["docker", "rm", "--force", record["container_id"]], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(directory)
    for above in (RECORDS, RECORDS.parent):
        with contextlib.suppress(OSError):  # it has records of another migration
            above.rmdir()


def hold(point: InjectionPoint, record: Record) -> bool:
    """Stop the worker at the point; False when the migration had passed it before the worker stopped, or had ended."""
    images = RECORDS / record["migration_id"] / f"{record['role']}-images"
    try:
        pid = worker(record)
        criu = TracedCriu.of(record) if point.holds_criu else None
        if criu and not criu.run_until(lambda _call: has_dumped_memory(images)):
            return False
        os.kill(pid, signal.SIGSTOP)
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "TtZX":
            time.sleep(0.0002)
        is_there = criu is None or criu.run_until(criu.asks)
    except (AssertionError, OSError):  # one of them has ended
        return False
    if is_there and point.reached() is not None:
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def release(record: Record) -> None:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError, AssertionError):
        os.kill(worker(record), signal.SIGCONT)


ACTS = {
    act.__name__: act
    for act in (
        kill_worker,
        end_process,
        end_criu,
        heal,
        step_clock,
        drop_inbound,
        force_cleanup,
        kill_worker_and_watchdog,
        kill_pager,
        kill_mirror,
        hang_worker,
        hang_pager,
        hang_criu,
        hang_page_server,
        kill_page_server,
        fill,
        end_container,
        remove_program,
        occupy_pid,
        cut,
        cut_briefly,
    )
}


def main() -> None:
    name, *act = sys.argv[1:]
    point = InjectionPoint(name)
    os.setpriority(os.PRIO_PROCESS, 0, -20)  # ahead of the processes of the migration
    print("waiting", flush=True)
    deadline = time.monotonic() + TIMEOUT_S
    while (record := point.reached()) is None or (act == ["hold"] and not hold(point, record)):
        if select.select([sys.stdin], [], [], 0)[0]:
            sys.exit(f"{name}: {TOO_LATE}")
        if time.monotonic() > deadline:
            sys.exit(f"{name} was not reached within {TIMEOUT_S} s")
        time.sleep(0.0002)
    if act == ["hold"]:
        try:
            print(json.dumps({"record": record}), flush=True)
            sys.stdin.readline()
        finally:
            release(record)
        return
    if act:
        ACTS[act[0]](record, *act[1:])
    print(json.dumps({"record": record}), flush=True)


if __name__ == "__main__":
    main()
