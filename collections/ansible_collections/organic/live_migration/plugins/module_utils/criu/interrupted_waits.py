# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits of threads that a dump has ended go on after the restore, where the time that is left is known.

A thread that the kernel has stopped in poll, nanosleep or a futex waits on by restart_syscall(2), with the time that is
left; what the kernel needs for that cannot be dumped, so CRIU writes EINTR into the image of its registers (compel's
arch/x86/src/lib/infect.c). epoll_wait returns EINTR whenever a thread was stopped (signal(7)). No signal has come, so
the system call is made again, as CRIU does with those that the kernel would begin again:

    poll, epoll_wait, epoll_pwait, epoll_pwait2 without a time limit: the same again
    futex until a given time (sem_timedwait, pthread_cond_timedwait): the same again
    nanosleep, clock_nanosleep that return what is left: the kernel has written that; it is the new request, or, where
        it cannot be brought to the target, the whole time again: no sleep may be shorter than was asked for

Elsewhere only the kernel of the source host knew how much was left, and EINTR stays: whoever uses these waits must
expect it, and then looks at the clock. Registers of x86-64 only.
"""

from __future__ import annotations

from collections.abc import Callable

from . import images

_CORE_THREAD_INFO, _THREAD_INFO_REGISTERS = 2, 2
"""Fields of a core_entry, images/core.proto, and of a thread_info_x86, images/core-x86.proto."""
_R10, _AX, _DX, _SI, _DI, _ORIG_AX, _IP = 8, 11, 13, 14, 15, 16, 17
"""Fields of an user_x86_regs_entry, images/core-x86.proto."""
_EINTR = bytes([_AX << 3]) + bytes.fromhex("fcffffffffffffffff01")
"""The register AX with -EINTR, in the image."""
_POLL, _NANOSLEEP, _FUTEX, _CLOCK_NANOSLEEP = 7, 35, 202, 230
_EPOLL_WAIT, _EPOLL_PWAIT, _EPOLL_PWAIT2 = 232, 281, 441
"""arch/x86/entry/syscalls/syscall_64.tbl."""
_SLEEPS = {_NANOSLEEP: (_DI, _SI), _CLOCK_NANOSLEEP: (_DX, _R10)}
"""Which registers point to the request and to what is left."""
_FUTEX_COMMAND, _FUTEX_WAIT_BITSET = 0x7F, 9
_PREFIX, _SUFFIX = "core-", ".img"
_SYSCALL_BYTES = 2
"""Length of the instruction."""


Left = Callable[[int, int], bool]
"""Brings what a thread, by its TID in the container, has left to sleep, from an address; returns whether it could."""


def with_restarted_waits(named: dict[str, bytes], left: Left) -> dict[str, bytes]:
    """The images in which threads whose wait has ended begin it again.

    Args:
        named: images by file name; only those of threads in such a wait are changed, in the same length.
        left: called for a sleep that returns what is left.

    Raises:
        ValueError: an image is damaged.
    """
    changed = {
        name: _restarted(content, int(name[len(_PREFIX) : -len(_SUFFIX)]), left)
        for name, content in named.items()
        if _EINTR in content and name.startswith(_PREFIX)
    }
    return {**named, **changed} if changed else named


def _restarted(core: bytes, tid: int, left: Left) -> bytes:
    image = bytearray(core)
    for start, end in images.bounds(core):
        for first, last in _within(image, start, end, _CORE_THREAD_INFO):
            for registers in _within(image, first, last, _THREAD_INFO_REGISTERS):
                _restart(image, *registers, tid, left)
    return bytes(image)


def _within(image: bytearray, start: int, end: int, wanted: int) -> list[tuple[int, int]]:
    """Where the messages of one field begin and end."""
    return [(first, last) for number, kind, first, last in images.fields_at(image, start, end)
            if (number, kind) == (wanted, images.BYTES)]  # fmt: skip


def _restart(image: bytearray, start: int, end: int, tid: int, left: Left) -> None:
    """Have a thread make its system call again, if its arguments say how long it is to wait."""
    places = {number: (first, last) for number, _kind, first, last in images.fields_at(image, start, end)}
    values = {number: _number(image[slice(*places[number])]) for number in (_R10, _DX, _SI, _DI, _ORIG_AX, _IP)}
    if image[places[_AX][0] - 1 : places[_AX][1]] != _EINTR:
        return
    call = values[_ORIG_AX]
    new = {_AX: call, _IP: values[_IP] - _SYSCALL_BYTES}
    if call == _POLL:
        is_known = _is_negative(values[_DX])
    elif call in (_EPOLL_WAIT, _EPOLL_PWAIT):
        is_known = _is_negative(values[_R10])
    elif call == _EPOLL_PWAIT2:
        is_known = values[_R10] == 0
    elif call == _FUTEX:
        is_known = values[_SI] & _FUTEX_COMMAND == _FUTEX_WAIT_BITSET
    elif call in _SLEEPS:
        request, rest = _SLEEPS[call]
        is_known = values[rest] != 0
        if is_known and _encoded(values[rest], places[request]) and left(tid, values[rest]):
            new[request] = values[rest]
    else:
        return
    if is_known:
        for number, value in new.items():
            image[slice(*places[number])] = _encoded(value, places[number])


def _is_negative(register: int) -> bool:
    """Of an int, which is the lower half of a register."""
    return bool(register >> 31 & 1)


def _number(data: bytearray) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data))


def _encoded(value: int, place: tuple[int, int]) -> bytes:
    """A number in as many bytes as there are, which may be more than it needs; empty when it needs more."""
    size = place[1] - place[0]
    if value >> 7 * size:
        return b""
    return bytes(value >> 7 * number & 0x7F | (0x80 if number < size - 1 else 0) for number in range(size))
