# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu import images, interrupted_waits, protobuf

IP, STACK, LEFT = 0x7F1234567890, 0x7FFC00001000, 0x7FFC00002000
FOREVER = 0xFFFFFFFF
R10, AX, DX, SI, DI, ORIG_AX = 8, 11, 13, 14, 15, 16
ABSOLUTE_FUTEX = 9 | 128 | 256


def core(**registers: int) -> bytes:
    """An image of one thread, with the registers that are named and others that are 0."""
    values = dict.fromkeys(range(1, 28), 0) | {17: IP}
    values |= {globals()[name]: value for name, value in registers.items()}
    thread = protobuf.encode([(1, 77), (2, protobuf.encode(sorted(values.items())))])
    entry = protobuf.encode([(1, 1), (2, thread), (5, protobuf.encode([(1, 5)]))])
    return bytes(8) + struct.pack("<I", len(entry)) + entry


def registers_of(image: bytes) -> dict[int, Any]:
    [entry] = images.entries(image)
    thread = protobuf.decode(entry)[2][0]
    assert isinstance(thread, bytes)
    registers = protobuf.decode(thread)[2][0]
    assert isinstance(registers, bytes)
    return {number: values[0] for number, values in protobuf.decode(registers).items()}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"ORIG_AX": 7, "DX": FOREVER}, {}),
        ({"ORIG_AX": 232, "R10": (1 << 64) - 1}, {}),
        ({"ORIG_AX": 281, "R10": FOREVER}, {}),
        ({"ORIG_AX": 441, "R10": 0}, {}),
        ({"ORIG_AX": 65, "R10": STACK}, {}),
        ({"ORIG_AX": 220, "R10": 0}, {}),
        ({"ORIG_AX": 202, "SI": ABSOLUTE_FUTEX, "R10": STACK}, {}),
        ({"ORIG_AX": 35, "DI": STACK, "SI": LEFT}, {DI: LEFT}),
        ({"ORIG_AX": 230, "DX": STACK, "R10": LEFT}, {DX: LEFT}),
    ],
)
def test_a_wait_begins_again_where_its_end_is_known(given: dict[str, int], changed: dict[int, int]) -> None:
    before = core(AX=-4, **given)
    named = {"core-7.img": before, "pstree.img": before}
    asked: list[tuple[int, int]] = []

    def left(tid: int, address: int) -> bool:
        asked.append((tid, address))
        return True

    after = interrupted_waits.with_restarted_waits(named, left)
    assert asked == [(7, address) for address in changed.values()]
    assert after["pstree.img"] == before
    assert len(after["core-7.img"]) == len(before)
    again = {AX: given["ORIG_AX"], 17: IP - 2, **changed}
    assert registers_of(after["core-7.img"]) == registers_of(before) | again


@pytest.mark.parametrize(
    "given",
    [
        {"ORIG_AX": 7, "DX": 1000},
        {"ORIG_AX": 232, "R10": 1000},
        {"ORIG_AX": 441, "R10": STACK},
        {"ORIG_AX": 220, "R10": STACK},
        {"ORIG_AX": 202, "SI": 128, "R10": STACK},
        {"ORIG_AX": 35, "DI": STACK},
        {"ORIG_AX": 0, "DX": FOREVER},
    ],
    ids=["poll", "epoll_wait", "epoll_pwait2", "semtimedop", "futex", "nanosleep", "read"],
)
def test_it_ends_where_only_the_kernel_knew_what_was_left(given: dict[str, int]) -> None:
    named = {"core-7.img": core(AX=-4, **given)}
    assert interrupted_waits.with_restarted_waits(named, lambda _tid, _address: True) == named


class Known:
    """Stands for WaitReader: each thread had waited 400.5 ms, of the 1500 ms that sleeps ask for."""

    def __init__(self, may_poll: bool = True) -> None:
        self.may_poll = may_poll
        self.asked: list[tuple[int, int, tuple[int, ...]]] = []

    def waited_ms(self, tid: int, call: int, arguments: tuple[int, ...]) -> float:
        self.asked.append((tid, call, arguments))
        return 400.5

    def asked_ms(self, _tid: int, _address: int) -> float | None:
        return 1500.0 if self.may_poll else None


@pytest.mark.parametrize(
    ("given", "arguments", "changed"),
    [
        ({"ORIG_AX": 7, "DI": 1, "SI": 2, "DX": 1000}, (1, 2, 1000), {DX: 600}),
        ({"ORIG_AX": 7, "DX": 300}, (0, 0, 300), {DX: 0}),
        ({"ORIG_AX": 232, "DI": 5, "R10": 1000}, (5, 0, 0, 1000), {R10: 600}),
        ({"ORIG_AX": 281, "R10": 1000}, (0, 0, 0, 1000), {R10: 600}),
        ({"ORIG_AX": 35, "DI": STACK}, (STACK,), {AX: 7, DI: 0, SI: 0, DX: 1100}),
        ({"ORIG_AX": 230, "DX": STACK}, (0, 0, STACK), {AX: 7, DI: 0, SI: 0, DX: 1100}),
    ],
    ids=["poll", "poll that is over", "epoll_wait", "epoll_pwait", "nanosleep", "clock_nanosleep"],
)
def test_a_wait_whose_begin_is_known_lasts_as_long_as_is_left(
    given: dict[str, int], arguments: tuple[int, ...], changed: dict[int, int]
) -> None:
    before, known = core(AX=-4, **given), Known()
    named = {"core-7.img": before}
    after = interrupted_waits.with_restarted_waits(named, lambda _tid, _address: True, known)
    assert known.asked == [(7, given["ORIG_AX"], arguments)]
    again = {AX: given["ORIG_AX"], 17: IP - 2, **changed}
    assert registers_of(after["core-7.img"]) == registers_of(before) | again
    restarts = interrupted_waits.restarts(named, lambda _tid, _address: True, known)
    assert restarts == {7: {number - 1: value for number, value in again.items()} | {15: (1 << 64) - 1}}


def test_a_sleep_does_not_become_a_poll_where_a_filter_might_forbid_it() -> None:
    named = {"core-7.img": core(AX=-4, ORIG_AX=35, DI=STACK)}
    assert interrupted_waits.with_restarted_waits(named, lambda _tid, _address: True, Known(may_poll=False)) == named


@pytest.mark.parametrize(("request_at", "brought"), [(STACK, False), (100, True)], ids=["not brought", "no room"])
def test_a_sleep_is_as_long_as_asked_where_what_is_left_cannot_be_used(request_at: int, brought: bool) -> None:
    before = core(AX=-4, ORIG_AX=35, DI=request_at, SI=LEFT)
    after = interrupted_waits.with_restarted_waits({"core-7.img": before}, lambda _tid, _address: brought)
    assert registers_of(after["core-7.img"]) == registers_of(before) | {AX: 35, 17: IP - 2}


def test_a_thread_that_does_not_wait_is_left_alone() -> None:
    named = {"core-7.img": core(AX=1, ORIG_AX=7, DX=FOREVER)}
    assert interrupted_waits.with_restarted_waits(named, lambda _tid, _address: True) is named
