# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System V IPC objects, which CRIU carries, and POSIX message queues, each of which is named.

CRIU dumps the objects of a namespace that is not its own (criu/ipc_ns.c), so the dump of a container that has some
runs outside of its IPC namespace. The restore joins that of the awaiting container and makes them there, under the same
identifiers, before the processes attach them. What CRIU leaves out (:class:`Rest`) is set afterwards.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Blocker, MigrationError
from ..host import libc, processes, system_v
from ..host.system_v import Objects
from .base import NamespaceKind, State

_MESSAGE_BYTES = 8192
"""The largest message that CRIU restores (criu/ipc_ns.c, MSGMAX)."""
_HAS_OBJECTS = "system_v"
_OF_SANDBOX = "pause"
"""The process of a pod that holds its namespaces, and nothing else."""
_MEMFD, _ANONYMOUS = "/memfd:", "/dev/zero (deleted)"


@dataclass
class Rest:
    """What CRIU leaves out.

    Attributes:
        removed: segments of shared memory that go when the last process detaches them.
        locked: segments that stay in memory.
        capacities: of queues that may hold more or less than a new one, by their identifiers.
    """

    removed: list[int] = field(default_factory=list)
    locked: list[int] = field(default_factory=list)
    capacities: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.removed or self.locked or self.capacities)


class Ipc(NamespaceKind):
    name = "ipc"

    def blockers(self, pid: int) -> list[Blocker]:
        found = list(_message_queues(pid))
        with libc.namespace(pid, "ipc"):
            objects = system_v.read()
            if not objects:
                return found
            found += _queues(objects)
        tree = processes.tree(pid)
        return [*found, *_shared_namespace(pid, objects), *_undo(tree, objects), *_same_numbers(tree, objects)]

    def read(self, pid: int) -> State:
        """Whether there are objects: both CRIUs are then started for them."""
        with libc.namespace(pid, "ipc"):
            return {_HAS_OBJECTS: "true"} if system_v.read() else {}

    def apply(self, pid: int, wanted: State) -> None:
        """CRIU restores them."""


class IpcReader:
    """What CRIU leaves out of the objects of a container that is being dumped.

    Args:
        pid: first process of the container.
        state: what :meth:`Ipc.read` found before CRIU was started.
    """

    def __init__(self, pid: int, state: State) -> None:
        self._pid = pid
        self._is_dumped = bool(state)

    def refresh(self, tree: list[int]) -> Rest:
        """Read it.

        Args:
            tree: the frozen processes.

        Raises:
            MigrationError: CRIU does not dump what there is.
        """
        with libc.namespace(self._pid, "ipc"):
            objects = system_v.read()
            if not objects:
                return Rest()
            if not self._is_dumped:
                raise MigrationError(
                    f"The container made the {objects.names()[0]} while it was migrated. Run it again."
                )
            default = system_v.default_capacity()
            capacities = {str(queue.id): system_v.capacity(queue.id) for queue in objects.queues}
        for blocker in (*_undo(tree, objects), *_same_numbers(tree, objects)):
            raise MigrationError(f"{blocker}")
        return Rest(
            [one.id for one in objects.segments if one.is_removed],
            [one.id for one in objects.segments if one.is_locked],
            {number: size for number, size in capacities.items() if size != default},
        )


def apply(pid: int, rest: Rest) -> None:
    """Set what CRIU has left out; the processes are restored, and stopped.

    Args:
        pid: first process of the container.

    Raises:
        MigrationError: this host does not take it.
    """
    if not rest:
        return
    try:
        with libc.namespace(pid, "ipc"):
            for number, capacity_bytes in rest.capacities.items():
                system_v.set_capacity(int(number), capacity_bytes)
            for segment in rest.locked:
                system_v.lock(segment)
            for segment in rest.removed:
                system_v.remove_when_detached(segment)
    except OSError as error:
        raise MigrationError(f"A System V IPC object cannot be restored on the target host: {error}.") from None


def detached_bytes(pid: int) -> int:
    """Shared memory of the container that no process has attached."""
    with libc.namespace(pid, "ipc"):
        return sum(one.resident_bytes for one in system_v.read().segments if not one.is_attached)


def _message_queues(pid: int) -> Iterator[Blocker]:
    """POSIX message queues (mq_overview(7)), also those that were removed and are open."""
    root = Path(f"/proc/{pid}/root/dev/mqueue")
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = sorted(path.name for path in root.iterdir())
        device = root.stat().st_dev
        for process in processes.tree(pid):
            for descriptor, target in processes.descriptors(process):
                if target.startswith("/") and target.endswith(" (deleted)"):
                    file = os.stat(f"/proc/{process}/fd/{descriptor}")
                    if file.st_dev == device and stat.S_ISREG(file.st_mode):
                        names.append(target[1:])
    for name in dict.fromkeys(names):
        yield Blocker(
            "ipc",
            f"The container has the POSIX message queue /{name}, which is not migrated",
            "Remove it (mq_unlink), or configure the program for a Unix socket or System V messages instead",
        )


def _queues(objects: Objects) -> list[Blocker]:
    """Queues that CRIU cannot fill again; to be called in their namespace."""
    found = []
    default, may_be_larger = system_v.default_capacity(), system_v.largest_message() > _MESSAGE_BYTES
    for queue in objects.queues:
        if may_be_larger and system_v.has_message_above(queue, _MESSAGE_BYTES):
            found.append(
                Blocker(
                    "ipc",
                    f"The {queue} holds a message of more than {_MESSAGE_BYTES} bytes, which CRIU does not restore",
                    "Have the program take it, or send smaller ones",
                )
            )
        if queue.used_bytes > default:
            found.append(
                Blocker(
                    "ipc",
                    f"The {queue} holds {queue.used_bytes} bytes, and a new one may hold {default} (kernel.msgmnb)",
                    f"Start the container with --sysctl kernel.msgmnb={queue.used_bytes} or more",
                )
            )
    return found


def _shared_namespace(pid: int, objects: Objects) -> Iterator[Blocker]:
    """A process of another container, or of the host, that may use the same objects."""
    mine, inside = os.readlink(f"/proc/{pid}/ns/ipc"), os.readlink(f"/proc/{pid}/ns/pid")
    for other in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{other}/ns/ipc") != mine or os.readlink(f"/proc/{other}/ns/pid") == inside:
                continue
            if processes.name(other) == _OF_SANDBOX:
                continue
            yield Blocker(
                "ipc",
                f"The container has the {objects.names()[0]} in an IPC namespace that process {other} "
                f"({processes.name(other)}) shares, which does not move",
                "Give it an IPC namespace of its own (--ipc=private)",
            )
            return


def _undo(tree: list[int], objects: Objects) -> Iterator[Blocker]:
    """What the kernel would do to semaphores when a process ends is not known outside of it."""
    for pid in tree if objects.semaphores else []:
        try:
            if not system_v.may_undo(pid):
                continue
        except ProcessLookupError:
            continue
        except OSError as error:
            yield Blocker(
                "semaphore_undo",
                f"Whether process {pid} ({processes.name(pid)}) has used SEM_UNDO with System V semaphores cannot be "
                f"found out: {error}",
                "Use a kernel with kcmp(2) (CONFIG_KCMP)",
            )
            return
        yield Blocker(
            "semaphore_undo",
            f"Process {pid} ({processes.name(pid)}) has used SEM_UNDO with System V semaphores, or has had several "
            "threads, which the kernel does not tell apart, and what is to be undone when it ends cannot be read",
            "Have the program use POSIX semaphores (sem_overview(7)), or one without threads and without SEM_UNDO",
        )


def _same_numbers(tree: list[int], objects: Objects) -> Iterator[Blocker]:
    """CRIU names the images of all shared memory by its inode, which is the identifier of a segment."""
    segments = {one.id: one for one in objects.segments}
    for pid in tree if segments else []:
        for inode in _inodes(pid):
            if inode in segments:
                yield Blocker(
                    "ipc",
                    f"The {segments[inode]} has the same number as an anonymous mapping or memfd of process {pid} "
                    f"({processes.name(pid)}), and CRIU would confuse their images",
                    "Restart the container, which gives them new numbers",
                )


def _inodes(pid: int) -> set[int]:
    """Of anonymous shared mappings and memfds."""
    found = {
        int(fields[4])
        for line in processes.lines(f"/proc/{pid}/maps")
        if len(fields := line.split(maxsplit=5)) == 6 and fields[5].startswith((_MEMFD, _ANONYMOUS))
    }
    for descriptor, target in processes.descriptors(pid):
        if target.startswith(_MEMFD):
            with contextlib.suppress(OSError):
                found.add(os.stat(f"/proc/{pid}/fd/{descriptor}").st_ino)
    return found
