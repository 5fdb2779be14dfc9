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
    semop, semtimedop without a time limit: the same again
    nanosleep, clock_nanosleep that return what is left: the kernel has written that; it is the new request, or, where
        it cannot be brought to the target, the whole time again: no sleep may be shorter than was asked for
    poll, epoll_wait, epoll_pwait with a time limit: what is left is computed from when the wait began
    nanosleep, clock_nanosleep that do not return what is left: the same time by poll

Elsewhere only the kernel of the source host knew how much was left, and EINTR stays: whoever uses these waits must
expect it, and then looks at the clock. Registers of x86-64 only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import Protocol

from ..host.waits import CLOCK_NANOSLEEP, EPOLL_PWAIT, EPOLL_WAIT, NANOSLEEP, POLL
from . import images, protobuf

_CORE_THREAD_INFO, _THREAD_INFO_REGISTERS = 2, 2
"""Fields of a core_entry, images/core.proto, and of a thread_info_x86, images/core-x86.proto."""
_R10, _AX, _DX, _SI, _DI, _ORIG_AX, _IP = 8, 11, 13, 14, 15, 16, 17
"""Fields of an user_x86_regs_entry, images/core-x86.proto."""
_EINTR = bytes([_AX << 3]) + bytes.fromhex("fcffffffffffffffff01")
"""The register AX with -EINTR, in the image."""
_FUTEX, _EPOLL_PWAIT2, _SEMOP, _SEMTIMEDOP = 202, 441, 65, 220
"""arch/x86/entry/syscalls/syscall_64.tbl."""
_TIMEOUTS = {POLL: _DX, EPOLL_WAIT: _R10, EPOLL_PWAIT: _R10}
"""Which register has a time limit in ms; an int, of which a negative one means none."""
_SLEEPS = {NANOSLEEP: (_DI, _SI), CLOCK_NANOSLEEP: (_DX, _R10)}
"""Which registers point to the request and to what is left."""
_ARGUMENTS = (_DI, _SI, _DX, _R10)
_INT = 0x7FFFFFFF
_NO_CALL = (1 << 64) - 1
"""Of a thread that the kernel shall not have make its system call again by itself."""
_FUTEX_COMMAND, _FUTEX_WAIT_BITSET = 0x7F, 9
_PREFIX, _SUFFIX = "core-", ".img"
_SYSCALL_BYTES = 2
"""Length of the instruction."""


Left = Callable[[int, int], bool]
"""Brings what a thread, by its TID in the container, has left to sleep, from an address; returns whether it could."""


class Waits(Protocol):
    """What is known of waits that began before the freeze; see :mod:`host.waits`."""

    def waited_ms(self, tid: int, call: int, arguments: tuple[int, ...]) -> float | None: ...

    def asked_ms(self, tid: int, address: int) -> float | None: ...


def with_restarted_waits(named: dict[str, bytes], left: Left, waits: Waits | None = None) -> dict[str, bytes]:
    """The images in which threads whose wait has ended begin it again.

    Args:
        named: images by file name; only those of threads in such a wait are changed.
        left: called for a sleep that returns what is left.
        waits: how long others had waited.

    Raises:
        ValueError: an image is damaged.
    """
    changed = {name: _restarted(named[name], tid, left, waits) for name, tid in _interrupted(named)}
    return {**named, **changed} if changed else named


def restarts(named: dict[str, bytes], left: Left, waits: Waits | None = None) -> dict[int, dict[int, int]]:
    """The registers that threads get, by TID in the container: the place in the kernel's user_regs_struct, and value.

    CRIU has put the same registers into the process that it dumped, which runs on if its migration fails.

    Raises:
        ValueError: an image is damaged.
    """
    found = {}
    for name, tid in _interrupted(named):
        for _places, new in _waiting(bytearray(named[name]), tid, left, waits):
            found[tid] = {number - 1: value for number, value in new.items()} | {_ORIG_AX - 1: _NO_CALL}
    return found


def _interrupted(named: dict[str, bytes]) -> list[tuple[str, int]]:
    """Images in which a thread may have been interrupted, with its TID."""
    return [
        (name, int(name[len(_PREFIX) : -len(_SUFFIX)]))
        for name, content in named.items()
        if _EINTR in content and name.startswith(_PREFIX)
    ]


def _restarted(core: bytes, tid: int, left: Left, waits: Waits | None) -> bytes:
    image = bytearray(core)
    for places, new in _waiting(image, tid, left, waits):
        encoded = {number: _encoded(value, places[number]) for number, value in new.items()}
        if not all(encoded.values()):
            return _rebuilt(core, new)
        for number, data in encoded.items():
            image[slice(*places[number])] = data
    return bytes(image)


Places = dict[int, tuple[int, int]]
"""Where the value of each register begins and ends."""


def _waiting(image: bytearray, tid: int, left: Left, waits: Waits | None) -> Iterator[tuple[Places, dict[int, int]]]:
    """The places of the registers of a thread that shall wait again, and their new values."""
    for start, end in images.bounds(bytes(image)):
        for first, last in _within(image, start, end, _CORE_THREAD_INFO):
            for registers in _within(image, first, last, _THREAD_INFO_REGISTERS):
                places = {number: (at, to) for number, _kind, at, to in images.fields_at(image, *registers)}
                new = _again(image, places, tid, left, waits)
                if new:
                    yield places, new


def _rebuilt(core: bytes, new: dict[int, int]) -> bytes:
    """The image with other registers, whose values are longer than those before; unchanged where that is not safe."""
    [*entries] = images.entries(core)
    fields = protobuf.decode(entries[0])
    thread = protobuf.message(fields, _CORE_THREAD_INFO)
    registers = protobuf.message(thread or {}, _THREAD_INFO_REGISTERS)
    if len(entries) != 1 or thread is None or registers is None or images.encode(fields) != entries[0]:
        return core
    for number, value in new.items():
        registers[number] = [value]
    thread[_THREAD_INFO_REGISTERS] = [images.encode(registers)]
    fields[_CORE_THREAD_INFO] = [images.encode(thread)]
    entry = images.encode(fields)
    return core[: images.MAGIC_BYTES] + images.SIZE.pack(len(entry)) + entry


def _within(image: bytearray, start: int, end: int, wanted: int) -> list[tuple[int, int]]:
    """Where the messages of one field begin and end."""
    return [(first, last) for number, kind, first, last in images.fields_at(image, start, end)
            if (number, kind) == (wanted, images.BYTES)]  # fmt: skip


def _again(image: bytearray, places: Places, tid: int, left: Left, waits: Waits | None) -> dict[int, int]:
    """The registers with which a thread makes its system call again; none where it is not known how long."""
    numbers = (_R10, _DX, _SI, _DI, _ORIG_AX, _IP)
    values = {number: _number(image[slice(*places[number])]) for number in numbers}
    if image[places[_AX][0] - 1 : places[_AX][1]] != _EINTR:
        return {}
    call = values[_ORIG_AX]
    new = {_AX: call, _IP: values[_IP] - _SYSCALL_BYTES}
    if call in _TIMEOUTS:
        timeout = _TIMEOUTS[call]
        if _is_negative(values[timeout]):
            return new
        remaining = _rest(call, values, timeout, values[timeout] & _INT, tid, waits)
        return {**new, **remaining} if remaining else {}
    if call == _SEMOP or (call in (_EPOLL_PWAIT2, _SEMTIMEDOP) and values[_R10] == 0):
        return new
    if call == _FUTEX and values[_SI] & _FUTEX_COMMAND == _FUTEX_WAIT_BITSET:
        return new
    if call in _SLEEPS:
        request, rest = _SLEEPS[call]
        if not values[rest]:
            return _as_poll(new, call, values, request, tid, waits)
        if _encoded(values[rest], places[request]) and left(tid, values[rest]):
            new[request] = values[rest]
        return new
    return {}


def _is_negative(register: int) -> bool:
    """Of an int, which is the lower half of a register."""
    return bool(register >> 31 & 1)


def _rest(
    call: int, values: dict[int, int], register: int, asked_ms: float, tid: int, waits: Waits | None
) -> dict[int, int]:
    """The register with the time that is left, in full milliseconds; never less than what was asked for."""
    count = _ARGUMENTS.index(_SLEEPS[call][0] if call in _SLEEPS else register) + 1
    arguments = tuple(values[number] for number in _ARGUMENTS[:count])
    waited_ms = waits.waited_ms(tid, call, arguments) if waits is not None else None
    return {} if waited_ms is None else {register: min(_INT, max(0, ceil(asked_ms - waited_ms)))}


def _as_poll(
    new: dict[int, int], call: int, values: dict[int, int], request: int, tid: int, waits: Waits | None
) -> dict[int, int]:
    """A sleep that does not return what is left, as poll(2) of no descriptor: its time is in a register.

    The request itself may be what the program uses for its next sleep, and must stay.
    """
    asked_ms = waits.asked_ms(tid, values[request]) if waits is not None else None
    rest = {} if asked_ms is None else _rest(call, values, _DX, asked_ms, tid, waits)
    return {**new, **rest, _AX: POLL, _DI: 0, _SI: 0} if rest else {}


def _number(data: bytearray) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data))


def _encoded(value: int, place: tuple[int, int]) -> bytes:
    """A number in as many bytes as there are, which may be more than it needs; empty when it needs more."""
    size = place[1] - place[0]
    if value >> 7 * size:
        return b""
    return bytes(value >> 7 * number & 0x7F | (0x80 if number < size - 1 else 0) for number in range(size))
