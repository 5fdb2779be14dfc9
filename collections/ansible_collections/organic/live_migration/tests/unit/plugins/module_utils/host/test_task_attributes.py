# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRIU leaves out of threads, on threads of a process that the test starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import typed
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc, processes, task_attributes
from ansible_collections.organic.live_migration.plugins.module_utils.host.task_attributes import (
    TaskAttributes,
    TaskReader,
)

PROGRAM = """
import sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
IDLE = 3 << 13
"""IOPRIO_CLASS_IDLE."""


@pytest.fixture
def pid(as_root: None) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid


def threads(pid: int) -> list[int]:
    return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))


def test_threads_like_the_init_cost_the_target_nothing(pid: int) -> None:
    assert TaskReader(pid).read([pid]) == []
    assert task_attributes.bound_cpus(pid, [pid]) == []
    task_attributes.apply([], {})


def test_all_threads_are_given_the_cpus_of_the_container(pid: int) -> None:
    cpus = os.sched_getaffinity(0)
    for thread in threads(pid):
        os.sched_setaffinity(thread, {max(cpus)})
    task_attributes.give_cpus({7: pid}, cpus)
    assert [os.sched_getaffinity(thread) for thread in threads(pid)] == [cpus, cpus]


def test_what_differs_is_set_on_the_same_thread(pid: int) -> None:
    reader = TaskReader(os.getpid())
    thread = threads(pid)[1]
    cpu = max(os.sched_getaffinity(0))
    others = os.sched_getaffinity(0) - {cpu}
    if not others:
        pytest.skip("this machine has one CPU")
    os.sched_setaffinity(thread, {cpu})
    libc.ioprio_set(thread, IDLE)
    Path(f"/proc/{thread}/timerslack_ns").write_text("70000")
    Path(f"/proc/{pid}/coredump_filter").write_text("0x7f")
    found = {one.tid: one for one in reader.read([pid])}
    main, other = found[processes.pid_inside(pid)], found[processes.pid_inside(thread)]
    assert (other.cpus, other.io_priority, other.timer_slack_ns) == ([cpu], IDLE, 70000)
    assert (main.cpus, main.core_filter) == ([], "0000007f")
    assert task_attributes.bound_cpus(os.getpid(), [pid]) == [cpu]

    os.sched_setaffinity(thread, others)
    Path(f"/proc/{pid}/coredump_filter").write_text("0x33")
    sent = [typed.from_dict(TaskAttributes, json.loads(json.dumps(typed.to_dict(one)))) for one in (main, other)]
    task_attributes.apply(sent, {main.pid: pid})
    assert os.sched_getaffinity(thread) == {cpu}
    assert Path(f"/proc/{pid}/coredump_filter").read_text().strip() == "0000007f"


def test_in_the_freeze_only_new_threads_are_read(pid: int) -> None:
    reader = TaskReader(os.getpid())
    assert reader.read([pid]) == []
    libc.ioprio_set(pid, IDLE)
    assert reader.refresh([pid]) == []
    assert len(reader.read([pid])) == 1


def test_what_cannot_be_set_is_told(pid: int) -> None:
    inside = processes.pid_inside(pid)
    wanted = TaskAttributes(inside, inside, [4095])
    with pytest.raises(MigrationError, match=f"thread {inside} of process {inside} cannot be set"):
        task_attributes.apply([wanted], {inside: pid})
    with pytest.raises(MigrationError, match="was not restored"):
        task_attributes.apply([replace(wanted, tid=1 << 22)], {inside: pid})


def test_cpus_that_the_target_lacks_are_named() -> None:
    [blocker] = task_attributes.blockers([0, 5, 7], {0, 1})
    assert blocker.code == "cpu_affinity"
    assert "CPUs 5, 7" in blocker.message
    assert task_attributes.blockers([0], {0, 1}) == task_attributes.blockers([], {0}) == []
