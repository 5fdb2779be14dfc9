# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System V objects in IPC namespaces of their own; tests/what_moves has them moved."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc, system_v
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces import ipc
from ansible_collections.organic.live_migration.plugins.module_utils.namespaces.ipc import Ipc, IpcReader, Rest

PRELUDE = """
import ctypes, os, signal, struct
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
"""
READY = "\nprint('ready', flush=True)\nsignal.pause()\n"
SEMAPHORE = "s = libc.semget(0x77, 2, 0o1600)\n"
QUEUE = """
q = libc.msgget(0x99, 0o1600)
def send(size):
    assert libc.msgsnd(q, struct.pack("@l", 1) + bytes(size), size, 0o4000) == 0, ctypes.get_errno()
"""
SEGMENT = """
m = libc.shmget(0x55, 8192, 0o1600)
a = libc.shmat(m, None, 0)
ctypes.memset(ctypes.c_void_p(a), 1, 8192)
"""

Holder = Callable[..., int]


@pytest.fixture
def holder(as_root: None, spawn: Any) -> Holder:
    """Starts a program in an IPC namespace of its own; returns its PID."""

    def start(program: str, *unshare: str) -> int:
        command = ["unshare", "--ipc", *unshare, sys.executable, "-ISc", PRELUDE + program + READY]
        return int(spawn.start(command).pid)

    return start


def objects(pid: int) -> system_v.Objects:
    with libc.namespace(pid, "ipc"):
        return system_v.read()


def test_objects_are_read_by_kind(holder: Holder) -> None:
    pid = holder(SEMAPHORE + QUEUE + SEGMENT + "send(100); libc.shmctl(m, 0, None); libc.shmget(0x56, 4096, 0o1600)")
    found = objects(pid)
    removed, detached = found.segments
    assert (removed.is_removed, removed.is_attached, removed.resident_bytes) == (True, True, 8192)
    assert (detached.is_removed, detached.is_attached, detached.key) == (False, False, 0x56)
    assert [(one.key, one.used_bytes, one.messages) for one in found.queues] == [(0x99, 100, 1)]
    assert [one.key for one in found.semaphores] == [0x77]
    assert "System V semaphore set 0 (key 0x77)" in found.names()
    assert Ipc().read(pid) == {"system_v": "true"}
    assert Ipc().blockers(pid) == []


def test_a_container_without_objects_needs_nothing(holder: Holder) -> None:
    pid = holder("")
    assert Ipc().read(pid) == {}
    assert Ipc().blockers(pid) == []
    assert not IpcReader(pid, {}).refresh([pid])
    assert ipc.detached_bytes(pid) == 0


def test_what_criu_leaves_out_is_read_and_set(holder: Holder) -> None:
    source = holder(
        QUEUE + SEGMENT + "libc.shmctl(m, 0, None)\n"
        "b = ctypes.create_string_buffer(120); libc.msgctl(q, 2, b); struct.pack_into('@Q', b, 88, 5000)\n"
        "assert libc.msgctl(q, 1, b) == 0"
    )
    rest = IpcReader(source, Ipc().read(source)).refresh([source])
    assert rest == Rest(removed=[0], capacities={"0": 5000})
    target = holder(QUEUE + SEGMENT)
    ipc.apply(target, rest)
    assert objects(target).segments[0].is_removed
    assert IpcReader(target, {"system_v": "true"}).refresh([target]) == rest


def test_a_queue_may_get_more_than_a_new_one(holder: Holder) -> None:
    pid = holder(QUEUE)
    with libc.namespace(pid, "ipc"):
        default = system_v.default_capacity()
        system_v.set_capacity(0, default + 4096)
        assert system_v.capacity(0) == default + 4096
        assert system_v.default_capacity() == default


def test_a_missing_object_is_reported(holder: Holder) -> None:
    with pytest.raises(MigrationError, match="cannot be restored on the target host"):
        ipc.apply(holder(""), Rest(removed=[7]))


def test_objects_that_are_made_after_the_setup_end_the_migration(holder: Holder) -> None:
    pid = holder(SEMAPHORE)
    with pytest.raises(MigrationError, match=r"made the System V semaphore set 0 .* Run it again"):
        IpcReader(pid, {}).refresh([pid])


def test_a_process_that_has_used_undo_is_named(holder: Holder) -> None:
    assert Ipc().blockers(holder(SEMAPHORE + "libc.semop(s, struct.pack('=Hhh', 0, 1, 0), 1)")) == []
    pid = holder(SEMAPHORE + "libc.semop(s, struct.pack('=Hhh', 0, 1, 0o10000), 1)")
    [blocker] = Ipc().blockers(pid)
    assert blocker.code == "semaphore_undo"
    assert f"Process {pid} " in blocker.message
    with pytest.raises(MigrationError, match="SEM_UNDO"):
        IpcReader(pid, {"system_v": "true"}).refresh([pid])


def test_a_queue_that_criu_cannot_fill_again_is_named(holder: Holder) -> None:
    large = "open('/proc/sys/kernel/msgmax', 'w').write('20000')\n"
    assert Ipc().blockers(holder(QUEUE + large + "send(8192)\nsend(100)")) == []
    [blocker] = Ipc().blockers(holder(QUEUE + large + "send(100)\nsend(8193)"))
    assert "message queue 0 (key 0x99) holds a message of more than 8192 bytes" in blocker.message
    full = "send(8000)\nsend(8000)\nopen('/proc/sys/kernel/msgmnb', 'w').write('9000')"
    [blocker] = Ipc().blockers(holder(QUEUE + full))
    assert "holds 16000 bytes, and a new one may hold 9000" in blocker.message


def test_objects_that_others_share_are_named(holder: Holder, spawn: Any) -> None:
    pid = holder(SEMAPHORE)
    inside = ["nsenter", "--target", str(pid), "--ipc", "unshare", "--pid", "--fork", "--kill-child"]
    other = spawn.start([*inside, sys.executable, "-ISc", PRELUDE + READY]).pid
    [child] = [int(one) for one in Path(f"/proc/{other}/task/{other}/children").read_text().split()]
    [blocker] = Ipc().blockers(pid)
    assert f"that process {child} (python3" in blocker.message
    assert blocker.remedy == "Give it an IPC namespace of its own (--ipc=private)"


def test_a_segment_with_the_number_of_a_memfd_is_named(holder: Holder) -> None:
    pid = holder(SEGMENT + "f = os.memfd_create('cache'); os.ftruncate(f, 4096)")
    [segment] = objects(pid).segments
    inodes = {os.stat(f"/proc/{pid}/fd/{name}").st_ino for name in os.listdir(f"/proc/{pid}/fd")
              if "memfd:cache" in os.readlink(f"/proc/{pid}/fd/{name}")}  # fmt: skip
    assert inodes <= ipc._inodes(pid)
    same = system_v.Segment(inodes.pop(), 0, False, False, True, 0)
    [blocker] = ipc._same_numbers([pid], system_v.Objects((segment, same)))
    assert f"segment {same.id} " in blocker.message


def test_posix_queues_are_named_also_removed_ones(holder: Holder) -> None:
    pid = holder(
        "assert libc.mount(b'none', b'/dev', b'tmpfs', 0, None) == 0\n"
        "os.mkdir('/dev/mqueue')\n"
        "assert libc.mount(b'none', b'/dev/mqueue', b'mqueue', 0, None) == 0\n"
        "rt = ctypes.CDLL('librt.so.1', use_errno=True)\n"
        "for name in (b'/kept', b'/gone'):\n    assert rt.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None) >= 0\n"
        "rt.mq_unlink(b'/gone')",
        "--mount",
    )
    messages = [blocker.message for blocker in Ipc().blockers(pid)]
    assert [message.split()[7] for message in messages] == ["/kept,", "/gone"]
