# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that were made inside the container: they are not carried, so each is named."""

from __future__ import annotations

from .. import decoded
from ..errors import Blocker
from ..network import interfaces

_BY_KERNEL = ("tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0")
"""Every network namespace has these where the kernel has their drivers (net.core.fb_tunnels_only_for_init_net)."""


def made_inside(pid: int, devices: set[str]) -> list[Blocker]:
    """Blockers: links that the engine did not make.

    Args:
        devices: TUN devices that a process has open, which move with it.
    """
    return [
        Blocker(
            "link",
            f"The link {link['ifname']} ({kind}) was made inside the container, and is not migrated",
            "Remove it (ip link del), or give the container a network of its engine instead",
        )
        for link in interfaces.ip_json(pid, "-details", "link", "show")
        if (kind := decoded.value(link, "linkinfo", "info_kind"))
        and "link_netnsid" not in link
        and link["ifname"] not in (*devices, *_BY_KERNEL)
    ]


def has_xfrm(pid: int) -> list[Blocker]:
    """Blockers: IPsec states and policies."""
    found = []
    for what in ("state", "policy"):
        listed = interfaces.xfrm(pid, what)
        if listed:
            found.append(
                Blocker(
                    "xfrm",
                    f"The container has an IPsec {what} ({listed.splitlines()[0].strip()}), which is not migrated",
                    "Terminate IPsec outside the container, or remove it (ip xfrm)",
                )
            )
    return found
