# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman container checkpoint --export, scp, podman container restore --import, as Podman's manual has it.

Podman's storage is one of its own, so that nothing of the user's is touched."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tests.harness.build import SERVER, Workload
from tests.harness.hosts import Topology

from .base import NAME, Load, Migration
from .stock import StockTool


class Podman(StockTool):
    """podman container checkpoint --export, scp, podman container restore --import."""

    name = "podman"
    compression = ""  # Podman's default: zstd

    def __init__(self, topology: Topology, workload: Workload) -> None:
        super().__init__(topology, workload)
        self._podman = f"{self.directory}/podman"
        self._archive, self._overlay = f"{self.directory}/checkpoint.tar", f"{self.directory}/storage/overlay"

    def prepare(self) -> None:
        super().prepare()
        for host in self.topology.hosts:
            # Overlays do not lie on overlays, which the root of a lab's host is.
            kind = host.run(f"mkdir -p {self.directory}/networks; stat -f -c %T {self.directory}").strip()
            driver = "vfs" if kind == "overlayfs" else "overlay"
            # crun may be built without CRIU.
            options = f"--log-level error --runtime runc --storage-driver {driver} --root {self.directory}/storage "
            options += f"--runroot {self.directory}/run --tmpdir {self.directory}/tmp "
            options += f"--network-config-dir {self.directory}/networks"
            host.put(f'#!/bin/sh\nexec podman {options} "$@"\n'.encode(), self._podman, 0o755)
            host.run(
                f"{self._podman} network exists {NAME} || {self._podman} network create --driver macvlan --disable-dns "
                f"--subnet {self.topology.subnet} --opt parent={self.topology.parent} {NAME}"
            )
        source, target = self.topology.hosts
        source.run(
            f"{self._podman} import --change 'ENTRYPOINT [\"{SERVER}\"]' - {NAME}",
            data=self.workload.rootfs.read_bytes(),
        )
        # A restore looks for the image by its identity.
        target.run(f"{self._podman} load", data=source.run_bytes(f"{self._podman} save --format oci-archive {NAME}"))

    def start(self, load: Load) -> None:
        options = shlex.join(load.options(self.topology.port))
        self.topology.source.run(
            f"{self._podman} run --detach --name {NAME} --network {NAME} --ip {self.topology.address} "
            f"--mac-address {self.topology.mac} --pull never localhost/{NAME} {options}"
        )

    def migrate(self, strategy: str, options: Mapping[str, int]) -> Migration:
        checkpoint = f"{self._podman} container checkpoint --tcp-established {self.compression}"
        checkpoint += f" --export {self._archive} {NAME}"
        restore = f"{self._podman} container restore --import {self._archive} --tcp-established; {self.guard.release}"
        return self.run_steps(
            [
                ("prepare", self.link.on_target(self.guard.hold)),
                ("checkpoint", checkpoint),
                ("copy", self.link.copy_file(self._archive)),
                ("restore", self.link.on_target(restore)),
                ("release", f"{self._podman} rm {NAME}; rm {self._archive}"),
            ]
        )

    def stop(self) -> None:
        for host in self.topology.hosts:
            host.run(f"{self._podman} rm --force --ignore --time 0 {NAME}; rm -f {self._archive}")
        super().stop()

    def clean(self) -> None:
        for host in self.topology.hosts:
            host.run(f"! mountpoint -q {self._overlay} || umount {self._overlay}\nrm -rf {self.directory}/*")
        super().clean()


class TunedPodman(Podman):
    """The same in memory, not compressed, over an open ssh connection."""

    name = "podman-tuned"
    tuned = True
    compression = "--compress none"
