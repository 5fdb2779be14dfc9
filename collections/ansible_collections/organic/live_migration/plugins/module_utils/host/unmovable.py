# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States of a process tree that CRIU refuses, loses, or hangs in, found by looking at /proc.

A dump of the live process would find most of them, too, but it stops the process. Sources: proc(5), CRIU's
criu/seize.c, criu/files-reg.c, criu/eventfd.c, criu/file-lock.c.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import Blocker
from . import processes
from .container import Container

GHOST_BYTES = 16 << 20
"""Up to this size a deleted file that is still open moves in the images (CRIU's ghost limit)."""
ALL_GHOSTS_BYTES = 32 << 20
"""As much of all deleted files together: the images of the source have room for twice as much."""
_RESTORE_TASKS = 8
"""Tasks that a restore needs in the container beside those that it restores: init, nsenter, CRIU and its helpers."""
_NEVER_LOCKED = frozenset(("io", "pf", "de", "ht", "dp"))
"""Mappings that the kernel does not lock (mm/mlock.c, mlock_fixup): of devices, [vdso] and the like, huge pages,
and what the kernel may drop (VM_DROPPABLE, for the random numbers of getrandom(3))."""
_DELETED = " (deleted)"
_MEBIBYTE = 1 << 20


def blockers(tree: list[int], container: Container) -> list[Blocker]:
    """Everything of this kind, each once.

    Args:
        tree: PIDs on the host.
        container: in which they run.
    """
    found = [blocker for pid in tree for blocker in _of_process(pid)]
    found += list(_leases(tree))
    found += list(_deleted_files(tree))
    found += list(_pids_limit(tree, container))
    return list(dict.fromkeys(found))


def _of_process(pid: int) -> Iterator[Blocker]:
    status = dict(line.split(":", 1) for line in processes.lines(f"/proc/{pid}/status") if ":" in line)
    if not status:
        return
    who = f"process {pid} ({processes.name(pid)})"
    if int(status["TracerPid"]):
        yield Blocker(
            "traced",
            f"A debugger or tracer (process {int(status['TracerPid'])}) is attached to {who}; it can have only one",
            "Detach it (gdb, strace, ptrace(2)), or end it",
        )
    elif "T" in status["State"].split()[0]:
        yield Blocker(
            "stopped",
            f"A signal has stopped {who}, and it would be waited for in the freeze",
            f"Continue it (kill -CONT {pid}), or end it",
        )
    if status["State"].split()[0] == "Z" and int(status.get("Threads", "1")) > 1:
        yield Blocker(
            "main_thread_ended",
            f"The main thread of {who} has ended while others go on, which CRIU cannot dump",
            "Have the main thread wait for the others (pthread_join) instead of calling pthread_exit",
        )
    with contextlib.suppress(OSError):
        program = os.readlink(f"/proc/{pid}/exe")
        if program.startswith("/memfd:"):
            yield Blocker(
                "program_in_memory",
                f"The program of {who} is no file but memory ({program}), which CRIU cannot restore",
                "Start the program from a file (runc and some packers copy themselves into memory)",
            )
    if domain := _personality(pid):
        yield Blocker(
            "personality",
            f"The execution domain of {who} is {domain:#x} (personality(2)), and would be 0 afterwards",
            "Start it without setarch and the like; 0x40000 are programs without address randomization (setarch -R)",
        )
    if _first_code_is_shared(pid):
        yield Blocker(
            "shared_code",
            f"The first executable memory of {who} is shared and cannot be written, as that of PHP's just-in-time "
            "compiler: CRIU cannot run its code there",
            "Configure the program to do without (PHP: opcache.jit=disable and opcache.jit_buffer_size=0)",
        )
    if int(status.get("VmLck", "0").split()[0]) and _has_locked_all(pid):
        yield Blocker(
            "memory_locked",
            f"All memory of {who} is locked (mlockall), and whether new memory shall be (MCL_FUTURE) is not known "
            "outside of it: after a migration it would not be",
            "Have the program lock what it needs by mlock(2), or unlock its memory (munlockall) until it has moved",
        )
    for descriptor, target in processes.descriptors(pid):
        if "[eventfd]" in target and "eventfd-semaphore: 1" in map(_squeezed, _fdinfo(pid, descriptor)):
            yield Blocker(
                "eventfd_semaphore",
                f"Descriptor {descriptor} of {who} is an eventfd in the mode of a semaphore, which CRIU does not keep",
                "Have the program use an eventfd without EFD_SEMAPHORE, or a pipe",
            )


def _personality(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/personality").read_text(), 16)
    except OSError:
        return 0


def _first_code_is_shared(pid: int) -> bool:
    """Whether CRIU would put its code where ptrace(2) cannot: it takes the first executable mapping.

    Sources: CRIU's criu/parasite-syscall.c; the kernel's mm/gup.c, check_vma_flags.
    """
    for line in processes.lines(f"/proc/{pid}/maps"):
        permissions = line.split(maxsplit=2)[1]
        if permissions[2] == "x":
            return permissions[1] != "w" and permissions[3] == "s"
    return False


def _has_locked_all(pid: int) -> bool:
    """Whether each mapping that can be locked is (proc(5): VmFlags of /proc/PID/smaps), as mlockall(2) leaves them."""
    flags = [line.split()[1:] for line in processes.lines(f"/proc/{pid}/smaps") if line.startswith("VmFlags:")]
    lockable = [names for names in flags if not _NEVER_LOCKED.intersection(names) and "rd" in names]
    return bool(lockable) and all("lo" in names for names in lockable)


def _fdinfo(pid: int, descriptor: int) -> list[str]:
    return processes.lines(f"/proc/{pid}/fdinfo/{descriptor}")


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _leases(tree: list[int]) -> Iterator[Blocker]:
    """Write leases (F_SETLEASE, fcntl(2)): reading the file to copy it would break them, and end who ignores that."""
    for line in processes.lines("/proc/locks"):
        fields = line.split()
        if len(fields) < 6 or fields[1] != "LEASE" or fields[3] != "WRITE" or int(fields[4]) not in tree:
            continue
        pid = int(fields[4])
        inode = int(fields[5].rpartition(":")[2])
        yield Blocker(
            "write_lease",
            f"Process {pid} ({processes.name(pid)}) has a write lease on {_name_of(pid, inode)}, which copying the "
            "file would break",
            "Have the program give the lease up (F_SETLEASE with F_UNLCK)",
        )


def _name_of(pid: int, inode: int) -> str:
    for descriptor, target in processes.descriptors(pid):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}/fd/{descriptor}").st_ino == inode:
                return target
    return f"the file with inode {inode}"


def _deleted_files(tree: list[int]) -> Iterator[Blocker]:
    """Open files without a name: their content goes into the images, within limits."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in tree:
        for descriptor, target in processes.descriptors(pid):
            if not target.endswith(_DELETED) or not target.startswith("/") or target.startswith("/memfd:"):
                continue
            with contextlib.suppress(OSError):
                file = os.stat(f"/proc/{pid}/fd/{descriptor}")
                if not stat.S_ISREG(file.st_mode):
                    continue
                name = target[: -len(_DELETED)]
                where = f"(descriptor {descriptor} of process {pid})"
                if file.st_nlink:
                    yield Blocker(
                        "open_file_renamed",
                        f"The open file {name} {where} has lost this name, but another link to it exists, by which "
                        "CRIU cannot find it",
                        "Have the program open the file by its present name, or remove the other link",
                    )
                elif file.st_size > GHOST_BYTES:
                    yield Blocker(
                        "deleted_file_too_large",
                        f"The open file {name} {where} was deleted and has {file.st_size // _MEBIBYTE} MiB; at most "
                        f"{GHOST_BYTES // _MEBIBYTE} MiB of it can be moved",
                        "Have the program close or truncate it, or keep its name",
                    )
                else:
                    sizes[file.st_dev, file.st_ino] = file.st_size
    if sum(sizes.values()) > ALL_GHOSTS_BYTES:
        yield Blocker(
            "deleted_file_too_large",
            f"{len(sizes)} open files were deleted and have {sum(sizes.values()) // _MEBIBYTE} MiB together; at most "
            f"{ALL_GHOSTS_BYTES // _MEBIBYTE} MiB can be moved",
            "Have the program close or truncate some, or keep their names",
        )


def _pids_limit(tree: list[int], container: Container) -> Iterator[Blocker]:
    """The limit of the container counts CRIU, too, which restores the process inside it."""
    for controllers, directory in container.cgroups().items():
        if controllers not in ("pids", ""):
            continue
        with contextlib.suppress(OSError, ValueError):
            limit = int(Path(directory, "pids.max").read_text())
            tasks = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in tree)
            if tasks + _RESTORE_TASKS > limit:
                yield Blocker(
                    "pids_limit",
                    f"The container may have {limit} processes and threads (--pids-limit) and has {tasks}; its restore "
                    f"needs {_RESTORE_TASKS} more",
                    f"Raise its limit to {tasks + _RESTORE_TASKS} or more (docker update --pids-limit)",
                )
