# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes of a pod's container, as its mounts and those of its node show them (proc_pid_mountinfo(5)).

The kubelet and the container runtime mount them on the node first. So what is of a file system that the node has not
mounted, or of the container's own root, was mounted inside the container.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..host.container import Mount, parse_mountinfo
from .spec import VolumeMount

EMPTY_DIR = "empty-dir"
_COMPARED = ("configmap", "secret", "subpath")
"""Kinds whose content both pods must have; a token of a service account and the pod's own name differ anyway."""
_PLUGIN = "/volumes/kubernetes.io~"
_SUBPATHS = "/volume-subpaths/"
_DELETED = "//deleted"
"""Ends the root of a mount whose file is no longer there, such as an older version of a ConfigMap."""
_OF_RUNTIME = ("/proc", "/sys", "/dev")
_FILES = ("/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


def read(inside: str, outside: str) -> Iterator[VolumeMount]:
    """Of a container.

    Args:
        inside, outside: mountinfo of its first process, and of a process of the node.
    """
    on_node = parse_mountinfo(outside)
    mounts = parse_mountinfo(inside)
    roots = {mount.device for mount in mounts if mount.point == "/"}
    for mount in mounts:
        of_runtime = any(f"{mount.point}/".startswith(f"{top}/") for top in _OF_RUNTIME)
        if mount.point in _FILES or of_runtime or mount.device in roots:
            continue
        if path := _path_on_node(mount, on_node):
            kind, source = _kind(path, mount.filesystem)
            yield VolumeMount(kind, mount.point, not mount.read_only, source)


def content_path(mount: VolumeMount, pid: int) -> str:
    """Where on this node the content of a volume of a container is; empty where that is not compared.

    Args:
        pid: the container's first process; 0 where there is none.
    """
    if mount.kind == "bind":
        return mount.source
    if mount.kind not in _COMPARED or not pid:
        return ""
    path = f"/proc/{pid}/root{mount.destination}"
    # the kubelet writes each version into a directory of its own, which this link names
    return f"{path}/..data" if os.path.isdir(f"{path}/..data") else path


def _path_on_node(mount: Mount, on_node: list[Mount]) -> str:
    """Where the node has what a container has mounted; the longest, as a volume may be mounted from another file."""
    found = ""
    for one in on_node:
        below = os.path.relpath(mount.root.partition(_DELETED)[0], one.root)
        if one.device == mount.device and not below.startswith(".."):
            path = os.path.normpath(os.path.join(one.point, below))
            if len(path) > len(found) or _PLUGIN in path:
                found = path
    return found


def _kind(path: str, filesystem: str) -> tuple[str, str]:
    """Kind and source of a mount."""
    if _PLUGIN in path:
        kind, _slash, name = path.partition(_PLUGIN)[2].partition("/")
        name = name.partition("/")[0]
        return ("tmpfs" if kind == EMPTY_DIR and filesystem == "tmpfs" else kind), f"volume {name}"
    if _SUBPATHS in path:
        return "subpath", f"volume {path.partition(_SUBPATHS)[2].partition('/')[0]}"
    return "bind", path
