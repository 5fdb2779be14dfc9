# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds."""

from __future__ import annotations

from .case import ASK, FIRST, NEXT, Case, Kind, Outcome

CASES = (
    Case(
        "inotify",
        Kind.FILES,
        "inotify on the container's own layer (overlay file system)",
        Outcome.REFUSED,
        FIRST,
        program="inotify",
        blocker="undumpable",
        named="inotify",
        exhaustive=False,
    ),
    Case(
        "stopped_child",
        Kind.PROCESS,
        "a process that a signal has stopped (SIGSTOP)",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=stopped",),
        blocker="stopped",
        named="has stopped process",
    ),
    Case(
        "program_in_memory",
        Kind.PROCESS,
        "a process whose program is a memfd",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=memory",),
        blocker="program_in_memory",
        named="/memfd:program",
    ),
    Case(
        "semaphore_eventfd",
        Kind.PROCESS,
        "an eventfd with EFD_SEMAPHORE",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=semaphore",),
        blocker="eventfd_semaphore",
        named="semaphore",
        remark="found where the kernel shows the mode",
    ),
    Case(
        "pids_limit",
        Kind.PROCESS,
        "a limit of processes (--pids-limit) that leaves a restore no room",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=nothing", "--pids-limit=6"),
        blocker="pids_limit",
        named="may have 6 processes",
    ),
    Case(
        "write_lease",
        Kind.FILES,
        "a write lease on a file (F_SETLEASE)",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=lease",),
        blocker="write_lease",
        named="/held",
    ),
    Case(
        "renamed_open_file",
        Kind.FILES,
        "an open file that was removed and has another link",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=renamed",),
        blocker="open_file_renamed",
        named="/held",
    ),
    Case(
        "sqlite_rollback_journal",
        Kind.FILES,
        "a data base of SQLite with a rollback journal, open for writing",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=sqlite",),
        check=ASK,
        blocker="sqlite_journal",
        named="/held",
        remark="whatever compares the inode of an open file with that of its name finds another one after a migration",
    ),
    Case(
        "engine_log",
        Kind.FILES,
        "the log on each host (`docker logs`) of a container that comes back to it",
        Outcome.CARRIED,
        NEXT,
        check="""
mark=/run/organic-case-files/log-of-$NAME
if test ! -e $mark; then
    echo "the first time here" > /proc/$INIT/fd/1
    mkdir --parents ${mark%/*}
    touch $mark
fi
for _attempt in $(seq 50); do
    docker logs $NAME 2>&1 | grep "the first time here" && break
    sleep 0.1
done
""",
        expected="the first time here",
        remark="with Docker's log drivers json-file and local",
    ),
    Case(
        "system_files",
        Kind.FILES,
        "open files below /sys and /proc, such as those of the control group that programs in Go hold",
        Outcome.CARRIED,
        NEXT,
        program="system_files",
        check=ASK,
        expected="/sys/fs/cgroup/",
        remark="refused (`open_system_file`) where the target has other ones, such as another version of cgroups",
    ),
    Case(
        "large_deleted_file",
        Kind.FILES,
        "open files that were deleted, of more than 16 MiB, or 32 MiB together",
        Outcome.REFUSED,
        NEXT,
        program="held",
        options=("--env=HOLD=deleted",),
        blocker="deleted_file_too_large",
        named="20 MiB",
        remark="smaller ones are carried",
    ),
    Case(
        "attributes",
        Kind.PROCESS,
        "of each thread: CPU affinity, scheduling policy, nice value, I/O priority, timer slack; filter of core dumps",
        Outcome.CARRIED,
        NEXT,
        program="attributes",
        options=("--cap-add=SYS_NICE",),
        check=ASK,
        expected='"timer slack": "70000\\n"',
        remark="a parent death signal (PR_SET_PDEATHSIG) of the first process is dropped: its init ends it anyway",
    ),
    Case(
        "waits",
        Kind.PROCESS,
        "waits that go on: poll and epoll_wait without a time limit, sem_timedwait, pthread_cond_timedwait, sleep, "
        "nanosleep that returns what is left, select, waits until a given time",
        Outcome.CARRIED,
        NEXT,
        program="waits",
        check=ASK,
        expected='"ended": {}',
        remark="on x86-64; by post_copy and hybrid, a sleep lasts for all of its time again",
    ),
    Case(
        "terminal_pair",
        Kind.PROCESS,
        "a pseudoterminal that a process has made, with its size and settings",
        Outcome.CARRIED,
        NEXT,
        program="terminal",
        check=ASK,
        expected='"answer": "QUESTION\\r\\n", "echoes": false, "size": [33, 99]',
        remark="refused (`terminal`, `undumpable`) where the engine or another process outside has made it",
    ),
    Case(
        "standard_streams",
        Kind.PROCESS,
        "standard output that leads to another process of the container (exec > >(tee log))",
        Outcome.CARRIED,
        NEXT,
        program="tee",
        check=ASK,
        expected="reaches the log",
    ),
)
