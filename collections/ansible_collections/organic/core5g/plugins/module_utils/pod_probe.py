# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of one node by which a network of a Kubernetes cluster is measured; the controller makes them."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from ansible_collections.organic.core5g.plugins.module_utils.bridge import Uplink
from ansible_collections.organic.core5g.plugins.module_utils.network_driver import NetworkDriver
from ansible_collections.organic.core5g.plugins.module_utils.network_probe import (
    DIRECTORY,
    PREFIX,
    SERVER,
    WAIT_S,
    ProbeHost,
)
from ansible_collections.organic.core5g.plugins.module_utils.nf_host import (
    HostCheck,
    interface_address,
    interface_exists,
)
from ansible_collections.organic.live_migration.plugins.module_utils.engines.kubernetes import (
    CLUSTER_INTERFACE,
    KubernetesEngine,
)
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError
from ansible_collections.organic.live_migration.plugins.module_utils.network.interfaces import addresses_of

CLUSTER = "cluster"
"""Name of the driver that is the pods' network of the cluster itself."""
_ATTACHED = "net1"


class PodProbeHost(ProbeHost):
    """Finds the pods of this node by the names that their resident inits have."""

    def impossible(self) -> str:
        """Why the driver cannot be measured on this node; empty if it can. Changes nothing."""
        probe = self._probe
        if probe.driver["name"] == CLUSTER:
            return ""
        if "cni" not in probe.driver and probe.driver["creates_network"]:
            return "Kubernetes has no such network"
        driver = NetworkDriver.of(probe.driver)
        if blockers := HostCheck.driver_lacks(driver, probe.parent):
            return f"{blockers[0].message}. {blockers[0].remedy}"
        if not driver.creates_network and (not interface_exists(probe.parent) or not interface_address(probe.parent)):
            return f"The interface {probe.parent} has no address of this host. Set measure_parent to the one that has"
        return ""

    def create_network(self) -> str:
        """The bridge that spans the nodes; all else is the CNI plugin's."""
        if self._probe.driver.get("uplink_bridge"):
            subprocess.run(["ip", "link", "add", "name", self._probe.bridge, "type", "bridge"], check=True)
            uplink = Uplink(self._probe.parent, self._probe.bridge)
            uplink.apply(uplink.plan(True)[1])
        return ""

    def start_containers(self) -> str:
        """Why the pods of this node do not run; empty if they do, and the server waits for frames."""
        deadline = time.monotonic() + WAIT_S
        for role in self._probe.containers:
            while not self._has_started(role):
                if time.monotonic() > deadline:
                    return f"The pod {role} is not ready within {WAIT_S} s: kubectl --namespace {PREFIX} describe pod"
                time.sleep(0.05)
        return ""

    def leftovers(self) -> list[str]:
        """What is there of a measurement on this node."""
        found = [str(DIRECTORY)] if DIRECTORY.exists() else []
        return sorted(found + ([self._probe.bridge] if interface_exists(self._probe.bridge) else []) + self._routes())

    def remove_containers(self) -> bool:
        """Whether there was something to remove: the pods themselves are the controller's."""
        routes = self._routes()
        for route in routes:
            subprocess.run(["ip", "route", "delete", route], check=True)
        there = DIRECTORY.exists()
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        return bool(routes or there)

    def remove_networks(self) -> bool:
        """Whether there was a bridge to remove."""
        is_there = Path("/sys/class/net", self._probe.bridge).exists()
        if is_there:
            subprocess.run(["ip", "link", "delete", "dev", self._probe.bridge], check=True)
        return is_there

    @property
    def _interface(self) -> str:
        if not self._probe.driver["creates_network"]:
            return self._probe.parent
        return CLUSTER_INTERFACE if self._probe.driver["name"] == CLUSTER else _ATTACHED

    def _address(self, role: str) -> str:
        if self._probe.driver["name"] != CLUSTER:
            return super()._address(role)
        return str(next(iter(addresses_of(self._pid(role), (CLUSTER_INTERFACE,)))))

    def _pid(self, role: str) -> int:
        found = KubernetesEngine().inspect(f"{PREFIX}.{role}")
        if found is None:
            raise EngineError(f"The pod {PREFIX}.{role} has ended")
        return found.pid

    def _has_started(self, role: str) -> bool:
        is_there = KubernetesEngine().inspect(f"{PREFIX}.{role}") is not None
        return is_there and (role != SERVER or "ready" in self._lines())
