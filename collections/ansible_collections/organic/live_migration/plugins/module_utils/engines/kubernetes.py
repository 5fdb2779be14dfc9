# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of this node, as far as /proc describes them: their container runtime is never asked, whatever it is.

A pod's container is known by the name that its resident init was given, ``--name NAMESPACE.DEPLOYMENT``. The control
plane creates, starts and removes it; the await file of that name says what its init does when the kubelet starts it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from .. import paths
from ..errors import Blocker, EngineError, Refused
from ..host import processes
from ..host.await_ticket import AwaitTicket
from ..network.interfaces import addresses_of
from . import pod_volumes
from .base import CLUSTER_SOCKETS, Engine, Side
from .spec import RUNNING, ContainerSpec, NetworkSpec, RestartPolicy, VolumeMount, await_key

CLUSTER_INTERFACE = "eth0"
"""Of each pod: containerd and CRI-O name the interface of the cluster's own network so."""
_STATES = {
    "resident-run": RUNNING,
    "resident-start": RUNNING,
    "resident-await": "awaiting",
    "resident-hold": "held",
    "resident-left": "departed",
}
"""What a resident init calls itself, by precedence, and the status that is."""
_KUBELET = Path("/var/lib/kubelet")
"""Its default --root-dir, which distributions of Kubernetes leave as it is."""
_WITHOUT_PROCESS = ("03", "06")
"""SYN_RECV and TIME_WAIT (include/net/tcp_states.h): nobody has to restore them."""
_POLL_S = 0.02


class KubernetesEngine(Engine):
    """The pods of this node.

    Args:
        address: where procfs is mounted, if not at /proc.

    Raises:
        Refused: it is not mounted there.
    """

    name = "kubernetes"
    restarts_in_place = True

    def __init__(self, address: str | None = None) -> None:
        super().__init__(address)
        self._proc = Path(address or "/proc")
        if not (self._proc / "self").exists():
            raise Refused(
                [Blocker("no_procfs", f"There is no procfs at {self._proc}", "Mount it: mount -t proc proc /proc")]
            )

    @classmethod
    def is_present(cls) -> bool:
        return _KUBELET.is_dir()

    def identity(self) -> str:
        return Path("/etc/machine-id").read_text().strip()

    def inspect(self, name: str) -> ContainerSpec | None:
        """A container by its key (NAMESPACE.DEPLOYMENT), by its id, or by its Deployment if only one namespace has it.

        Of several on one node, such as an old pod that ends, the one that has the process counts, then one that awaits.
        """
        found = [one for one in self._containers() if name in (one.name, one.id, one.name.partition(".")[2])]
        if len({one.name for one in found}) > 1:
            keys = ", ".join(sorted({one.name for one in found}))
            raise EngineError(f"Several namespaces have pods of '{name}' on this node: {keys}. Use one of these names.")
        order = list(_STATES.values())
        return min(found, key=lambda one: (order.index(one.status), -one.started_at_s), default=None)

    def running_containers(self) -> list[ContainerSpec]:
        return sorted((one for one in self._containers() if one.running), key=lambda one: one.name)

    def _containers(self) -> Iterator[ContainerSpec]:
        for entry in self._proc.iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile, or calls itself like ours
                status = _STATES.get((entry / "comm").read_text().rstrip("\n"))
                command = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
                key = await_key(command)
                # a child that has not run its program yet has the same name
                if status is not None and key is not None and "." in key and processes.pid_inside(int(entry.name)) == 1:
                    yield self._spec(entry, key, status)

    @staticmethod
    def _spec(entry: Path, key: str, status: str) -> ContainerSpec:
        pid = int(entry.name)
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - processes.age_s(pid)))
        return ContainerSpec(
            name=key,
            id=f"{key}@{pid}:{processes.start_time(pid)}",
            image="pod",
            image_id="pod",
            entrypoint=paths.INIT,
            await_key=key,
            status=status,
            pid=pid,
            started_at=started,
            mounts=tuple(
                pod_volumes.read((entry / "mountinfo").read_text(), (entry.parent / "self/mountinfo").read_text())
            ),
            restart_policy=RestartPolicy("always"),
            host_network=_same_network(entry),
            service=key,
            kept_interfaces=(CLUSTER_INTERFACE,),
        )

    def path_of(self, mount: VolumeMount, container: ContainerSpec | None) -> str:
        return pod_volumes.content_path(mount, container.pid if container else 0)

    def blockers(self, spec: ContainerSpec, side: Side) -> list[Blocker]:
        if side is Side.TARGET:
            return []
        found = sorted(set(_cluster_sockets(spec.pid)))
        address = f"the address in the cluster's own network ({CLUSTER_INTERFACE}), which stays on this node"
        blockers = []
        if peers := [peer for peer, _own in found if peer]:
            message = f"The process has connections over {address}: to {', '.join(peers)}"
            remedy = "Have it use its address on a network of its own, or let them end (end_cluster_connections)"
            blockers.append(Blocker(CLUSTER_SOCKETS[0], message, remedy))
        if bound := [own for peer, own in found if not peer]:
            message = f"The process has sockets that are bound to {address}: {', '.join(bound)}"
            remedy = "Have it listen on its address on a network of its own, or on all (0.0.0.0)"
            blockers.append(Blocker(CLUSTER_SOCKETS[1], message, remedy))
        return blockers

    def create_awaiting(self, spec: ContainerSpec) -> str:
        """The one that the cluster has started here."""
        found = self.inspect(spec.name)
        if found is None or found.status != _STATES["resident-await"]:
            raise EngineError(f"No pod of '{spec.name}' awaits a process on this node.")
        return found.id

    def start(self, container_id: str) -> ContainerSpec:
        spec = self.inspect(container_id)
        if spec is None:
            raise EngineError("The pod has ended; 'kubectl describe pod' says why.")
        return spec

    def restart_if_ended(self, container_id: str, policy: RestartPolicy) -> None:
        """The kubelet does, but what it has started meanwhile awaits a process that will not come."""
        spec = self.inspect(_key_of(container_id))
        if spec is not None and spec.status == _STATES["resident-await"]:
            processes.ProcessId.of(spec.pid).kill()

    def suspend_restarts(self, container_id: str) -> None:
        """What the kubelet starts again waits until it may run its process."""
        AwaitTicket(_key_of(container_id)).hold()

    def restore_restarts(self, container_id: str, policy: RestartPolicy) -> None:
        AwaitTicket(_key_of(container_id)).revoke()

    def wait_until_stopped(self, container_id: str, timeout_s: float = 30) -> None:
        deadline = time.monotonic() + timeout_s
        while self.inspect(container_id) is not None:
            if time.monotonic() > deadline:
                raise EngineError(f"The container {container_id} has not ended within {timeout_s:.0f} s.")
            time.sleep(_POLL_S)

    def wait_until_exit_seen(self, container_id: str, pid: int, timeout_s: float) -> None:
        """There is nothing here that the kubelet could refuse."""

    def remove(self, container_id: str, running: bool = True) -> None:
        """The cluster does."""

    def has_ended_task(self, service: str) -> bool:
        """Its process may have run here: no container of it is left, and no await file of one that did not run."""
        names = [path.name for path in Path(paths.AWAIT).iterdir()]
        return self.inspect(service) is None and not any(service in (key, key.partition(".")[2]) for key in names)

    def image_id(self, reference: str) -> str | None:
        """The control plane sees to it that a node has the image of a pod that it places there."""
        return reference

    def network(self, name: str) -> NetworkSpec | None:
        return None

    def networks(self) -> list[NetworkSpec]:
        return []


def _key_of(container_id: str) -> str:
    return container_id.partition("@")[0]


def _same_network(entry: Path) -> bool:
    """Whether a process has the network of this host."""
    own = (entry.parent / "self/ns/net").stat()
    other = (entry / "ns/net").stat()
    return (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino)


def _cluster_sockets(pid: int) -> Iterator[tuple[str, str]]:
    """What is bound to the address of the cluster's own network (proc_pid_net(5)); those of other networks can move.

    Yields:
        The peer, empty without one, and the own address, both with their port.
    """
    own = addresses_of(pid, (CLUSTER_INTERFACE,))
    for table in ("tcp", "udp"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _slot, local, remote, state = line.split()[:4]
            if state not in _WITHOUT_PROCESS and _address(local)[0] in own:
                peer = "{}:{}".format(*_address(remote)) if _address(remote)[1] else ""
                yield peer, "{}:{}/{}".format(*_address(local), table)


def _address(field: str) -> tuple[str, int]:
    address, _colon, port = field.partition(":")
    return socket.inet_ntoa(struct.pack("=I", int(address, 16))), int(port, 16)
