# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the containers of a host from finding a clone that has the same MAC address as a process elsewhere.

A macvlan link in mode "bridge" hands a frame for another one of its host to that one directly, and not to the wire
(drivers/net/macvlan.c, macvlan_queue_xmit). To one in mode "private" it does not. The mode is changed in 0.1 ms, while
the link is up.
"""

from __future__ import annotations

import struct

from .. import decoded
from ..errors import MigrationError
from .interfaces import ip_json
from .rtnetlink import Batch, Entry, Request, Rtnetlink, pack_attribute

BRIDGE, PRIVATE = 4, 1
"""linux/if_link.h, enum macvlan_mode."""
_RTM_NEWLINK = 16
_LINKINFO, _INFO_KIND, _INFO_DATA, _MODE = 18, 1, 2, 1
_HEADER, _INDEX_AT = struct.Struct("=BxHiII"), 4


class HiddenLinks:
    """Macvlan links of a network namespace that the other containers of the host do not find.

    Args:
        pid: a process in the namespace.
        names: of the links.
    """

    def __init__(self, pid: int, names: list[str]) -> None:
        self.names = names
        self._netlink = Rtnetlink(pid)
        self._shown = self._prepare(BRIDGE)

    @classmethod
    def hide(cls, pid: int, names: list[str]) -> HiddenLinks:
        """Hide those of these links that the others would find."""
        modes = {
            decoded.text(link, "ifname"): decoded.value(link, "linkinfo", "info_data", "mode")
            for link in ip_json(pid, "-details", "link", "show", "type", "macvlan")
        }
        made = cls(pid, [name for name in names if modes.get(name) == "bridge"])
        made._send(made._prepare(PRIVATE))
        return made

    def show(self) -> None:
        """Be found again; everything is prepared. Idempotent."""
        self._send(self._shown)
        self._shown = self._prepare(BRIDGE)

    def close(self) -> None:
        self._netlink.close()

    def _prepare(self, mode: int) -> Batch:
        data = pack_attribute(_INFO_DATA, pack_attribute(_MODE, struct.pack("=I", mode)))
        content = _HEADER.pack(0, 0, 0, 0, 0) + pack_attribute(
            _LINKINFO, pack_attribute(_INFO_KIND, b"macvlan\0") + data
        )
        return self._netlink.prepare(
            [Request(Entry(_RTM_NEWLINK, content.hex(), ((_INDEX_AT, name),)), _RTM_NEWLINK, 0) for name in self.names]
        )

    @staticmethod
    def _send(batch: Batch) -> None:
        for refusal in batch.send():
            raise MigrationError(f"The mode of a macvlan link cannot be changed: {refusal.reason}")
