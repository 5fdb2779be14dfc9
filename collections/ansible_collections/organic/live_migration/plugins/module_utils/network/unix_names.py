# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unix sockets whose name was renamed after it was bound, as HAProxy does with its sockets.

The kernel reports the name that was bound (getsockname(2)), and CRIU restores that one. The file that the socket has is
found by SIOCUNIXFILE (include/uapi/linux/un.h), so what it is called now can be seen.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat

from ..errors import MigrationError
from ..host.archive import in_root

_SIOCUNIXFILE = 0x89E0
_DELETED = " (deleted)"


def renamed_to(one: socket.socket) -> str:
    """What the file of a Unix socket is called now; empty when it is what was bound, or when there is none.

    A connection that was accepted has the name of the socket that has accepted it, which is not its own.
    """
    if one.family != socket.AF_UNIX or _is_connected(one):
        return ""
    bound = one.getsockname()
    if not isinstance(bound, str) or not bound:
        return ""  # unnamed, or abstract
    try:
        file = fcntl.ioctl(one.fileno(), _SIOCUNIXFILE)
    except OSError:
        return ""
    try:
        path = os.readlink(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
    if path.endswith(_DELETED):
        return ""
    is_same = path == os.path.normpath(bound) or (not bound.startswith("/") and path.endswith(f"/{bound}"))
    return "" if is_same else path


def _is_connected(one: socket.socket) -> bool:
    try:
        one.getpeername()
    except OSError:
        return False
    return True


def rename(names: set[tuple[str, str]], pid: int) -> None:
    """Give files of restored sockets their present names.

    Args:
        names: what was bound, and what it is called now.
        pid: a process whose root directory is the container's.

    Raises:
        MigrationError: one cannot be renamed.
    """

    def work() -> bytes:
        for bound, now in sorted(names):
            with contextlib.suppress(FileNotFoundError):  # by another link to it, CRIU has found the present name
                if stat.S_ISSOCK(os.lstat(bound).st_mode) and os.path.realpath(bound) != now:
                    os.rename(bound, now)
            if not os.path.exists(now):
                raise MigrationError(
                    f"The Unix socket {bound}, which is called {now} now, was restored without a file."
                )
        return b""

    if names:
        in_root(f"/proc/{pid}/root", work)
