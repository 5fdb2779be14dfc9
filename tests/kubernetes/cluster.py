# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes lab, and the workload as a Deployment on it whose one pod moves between the workers."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.organic.lab.plugins.module_utils.container_image import write_image
from ansible_collections.organic.lab.plugins.module_utils.host import PIDS as SERVICE_PIDS

from tests.harness.build import SERVER, build
from tests.harness.client import Client
from tests.harness.hosts import Host, load_topology
from tests.harness.playbook import ENVIRONMENT, PLAYBOOKS, PlaybookResult, PlaybookRun, run
from tests.harness.site import RESIDENT
from tests.harness.wait import until

NAMESPACE = "migration-test"
NETWORK = "macvlan"
PORT = 7000
INTERFACE = "net1"


class Cluster:
    """The control plane and the two workers, which are also the hosts between which pods move."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self.topology = load_topology(inventory)
        self.workers = self.topology.hosts
        listed = run("ansible-inventory", str(inventory), "--host", "control").stdout
        control = json.loads(listed)["ansible_host"]
        self.control = dataclasses.replace(self.topology.source, name="control", address=control)
        self.workload = build()

    def prepare(self) -> None:
        """Bring the image, the namespace and the macvlan network."""
        with tempfile.NamedTemporaryFile(suffix=".tar") as image:
            write_image(Path(image.name), self.workload.server)
            content = Path(image.name).read_bytes()
        for worker in self.workers:
            worker.run("ctr --namespace k8s.io images import --local -", data=content)
        config = {"cniVersion": "1.0.0", "name": NETWORK, "type": "macvlan", "master": self.topology.parent}
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
            },
            {
                "apiVersion": "k8s.cni.cncf.io/v1",
                "kind": "NetworkAttachmentDefinition",
                "metadata": {"name": NETWORK, "namespace": NAMESPACE},
                "spec": {"config": json.dumps(config)},
            },
        )

    def clean(self) -> None:
        self.kubectl(f"delete namespace {NAMESPACE} --ignore-not-found")

    def close(self) -> None:
        self.control.close()
        self.topology.close()

    def kubectl(self, command: str, data: bytes | None = None) -> str:
        return self.control.run(f"kubectl --kubeconfig /etc/kubernetes/admin.kubeconfig {command}", data=data)

    def apply(self, *objects: dict[str, Any]) -> None:
        content = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply --server-side --filename -", json.dumps(content).encode())

    def get(self, what: str) -> Any:
        return json.loads(self.kubectl(f"--namespace {NAMESPACE} get {what} --output json"))

    @staticmethod
    def nf_pids(host: Host, namespace: str, deployment: str) -> list[int]:
        """First process of each container ``nf`` of a Deployment on a worker, as containerd has recorded it."""
        labels = {"container.name": "==nf", "pod.namespace": f"=={namespace}", "pod.name": f"~=^{deployment}-"}
        wanted = ",".join(f'labels."io.kubernetes.{name}"{test}' for name, test in labels.items())
        listed = host.run(f"ctr --namespace k8s.io containers list --quiet '{wanted}'").split()
        tasks = [line.split() for line in host.run("ctr --namespace k8s.io tasks list").splitlines()[1:]]
        return [int(pid) for name, pid, state in tasks if name in listed and state == "RUNNING"]

    @staticmethod
    def signal_service(host: Host, service: str, name: str) -> None:
        """Send a signal to a daemon of a host by the PID that the host's own PID 1 has recorded."""
        host.run(f"kill -{name} $(cat {SERVICE_PIDS}/{service}.pid)")

    def start_migration(self, key: str, source: Host, target: Host, **choices: Any) -> PlaybookRun:
        """One migration by the playbook of the harness."""
        cases = [{"name": key, "target_host": target.name, **choices}]
        command = ["ansible-playbook", "--inventory", str(self.inventory), str(PLAYBOOKS / "migrate.yml")]
        command += ["--extra-vars", json.dumps({"source": source.name, "cases": cases})]
        return PlaybookRun(command, ENVIRONMENT)

    def migrate(self, key: str, source: Host, target: Host) -> dict[str, Any]:
        """The result of a migration, whatever it is."""
        return dict(self.start_migration(key, source, target).result().only)

    def other(self, host: Host) -> Host:
        return next(worker for worker in self.workers if worker is not host)


@dataclasses.dataclass(frozen=True)
class Extras:
    """What a pod has beside its NF.

    Attributes:
        volumes: of the pod, by where the NF has them mounted; of a ConfigMap its key ``content``.
        containers: other ones.
    """

    volumes: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    containers: list[dict[str, Any]] = dataclasses.field(default_factory=list)


class Deployment:
    """The workload as a Deployment with one replica, at home on the first worker."""

    def __init__(
        self, cluster: Cluster, name: str, number: int, memory_mb: int = 20, extras: Extras | None = None
    ) -> None:
        self._extras = extras or Extras()
        self.cluster, self.name = cluster, name
        self.namespace = NAMESPACE
        self.key = f"{NAMESPACE}.{name}"
        self.home = cluster.workers[0]
        subnet = cluster.topology.subnet
        address = subnet.broadcast_address - 16 - number
        self._topology = dataclasses.replace(cluster.topology, address=address, port=PORT)
        cluster.topology.client.run(f"ip neighbour flush to {address}")
        wanted = f"{INTERFACE},{address}/{subnet.prefixlen},mac={self._topology.mac}"
        for worker in cluster.workers:
            mark = f"{self._label}=here" if worker is self.home else f"{self._label}-"
            cluster.kubectl(f"label node {worker.name} {mark} --overwrite")
        cluster.apply(self._manifest(wanted, memory_mb))
        until(lambda: self.ready_on() == [self.home.name], f"{name} is ready", timeout_s=180)

    @property
    def _label(self) -> str:
        return f"organic.core5g/{self.key}"

    def _manifest(self, address: str, memory_mb: int) -> dict[str, Any]:
        labels = {"organic.core5g/nf": self.name}
        init = f"{RESIDENT}/init"
        alone = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}
        container: dict[str, Any] = {
            "name": "nf",
            "image": f"localhost{SERVER}:1",
            "imagePullPolicy": "Never",
            "command": [init, "--name", self.key, "--address", address, "--drop-net-admin", "--"],
            "args": [SERVER, "--port", str(PORT), "--memory-mb", str(memory_mb), "--dirty-pages-per-s", "100"],
            "readinessProbe": {
                "exec": {"command": [init, "ready"]},
                "periodSeconds": 1,
                "timeoutSeconds": 5,
                "failureThreshold": 1,
            },
            # without a request, whatever else the node does comes before it
            "resources": {"requests": {"cpu": "100m"}},
            "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
            "volumeMounts": [
                {"name": "resident", "mountPath": RESIDENT, "readOnly": True},
                {"name": "kerndat", "mountPath": "/run/criu.kdat", "readOnly": True},
            ],
        }
        extras = {f"extra-{number}": volume for number, volume in enumerate(self._extras.volumes.values())}
        for name, (point, volume) in zip(extras, self._extras.volumes.items(), strict=True):
            is_file = {"subPath": "content"} if "configMap" in volume else {}
            container["volumeMounts"] += [{"name": name, "mountPath": point, **is_file}]
        networks = json.dumps([{"name": NETWORK, "interface": INTERFACE}])
        pod = {
            "nodeSelector": {self._label: "here"},
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [alone]}},
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [container, *self._extras.containers],
            "volumes": [
                {"name": "resident", "hostPath": {"path": RESIDENT, "type": "Directory"}},
                {"name": "kerndat", "hostPath": {"path": f"{RESIDENT}/criu.kdat", "type": "File"}},
                *({"name": name, **volume} for name, volume in extras.items()),
            ],
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels, "annotations": {"k8s.v1.cni.cncf.io/networks": networks}},
                    "spec": pod,
                },
            },
        }

    @property
    def away(self) -> Host:
        return self.cluster.other(self.home)

    def client(self) -> Client:
        """A client with one connection for as long as it runs."""
        return Client.start(self._topology, self.cluster.workload.client.read_bytes(), connections=1)

    def pods(self) -> list[dict[str, Any]]:
        return list(self.cluster.get(f"pods --selector organic.core5g/nf={self.name}")["items"])

    def ready_on(self) -> list[str]:
        """Nodes of the pods that are ready."""
        return [pod["spec"].get("nodeName", "") for pod in self.pods() if _is_ready(pod)]

    def ready_names(self) -> list[str]:
        """Names of these pods."""
        return [pod["metadata"]["name"] for pod in self.pods() if _is_ready(pod)]

    def revision(self) -> str:
        found = self.cluster.get(f"deployment {self.name}")
        return str(found["metadata"]["annotations"]["deployment.kubernetes.io/revision"])

    def migrate(self, expect: int = 0, **choices: Any) -> dict[str, Any]:
        """One migration to the other worker by the playbook of the harness; the result of its task."""
        result = self.start_migration(**choices).result()
        assert result.status == expect, result.items or (result.messages, result.errors)
        if expect == 0:
            self.home = self.away
        return {**result.only, "warnings": result.warnings}

    def start_migration(self, **choices: Any) -> PlaybookRun:
        return self.cluster.start_migration(self.key, self.home, self.away, **choices)

    def run_module(self, module: str, on: Host | None = None, **arguments: Any) -> dict[str, Any]:
        """Run a module of organic.live_migration, at home by default; returns its result, also when it failed."""
        host = (on or self.home).name
        command = [host, "--module-name", f"organic.live_migration.{module}"]
        command += ["--args", json.dumps(arguments)] if arguments else []
        done = run("ansible", str(self.cluster.inventory), *command)
        return PlaybookResult.parse(done.returncode, done.stdout, done.stderr).results[host]

    def state(self) -> str:
        """Of the migration that is in progress, as the source host has it; empty when there is none."""
        found = self.home.run("cat /run/organic/migrations/*/progress.json 2>/dev/null || true").strip()
        return str(json.loads(found)["state"]) if found else ""

    def paused(self, **choices: Any) -> PlaybookRun:
        """A migration that has copied its memory and waits before its switchover."""
        started = self.start_migration(pause_before_switchover=True, **choices)
        until(lambda: self.state() == "pre-switchover", "the migration waits before its switchover", timeout_s=300)
        return started

    def recover(self) -> list[tuple[str, str]]:
        """Name and outcome of the moves that recovery on both workers has ended."""
        found = []
        for worker in self.cluster.workers:
            result = self.run_module("container_migration_recover", on=worker)
            assert not result.get("failed"), result
            found += [(entry["name"], entry["outcome"]) for entry in result["services"]]
        return found

    def init_pids(self, host: Host) -> list[int]:
        """The resident inits of this Deployment on a worker."""
        return self.cluster.nf_pids(host, self.namespace, self.name)

    def init_states(self, host: Host) -> list[str]:
        """What they call themselves."""
        return [host.run(f"cat /proc/{pid}/comm 2>/dev/null || true").strip() for pid in self.init_pids(host)]

    def kill_init(self, host: Host) -> None:
        [pid] = self.init_pids(host)
        host.run(f"kill -KILL {pid}")

    def restarts(self) -> int:
        return sum(status["restartCount"] for pod in self.pods() for status in pod["status"]["containerStatuses"])

    def init_pid(self) -> int:
        """The resident init at home."""
        [pid] = self.init_pids(self.home)
        return pid

    def crash(self) -> None:
        """Kill the process of the pod."""
        pid = self.init_pid()
        self.home.run(f"kill -9 $(cat /proc/{pid}/task/{pid}/children)")

    def deviations(self) -> list[str]:
        """What differs from one pod that is ready at home, with nothing left behind."""
        wrong = []
        nodes = [pod["spec"].get("nodeName", "") for pod in self.pods()]
        if nodes != [self.home.name] or self.ready_on() != nodes:
            wrong.append(f"pods on {nodes}, ready on {self.ready_on()}, not on {self.home.name}")
        found = self.cluster.get(f"deployment {self.name}")
        if found["spec"]["replicas"] != 1:
            wrong.append(f"{found['spec']['replicas']} replicas")
        if left := [name for name in found["metadata"]["annotations"] if name.startswith("organic")]:
            wrong.append(f"annotations {left}")
        labelled = [
            node["metadata"]["name"] for node in self.cluster.get(f"nodes --selector {self._label}=here")["items"]
        ]
        if labelled != [self.home.name]:
            wrong.append(f"label on {labelled}")
        for host in self.cluster.workers:
            if files := host.run(f"ls {RESIDENT}/await; ls /run/organic 2>/dev/null || true").split():
                wrong.append(f"{host.name}: {files}")
        return wrong

    def remove(self) -> None:
        self.cluster.kubectl(f"--namespace {NAMESPACE} delete deployment {self.name} --ignore-not-found")
        until(lambda: not self.pods(), f"the pods of {self.name} end", timeout_s=180)
        for worker in self.cluster.workers:
            self.cluster.kubectl(f"label node {worker.name} {self._label}-")
            # so that a test that failed in the middle of a move does not hold the pods of the next one
            worker.run(f"rm -f {RESIDENT}/await/{self.key}")


def _is_ready(pod: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
