# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Awaits a moment of a migration on this host, then does something to it. Runs on a host, as root.

usage: saboteur.py MOMENT [ACT [ARGUMENT]]

A MOMENT is ROLE:STATE of a migration's record, or target:page-server (it runs), target:pages (the pager has some),
target:memory (the image file system is mounted), target:standing (CRIU is at the process), source:dumping (the process
is frozen, and CRIU at work in it), source:progress=STATE or source:round=N (of the progress that the source tells),
ROLE:now (whenever there is a record).

The act `hold` stops the worker in that very moment until a line comes in: what happens meanwhile, happens then.

It waits no longer than for the end of its input: one that its test has forgotten would strike the next migration.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RECORDS = Path("/run/organic/migrations")
STALL_TIMEOUT_S = 60
CLOCK_STEP = Path(__file__).with_name("clock-step")
PAGES_BYTES = 8 << 20
"""By then the dump is under way, and most of 300 MB is still to come."""

TOO_LATE = "the moment has passed"

Record = dict[str, Any]


class Moment:
    """A moment of the migration that is at work on this host."""

    def __init__(self, text: str) -> None:
        self._role, _colon, self._state = text.partition(":")

    def reached(self) -> Record | None:
        """The record, when the moment has come."""
        for path in RECORDS.glob(f"*/{self._role}.json"):
            try:
                record: Record = json.loads(path.read_text())
            except FileNotFoundError:
                continue
            images = path.parent / f"{self._role}-images"
            if self._state == "pages":
                come = memory_bytes(record["pager_pid"]) >= PAGES_BYTES
            elif self._state == "page-server":
                come = bool(page_servers(record))
            elif self._state == "memory":
                come = os.path.ismount(images)
            elif self._state == "standing":
                come = record["state"] != "restored" and stands(record)
            elif self._state == "dumping":
                # CRIU stays until the source is released
                before = record["state"] not in ("committed", "postcopy-active")
                come = before and any(images.glob("mm-*.img")) and bool(criu_of(record))
            elif self._state == "now":
                come = True
            elif "=" in self._state:
                come = self._progressed(path.with_name("progress.json"))
            else:
                come = record["state"] == self._state
            if come:
                return record
        return None

    def _progressed(self, path: Path) -> bool:
        """Whether the source has told of this state, or at least of this round."""
        what, _equals, wanted = self._state.partition("=")
        try:
            progress = json.loads(path.read_text())
        except FileNotFoundError:
            return False
        if what == "round":
            return bool(progress["state"] == "active" and progress["round"] >= int(wanted))
        return bool(progress["state"] == wanted)


def children(pid: int) -> list[int]:
    """Of all its threads."""
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    found = [root]
    for pid in found:  # grows while it is walked
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += children(pid)
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def start_time(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def worker(record: Record) -> int:
    """The process that works on the migration, by its recorded PID and start time."""
    pid = int(record["agent_pid"])
    assert start_time(pid) == record["agent_start_time"], "the worker has ended"
    return pid


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def kill_worker(record: Record) -> None:
    kill(worker(record))


def kill_worker_and_guardian(record: Record) -> None:
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
    """CRIU itself, not the nsenter around it; none before it begins and after its end."""
    with contextlib.suppress(AssertionError, FileNotFoundError, ProcessLookupError):
        # it gives itself other names; its nsenter, for which it asks by RPC ("swrk"), does not
        around = [pid for pid in tree(parent(worker(record))) if {"nsenter", "swrk"} <= set(command_line(pid))]
        return [pid for nsenter in around for pid in children(nsenter)]
    return []


def end_criu(record: Record) -> None:
    """Kill CRIU itself, as the kernel does when memory is short; not the nsenter around it.

    A restored process must not run by that: it is watched for a moment in which it could.
    """
    found = criu_of(record)
    assert found, TOO_LATE
    [criu] = found
    restored = None
    if record["role"] == "target" and record["state"] == "restored":
        restored = nf_process(record)
    kill(criu)
    if restored is not None:
        time.sleep(0.1)  # nothing is to happen, for which there is no event
        states = thread_states(restored)
        assert not set(states) & set("RS"), f"the restored process runs before the commit (threads: {states})"


def pid_inside(status: Path) -> int:
    """A process as the innermost PID namespace counts it."""
    return int(status.read_text().partition("NSpid:")[2].split("\n")[0].split()[-1])


def stands(record: Record) -> bool:
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
    """The worker's child that moves the memory."""
    found = [pid for pid in tree(parent(worker(record))) if command_line(pid)[0].endswith("/pager")]
    assert found, TOO_LATE
    return found


def kill_pager(record: Record) -> None:
    kill(*pagers(record))


def hang(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def hang_worker(record: Record) -> None:
    """Stop it, as a host does that has no more CPU time for it, or waits for its disk."""
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
    """Leave no free byte in the image file system, as a memory that grew since it was measured would."""
    images = RECORDS / record["migration_id"] / f"{record['role']}-images"
    with (images / "ballast").open("wb") as ballast:
        free = os.statvfs(images)
        os.posix_fallocate(ballast.fileno(), 0, free.f_bavail * free.f_frsize)


def end_container(record: Record) -> None:
    """As docker kill does, which would wait for the end: a process that is frozen until the commit ends only then."""
    kill(record["init_pid"])


def remove_program(record: Record, path: str) -> None:
    """Take a file that the process has mapped from the target's container."""
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
    """Lose every packet between the hosts; what containers send does not pass here."""
    rules = f"*filter\n-I INPUT -s {peer} -j DROP\n-I OUTPUT -d {peer} -j DROP\nCOMMIT\n"
    subprocess.run(["iptables-restore", "--noflush", "--wait"], input=rules, text=True, check=True)


def deafen(record: Record, peer: str) -> None:
    """Lose what the peer orders the worker to do; its pages arrive, which come by other connections."""
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


def mend(_record: Record, peer: str) -> None:
    rules = f"*filter\n-D INPUT -s {peer} -j DROP\n-D OUTPUT -d {peer} -j DROP\nCOMMIT\n"
    subprocess.run(["iptables-restore", "--noflush", "--wait"], input=rules, text=True, check=True)


def cut_briefly(record: Record, peer: str) -> None:
    """Long enough for several retransmissions, not for giving up."""
    cut(record, peer)
    try:
        time.sleep(0.5)
    finally:
        mend(record, peer)


def step_clock(_record: Record, seconds: str) -> None:
    """Have the clock of the agent's processes jump; see clock.c."""
    with CLOCK_STEP.open("r+b") as file:  # it is mapped: never shorter
        file.write(int(seconds).to_bytes(8, "little", signed=True))


def give_up(record: Record) -> None:
    """Take away by force what a failed test has left, so that the next one can begin."""
    with contextlib.suppress(AssertionError, FileNotFoundError, ProcessLookupError):
        guardian = parent(worker(record))
        assert guardian != 1
        kill(*tree(guardian))
    if record["freezer"]:
        for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            if (file := Path(record["freezer"], "organic-nf", name)).exists():
                file.write_text(word)
    directory = RECORDS / record["migration_id"]
    subprocess.run(["umount", "--lazy", str(directory / f"{record['role']}-images")], stderr=subprocess.DEVNULL)
    subprocess.run(["docker", "rm", "--force", record["container_id"]], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(directory)
    for above in (RECORDS, RECORDS.parent):
        with contextlib.suppress(OSError):  # another migration's
            above.rmdir()


def hold(moment: Moment, record: Record) -> bool:
    """Stop the worker in the moment; False when it had passed by the time the worker stood still, or had ended."""
    try:
        pid = worker(record)
        os.kill(pid, signal.SIGSTOP)
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "TtZX":
            time.sleep(0.0002)
    except (AssertionError, FileNotFoundError, ProcessLookupError):
        return False
    if moment.reached() is not None:
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def let_go(record: Record) -> None:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError, AssertionError):
        os.kill(worker(record), signal.SIGCONT)


ACTS = {
    act.__name__: act
    for act in (
        kill_worker,
        end_process,
        end_criu,
        mend,
        step_clock,
        deafen,
        give_up,
        kill_worker_and_guardian,
        kill_pager,
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
    moment, *act = sys.argv[1:]
    awaited = Moment(moment)
    os.setpriority(os.PRIO_PROCESS, 0, -20)  # before those of the migration
    print("waiting", flush=True)
    deadline = time.monotonic() + STALL_TIMEOUT_S
    while (record := awaited.reached()) is None or (act == ["hold"] and not hold(awaited, record)):
        if select.select([sys.stdin], [], [], 0)[0]:
            sys.exit(f"{moment}: {TOO_LATE}")
        if time.monotonic() > deadline:
            sys.exit(f"{moment} did not come within {STALL_TIMEOUT_S} s")
        time.sleep(0.0002)
    if act == ["hold"]:
        try:
            print(json.dumps({"record": record}), flush=True)
            sys.stdin.readline()
        finally:
            let_go(record)
        return
    if act:
        ACTS[act[0]](record, *act[1:])
    print(json.dumps({"record": record}), flush=True)


if __name__ == "__main__":
    main()
