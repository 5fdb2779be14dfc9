# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of files: what processes write into files is sent while they run, as their memory is."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import MigrationError
from ..host.files import FileSet
from ..host.steps import now_ms
from ..session import messages
from ..session.channel import Channel
from ..session.options import Options

_FEW_BYTES = 256 << 10
"""Not worth a round of its own: it takes less time than CRIU's dump, during which it is packed."""
_SHRINKS = 0.7
_MAX_ROUNDS = 10


def send(control: Channel, files: FileSet, paths: list[str], gone: list[str], timeout_s: float) -> int:
    """Send files, archive by archive; returns how many bytes that were.

    Each is answered before the next is sent: the target host reads what is on its way, then unpacks.

    Raises:
        MigrationError: the target host cannot unpack them.
    """
    sent = 0
    for packed in files.archives(paths, gone):
        control.send_patiently(messages.FILES, packed, timeout_s, gone=gone)
        control.expect(messages.UNPACKED, timeout_s, control.check_answers)
        sent, gone = sent + len(packed), []
    if gone:
        control.send(messages.FILES, gone=gone)
        control.expect(messages.UNPACKED, timeout_s)
    return sent


class FileRounds:
    """Sends what changed until little is left, or until that does not shrink any more.

    Args:
        options: with the limits of the downtime.
        send_changed: sends what changed since it was last called; returns the number of bytes.
    """

    def __init__(self, options: Options, send_changed: Callable[[], int]) -> None:
        self._options = options
        self._send_changed = send_changed

    def copy(self) -> None:
        """Raises MigrationError when files change so fast that the rest cannot be sent in the time of a switchover."""
        least = float("inf")
        for _round in range(_MAX_ROUNDS):
            started_ms = now_ms()
            sent = self._send_changed()
            duration_ms = now_ms() - started_ms
            if sent <= _FEW_BYTES:
                return
            if sent > _SHRINKS * least:
                break
            least = min(least, sent)
        # what changes in the time of a round is what the freeze would have to send, in as much time
        if duration_ms > self._options.switchover_timeout_ms:
            raise MigrationError(
                f"The container's files change too fast: {sent >> 20} MiB of them changed within one round, and these "
                f"took {duration_ms:.0f} ms. The process may be stopped for {self._options.switchover_timeout_ms} ms "
                "(switchover_timeout_ms). Raise it, have the program write less meanwhile, or put these files on a "
                "volume that both hosts see."
            )
