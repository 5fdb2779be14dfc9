# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The read-only mounts of a container: the target host must have the same there, or gets a copy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..engines.base import Engine
from ..engines.spec import ContainerSpec, VolumeMount
from ..errors import Blocker
from ..host import mounted_content


def with_content(engine: Engine, spec: ContainerSpec, shared_volumes: list[str]) -> ContainerSpec:
    """The container of this host, with what its read-only mounts hold, for the other host to compare."""
    mounts = tuple(_looked_at(engine, spec, mount, mount.destination in shared_volumes) for mount in spec.mounts)
    return replace(spec, mounts=mounts)


def _looked_at(engine: Engine, spec: ContainerSpec, mount: VolumeMount, is_shared: bool) -> VolumeMount:
    if mount.writable or is_shared or not mounted_content.is_compared(mount.source):
        return mount
    path = engine.path_of(mount, spec)
    return replace(mount, content=mounted_content.look(path)) if path else mount


def copies(spec: ContainerSpec) -> dict[str, str]:
    """Copies of what the bind mounts hold that are compared, and are small enough."""
    return mounted_content.pack([mount.source for mount in spec.mounts if mount.kind == "bind" and mount.content])


def blockers(engine: Engine, source: ContainerSpec, copied: Collection[str]) -> list[Blocker]:
    """Those that this host lacks or has otherwise.

    Args:
        engine: of this host.
        source: the container, from :func:`with_content` on the source host.
        copied: sources of which the source host has sent a copy.
    """
    found: list[Blocker] = []
    container = engine.inspect(source.name)
    for mount in source.mounts:
        if mount.content is not None and (path := engine.path_of(mount, container)):
            here = mounted_content.look(path)
            can_be_copied = mount.kind == "bind" and not source.service
            found += mounted_content.blockers(
                mount.destination, mount.source, mount.content, here, can_be_copied, mount.source in copied
            )
    return found
