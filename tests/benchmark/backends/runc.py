# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain runc: checkpoint, rsync, restore, as CRIU's wiki shows it.

Bundle, root file system and network namespace (with a macvlan interface of the service's address) are there on both
hosts beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.harness.build import Workload
from tests.harness.hosts import Topology

from .base import NAME, Load, Migration
from .stock import StockTool

INTERFACE = "eth0"


class Runc(StockTool):
    """runc checkpoint, rsync, runc restore."""

    name = "runc"

    def __init__(self, topology: Topology, workload: Workload) -> None:
        super().__init__(topology, workload)
        self._bundle, self._images = f"{self.directory}/bundle", f"{self.directory}/images"
        self._runc = f"runc --log {self.directory}/runc.log"

    def prepare(self) -> None:
        super().prepare()
        for host in self.topology.hosts:
            host.run(
                f"mkdir -p {self._bundle}/rootfs; tar -x -C {self._bundle}/rootfs",
                data=self.workload.rootfs.read_bytes(),
            )

    def start(self, load: Load) -> None:
        config = json.dumps(bundle_config(load.command(self.topology.port)), indent=1).encode()
        for host in self.topology.hosts:
            host.put(config, f"{self._bundle}/config.json")
            host.run(
                f"ip netns add {NAME}; ip -n {NAME} link set lo up; mkdir -p {self._images}\n"
                f"ip link add link {self.topology.parent} name bench-{INTERFACE} netns {NAME} "
                f"address {self.topology.mac} type macvlan mode bridge\n"
                f"ip -n {NAME} link set bench-{INTERFACE} name {INTERFACE}\n"
                f"ip -n {NAME} address add {self.topology.address}/{self.topology.subnet.prefixlen} dev {INTERFACE}"
            )
        self.topology.source.run(
            f"ip -n {NAME} link set {INTERFACE} up\n"
            f"{self._runc} run --detach --bundle {self._bundle} {NAME} </dev/null >/dev/null 2>&1"
        )

    def migrate(self, strategy: str, options: Mapping[str, int]) -> Migration:
        places = f"--tcp-established --image-path {self._images} --work-path {self.directory}"
        restore = (
            f"ip -n {NAME} link set {INTERFACE} up; "
            f"{self._runc} restore --detach {places} --bundle {self._bundle} {NAME} "
            f"</dev/null >/dev/null 2>&1; {self.guard.release}"
        )
        return self.run_steps(
            [
                ("prepare", self.link.on_target(self.guard.hold)),
                (
                    "checkpoint",
                    f"{self._runc} checkpoint {places} {NAME}\nip -n {NAME} link set {INTERFACE} down",
                ),
                ("copy", self.link.copy_directory(self._images, self._images)),
                ("restore", self.link.on_target(restore)),
                ("release", f"ip netns del {NAME}; rm -r {self._images}"),
            ]
        )

    def stop(self) -> None:
        for host in self.topology.hosts:
            host.run(
                f"runc delete --force {NAME}\n"
                f"[ ! -e /run/netns/{NAME} ] || ip netns del {NAME}\n"
                f"rm -rf {self._images} {self.directory}/*.log"
            )
        super().stop()


class TunedRunc(Runc):
    """The same with the images in memory, over an open ssh connection."""

    name = "runc-tuned"
    tuned = True


def bundle_config(command: list[str]) -> dict[str, Any]:
    """The OCI runtime specification's config.json."""
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": command,
            "env": ["PATH=/"],
            "cwd": "/",
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": NAME,
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
        ],
        "linux": {
            "cgroupsPath": f"/{NAME}",
            "namespaces": [
                {"type": "pid"},
                {"type": "ipc"},
                {"type": "uts"},
                {"type": "mount"},
                {"type": "network", "path": f"/run/netns/{NAME}"},
            ],
        },
    }
