# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines import pod_volumes
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import VolumeMount

VOLUMES = "/pods/u/volumes/kubernetes.io~"
NODE = f"""\
1 0 0:9 / / rw - overlay overlay rw
2 1 8:1 /kubelet /var/lib/kubelet rw - ext4 /dev/sda rw
3 2 0:71 / /var/lib/kubelet{VOLUMES}empty-dir/scratch rw - tmpfs tmpfs rw
4 2 0:72 / /var/lib/kubelet{VOLUMES}secret/keys rw - tmpfs tmpfs rw
5 1 0:80 / /run/rootfs rw - overlay overlay rw
6 1 0:5 / /dev rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"0:0 8:1 /kubelet{VOLUMES}empty-dir/d /data rw", ("empty-dir", "/data", True, "volume d")),
        (f"0:0 8:1 /kubelet{VOLUMES}configmap/c/..1/a /etc/a ro", ("configmap", "/etc/a", False, "volume c")),
        ("0:0 8:1 /kubelet/pods/u/volume-subpaths/c/nf/0 /etc/a ro", ("subpath", "/etc/a", False, "volume c")),
        (f"0:0 8:1 /kubelet{VOLUMES}configmap/c/..1/a//deleted /etc/a ro", ("configmap", "/etc/a", False, "volume c")),
        ("0:0 8:1 /kubelet/pods/u/etc-hosts /etc/hosts rw", None),
        ("0:0 0:71 / /scratch rw", ("tmpfs", "/scratch", True, "volume scratch")),
        ("0:0 0:72 / /keys ro", ("secret", "/keys", False, "volume keys")),
        ("0:0 0:9 /opt/organic/resident /opt/organic/resident ro", ("bind", "/opt/organic/resident", False, None)),
        ("0:0 0:80 /below /bound-inside rw", None),
        ("0:0 0:99 / /mounted-inside rw", None),
        ("0:0 0:5 /net/tun /dev/net/tun rw", None),
    ],
)
def test_mounts_of_the_node_are_volumes(line: str, found: tuple[str, str, bool, str | None] | None) -> None:
    _id, rest = line.split(" ", 1)
    device, root, point, options = rest.split()
    filesystem = "tmpfs" if device in ("0:71", "0:72") else "ext4"
    inside = f"1 0 0:80 / / rw - overlay overlay rw\n2 1 {device} {root} {point} {options} - {filesystem} dev rw\n"
    mounts = list(pod_volumes.read(inside, NODE))
    if found is None:
        assert mounts == []
    else:
        kind, point, writable, source = found
        assert mounts == [VolumeMount(kind, point, writable, source or point)]


def test_content_that_both_pods_must_have(tmp_path: Path) -> None:
    def path(kind: str, source: str = "volume c") -> str:
        return pod_volumes.content_path(VolumeMount(kind, str(tmp_path), False, source), os.getpid())

    assert path("bind", "/srv/nf") == "/srv/nf"
    assert path("secret") == f"/proc/{os.getpid()}/root{tmp_path}"
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    assert path("configmap") == f"/proc/{os.getpid()}/root{tmp_path}/..data"
    assert path("projected") == path("downward-api") == ""
    assert pod_volumes.content_path(VolumeMount("configmap", "/c", False, "volume c"), 0) == ""
