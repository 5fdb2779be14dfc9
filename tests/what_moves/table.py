# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/limits.md from the list of cases: ``python -m tests.what_moves.table``."""

from __future__ import annotations

from pathlib import Path

from .case import Case, Kind, Outcome
from .cases import CASES

LIMITS = Path(__file__).resolve().parents[2] / "docs/limits.md"
_HEAD = """\
# What moves, and what is refused

Each row is a test of [tests/what_moves](../tests/README.md), from which `python -m tests.what_moves.table` makes this
page. *Carried* is on the target host before the process runs there, as it was on the source host. *Refused* is named
by the preflight (`--check` shows it), with its blocker's code and a remedy, before anything is touched. Whatever else
CRIU refuses, a trial dump names (option `trial_dump`, see [your own container](your-own-container.md#move-it)).
"""

_NOT_FOUND = (
    (
        "epoll_pwait2 and semtimedop with a time limit, futex waits for a duration, and other waits that the kernel "
        "itself restarts after a stop; epoll_wait with a time limit in a process's first thread, when the tracking of "
        "its memory begins; any wait, when the migration fails during the dump",
        "they return early with EINTR, as after a signal: how much time was left is known only to the source's kernel. "
        "A program that waits like this should look at the clock again",
    ),
    ("PR_SET_MEMORY_MERGE, PR_SET_MDWE, PR_MCE_KILL (prctl(2))", "the kernel's defaults"),
    (
        "the wall clock's alarms (timerfd with TFD_TIMER_ABSTIME on CLOCK_REALTIME)",
        "they fire after the time that was left, whatever the clock is set to then; TFD_TIMER_CANCEL_ON_SET is off",
    ),
    ("memory that is sealed (mseal(2)), a sandbox of Landlock", "neither seal nor sandbox"),
    ("keyrings (keyctl(2)), which Docker's profile of seccomp does not allow", "ENOKEY: keys are the host's"),
    ("dnotify (F_NOTIFY, fcntl(2)), hints of the life time of files (F_SET_RW_HINT)", "none"),
    (
        "a descriptor in epoll(7) that EPOLLONESHOT has disarmed",
        "it may still report EPOLLERR and EPOLLHUP, as epoll_ctl(2) cannot make one that does not",
    ),
    ("IP_MULTICAST_IF of IPv4 that names an interface by its index alone", "the kernel chooses the interface"),
)
"""What cannot be read from outside of a process, and what its program sees after a migration."""
_TAIL = """\
## Neither carried nor refused

These cannot be read from outside of a process.

| what | what the program sees after a migration |
|---|---|
"""


def _row(case: Case) -> str:
    what = "carried" if case.outcome is Outcome.CARRIED else f"refused (`{case.blocker}`)"
    return f"| {case.holds} | {what} | {case.since} | {case.remark} |"


def page() -> str:
    """The text of docs/limits.md."""
    parts = [_HEAD]
    for kind in Kind:
        rows = [_row(case) for case in CASES if case.kind is kind]
        if rows:
            lines = [f"## {kind.value}", "", "| what | outcome | since | remark |", "|---|---|---|---|", *rows, ""]
            parts.append("\n".join(lines))
    tail = _TAIL + "".join(f"| {what} | {seen} |\n" for what, seen in _NOT_FOUND)
    return "\n".join([*parts, tail])


if __name__ == "__main__":
    LIMITS.write_text(page())
