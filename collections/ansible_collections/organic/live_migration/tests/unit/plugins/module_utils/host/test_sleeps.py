# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ctypes
import os
import struct

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes, sleeps
from ansible_collections.organic.live_migration.plugins.module_utils.host.sleeps import SleepReader

OWN = os.getpid()


def timespec(seconds: int, nanoseconds: int) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(struct.pack("<qq", seconds, nanoseconds), 16)


def test_what_is_left_goes_from_one_memory_into_the_other(as_root: None) -> None:
    here, there = timespec(5, 7), timespec(3600, 0)
    reader = SleepReader([OWN])
    inside = processes.pid_inside(OWN)
    assert reader.read(inside, ctypes.addressof(here))
    [sleep] = reader.found
    sleep.address = ctypes.addressof(there)
    sleeps.apply(sleeps.on_this_host([sleep], {inside: OWN}))
    assert there.raw == here.raw


def test_what_is_no_time_is_not_taken_for_one(as_root: None) -> None:
    reader = SleepReader([OWN])
    inside = processes.pid_inside(OWN)
    for wrong in (timespec(-1, 0), timespec(0, 10**9)):
        assert not reader.read(inside, ctypes.addressof(wrong))
    assert not reader.read(inside, 8), "nothing is mapped there"
    assert not reader.read(1 << 22, ctypes.addressof(timespec(1, 1))), "there is no such thread"
    assert reader.found == []


def test_a_time_that_cannot_be_set_ends_the_migration(as_root: None) -> None:
    with pytest.raises(MigrationError, match="still has to sleep"):
        sleeps.apply([sleeps.Sleep(OWN, 8, 1, 1)])


def test_a_process_that_was_not_restored_is_refused() -> None:
    with pytest.raises(ValueError, match="process 7, which was not restored"):
        sleeps.on_this_host([sleeps.Sleep(7, 8, 1, 1)], {8: OWN})
