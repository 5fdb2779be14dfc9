# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many migrations from one host, some of them at once: which may begin, and how each one ended.

Ansible's connections and templates are not made for threads. Each migration runs in a process of its own, as each host
of a task does in Ansible itself.
"""

from __future__ import annotations

import dataclasses
import json
import os
import selectors
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ansible_collections.organic.live_migration.plugins.module_utils import typed

MOVED = "moved"
WOULD_MOVE = "would_move"
"""In check mode."""
REFUSED = "refused"
"""By the preflight; nothing was touched."""
FAILED = "failed"
NOT_STARTED = "not_started"
"""Because a host had been found unreachable before its turn came."""


@dataclass(frozen=True)
class Move:
    """One container and where it goes.

    Attributes:
        after: names of containers that must have come to an end before this one begins; others than those of the
            batch do not matter.
    """

    name: str
    target_host: str
    after: tuple[str, ...] = ()


@dataclass
class Ended:
    """How one migration of a batch ended.

    Attributes:
        status: MOVED, WOULD_MOVE, REFUSED, FAILED or NOT_STARTED.
        reason: why it did not move, and where it is; empty if it moved.
        blockers: of the preflight.
        migration: as the field of container_migrate's result.
        prediction: the same, in check mode.
        warnings: of a completed migration.
        unreachable: inventory name of the host that could not be reached; empty if none was missing.
    """

    name: str
    target_host: str
    status: str
    reason: str = ""
    blockers: list[dict[str, str]] = field(default_factory=list)
    migration: dict[str, object] = field(default_factory=dict)
    prediction: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    unreachable: str = ""

    @property
    def is_well(self) -> bool:
        return self.status in (MOVED, WOULD_MOVE)


def faults(moves: Sequence[Move]) -> list[str]:
    """Why the moves of a batch do not fit each other; empty if they do."""
    names = [move.name for move in moves]
    found = [f"Container {name} is named twice." for name in sorted({name for name in names if names.count(name) > 1})]
    waiting = {move.name: set(move.after) & set(names) for move in moves}
    while free := [name for name, others in waiting.items() if not others]:
        waiting = {name: others - set(free) for name, others in waiting.items() if name not in free}
    if waiting:
        found.append(f"Each of {', '.join(sorted(waiting))} is to move after another one of them: correct 'after'.")
    return found


class Batch:
    """Runs migrations, ``parallel`` at once, in the order that is given and that ``after`` allows.

    Args:
        source: inventory name of the host that they leave.
        moves: without :func:`faults`.
        parallel: how many run at once.
        work: runs one in a process of its own.
        watch: is called after each beginning and each end, with what runs, all that has ended, and the one that just
            did.
    """

    def __init__(
        self,
        source: str,
        moves: Sequence[Move],
        parallel: int,
        work: Callable[[Move], Ended],
        watch: Callable[[list[str], list[Ended], Ended | None], None] = lambda _running, _ended, _last: None,
    ) -> None:
        self._source = source
        self._waiting = list(moves)
        self._order = {move.name: number for number, move in enumerate(moves)}
        self._parallel = parallel
        self._work = work
        self._watch = watch
        self._running: dict[int, tuple[Move, int, bytearray]] = {}
        self._ended: list[Ended] = []
        self._missing: dict[str, str] = {}

    def run(self) -> list[Ended]:
        """Run them all; returns how each ended, in the order of the moves."""
        with selectors.DefaultSelector() as selector:
            while True:
                self._begin_all(selector)
                if not self._running:
                    break
                for key, _events in selector.select():
                    self._read(selector, key.fd)
        return sorted(self._ended, key=lambda ended: self._order[ended.name])

    def _begin_all(self, selector: selectors.BaseSelector) -> None:
        """Begin as many as may run now. One whose host is missing ends, and may free the next."""
        while move := self._next():
            self._waiting.remove(move)
            missing = next((host for host in (self._source, move.target_host) if host in self._missing), None)
            if missing:
                reason = f"Not begun, nothing was touched: {self._missing[missing]}"
                self._end(Ended(move.name, move.target_host, NOT_STARTED, reason, unreachable=missing))
                continue
            selector.register(self._begin(move), selectors.EVENT_READ)
            self._watch(self._names(), self._ended, None)

    def _next(self) -> Move | None:
        if len(self._running) >= self._parallel:
            return None
        unfinished = {move.name for move in self._waiting} | set(self._names())
        return next((move for move in self._waiting if not unfinished & set(move.after)), None)

    def _names(self) -> list[str]:
        return [move.name for move, _pid, _text in self._running.values()]

    def _begin(self, move: Move) -> int:
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid:
            os.close(write_end)
            self._running[read_end] = (move, pid, bytearray())
            return read_end
        try:
            ended = self._work(move)
        except BaseException as error:  # whatever it is has to reach the user, and this process must end here
            ended = Ended(move.name, move.target_host, FAILED, f"{type(error).__name__}: {error}")
        try:
            with os.fdopen(write_end, "w") as out:
                json.dump(dataclasses.asdict(ended), out, default=str)
        finally:
            os._exit(0)

    def _read(self, selector: selectors.BaseSelector, descriptor: int) -> None:
        move, pid, text = self._running[descriptor]
        chunk = os.read(descriptor, 1 << 16)
        if chunk:
            text += chunk
            return
        selector.unregister(descriptor)
        os.close(descriptor)
        os.waitpid(pid, 0)
        del self._running[descriptor]
        try:
            ended = typed.from_dict(Ended, json.loads(text))
        except ValueError:
            ended = Ended(
                move.name, move.target_host, FAILED,
                "The controller's process of this migration was killed. The migration may go on on the hosts: "
                "run the task again, which finds out.",
            )  # fmt: skip
        if ended.unreachable:
            self._missing.setdefault(ended.unreachable, f"host '{ended.unreachable}' could not be reached before.")
        self._end(ended)

    def _end(self, ended: Ended) -> None:
        self._ended.append(ended)
        self._watch(self._names(), self._ended, ended)
