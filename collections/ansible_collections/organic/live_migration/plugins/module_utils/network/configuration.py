# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a network namespace: read on the source, set on the target, set again after a failure."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import Blocker, MigrationError
from .kinds import BY_MESSAGE, KINDS, Addresses, Neighbours, Qdiscs, Routes
from .rtnetlink import Batch, Entry, Refusal, Request, Rtnetlink


def read(pid: int, kept: Collection[str] = ()) -> list[Entry]:
    """What is configured in the namespace of ``pid``, in an order in which it can be set.

    Args:
        kept: links whose configuration stays where it is.
    """
    with Rtnetlink(pid) as netlink:
        return [entry for kind in KINDS for entry in kind.read(netlink) if not _uses(entry, kept)]


def _uses(entry: Entry, links: Collection[str]) -> bool:
    return any(name in links for _offset, name in entry.links)


def blockers(pid: int) -> list[Blocker]:
    """What is configured and cannot be set on another host."""
    routes, qdiscs = Routes(), Qdiscs()
    with Rtnetlink(pid) as netlink:
        found = [
            Blocker(
                "route",
                f"The {routes.describe(entry)} uses a nexthop object, which is not migrated",
                "Set the route with its gateway ('via') instead of 'nhid'",
            )
            for entry in routes.read(netlink)
            if routes.uses_nexthop_object(entry)
        ]
        found += [
            Blocker(
                "qdisc",
                f"The {what} is not migrated: it has classes or filters, or is of an unknown kind",
                f"Remove it (tc qdisc del), or use one of {', '.join(qdiscs.MOVABLE)} at the root of the link",
            )
            for what in qdiscs.unmovable(netlink)
        ]
    return found


class Configuration:
    """Sets in a namespace what another one had.

    Args:
        pid: a process in the namespace.
        wanted: all of it, in an order in which it can be set; see :func:`read`.
        kept: links whose configuration is left alone.
    """

    def __init__(self, pid: int, wanted: list[Entry], kept: Collection[str] = ()) -> None:
        self._wanted = [entry for entry in wanted if not _uses(entry, kept)]
        self._kept = kept
        self._netlink = Rtnetlink(pid)
        self._rest: list[Request] = []
        self._batch: Batch | None = None

    @classmethod
    def of(cls, pid: int, entries: list[Entry], kept: Collection[str] = ()) -> Configuration:
        """From what a peer sent. Raises ValueError for a message of another kind."""
        if strange := [entry.kind for entry in entries if entry.kind not in BY_MESSAGE]:
            raise ValueError(f"Message {strange[0]} configures nothing that is migrated")
        return cls(pid, entries, kept)

    def prepare(self, standby: list[str]) -> None:
        """Set all that can be set while the namespace stands by, and prepare the rest.

        Args:
            standby: links that will be activated later.
        """
        late: list[Request] = []
        early: list[Request] = []
        for request in self._changes():
            is_late = request.entry.kind == Neighbours.new or (
                request.entry.kind == Addresses.new
                and Addresses().is_ipv6(request.entry)
                and request.entry.links[0][1] in standby
            )
            (late if is_late else early).append(request)
        refused = {id(refusal.request) for refusal in self._netlink.apply(early)}
        # most of these are routes through links that are not up yet
        self._rest = [request for request in early if id(request) in refused] + late
        self._batch = self._netlink.prepare(self._rest)

    def finish(self) -> None:
        """Set what :meth:`prepare` left; the links are active now.

        Raises:
            MigrationError: the kernel refuses some of it.
        """
        if self._batch is not None:
            refused = self._repeat(self._batch.send())
            if refused:
                raise MigrationError(f"Not accepted by the kernel of the target host: {_list(refused)}.")

    def restore(self) -> list[str]:
        """Set it all where the same links had it before; returns what the kernel refuses."""
        return [_describe(refusal) for refusal in self._repeat(self._netlink.apply(self._changes()))]

    def _repeat(self, refused: list[Refusal]) -> list[Refusal]:
        """Some need others that come later in the list."""
        while refused:
            still = self._netlink.apply([refusal.request for refusal in refused])
            if len(still) == len(refused):
                return still
            refused = still
        return []

    def _changes(self) -> list[Request]:
        """Requests that lead from what is there to what is wanted."""
        requests = []
        for kind in KINDS:
            present = [entry for entry in kind.read(self._netlink) if not _uses(entry, self._kept)]
            wanted = [entry for entry in self._wanted if entry.kind == kind.new]
            if kind.removes:
                missing = set(present) - set(wanted)
                requests += [kind.remove(entry) for entry in present if entry in missing]
            there = set(present)
            requests += [kind.set(entry) for entry in wanted if entry not in there]
        return requests

    def close(self) -> None:
        self._netlink.close()


def _list(refused: list[Refusal]) -> str:
    return "; ".join(_describe(refusal) for refusal in refused)


def _describe(refusal: Refusal) -> str:
    entry = refusal.request.entry
    return f"{BY_MESSAGE[entry.kind].describe(entry)} ({refusal.reason})"
