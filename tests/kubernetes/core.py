# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A core of minicore on the cluster, by the playbooks of the project, in a namespace of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load_all

from tests.harness.playbook import PROJECT, PlaybookResult, run
from tests.harness.wait import until

from .cluster import Cluster

NFS = ["nrf", "upf", "smf"]
KINDS = "deployments,services,poddisruptionbudgets,network-attachment-definitions,serviceaccounts,pods"
RIGHTS = PROJECT / "examples/kubernetes/rights.yml"


class CoreOnCluster:
    """The core in a namespace.

    Args:
        cluster: the lab.
        namespace: of the core.
        kubeconfig: of another user than the lab's administrator.
    """

    def __init__(self, cluster: Cluster, namespace: str, kubeconfig: str = "") -> None:
        self.cluster = cluster
        self.inventory = str(cluster.inventory)
        self.namespace = namespace
        listing = json.loads(run("ansible-inventory", self.inventory, "--list").stdout)
        self.hosts: list[str] = listing["nf_hosts"]["hosts"]
        self.variables: dict[str, Any] = listing["_meta"]["hostvars"][self.hosts[0]]
        # On the second interface of the hosts, so that a core on the first one may run beside it.
        self.options: dict[str, Any] = {
            "nf_namespace": namespace,
            "nf_names": NFS,
            "nf_network_name": f"{namespace}-sbi",
            "nf_network_parent": self.variables["nf_bridge_uplink"],
            "nf_network_subnet": self.variables["nf_bridge_subnet"],
            "nf_addresses": self.variables["nf_bridge_addresses"],
            **({"kubeconfig": kubeconfig} if kubeconfig else {}),
        }

    def try_playbook(self, playbook: str, *arguments: str, **variables: Any) -> PlaybookResult:
        """Run a playbook, which may fail."""
        options = [*arguments, "--extra-vars", json.dumps({**self.options, **variables})]
        done = run("ansible-playbook", self.inventory, f"playbooks/{playbook}.yml", *options)
        return PlaybookResult.parse(done.returncode, done.stdout, done.stderr)

    def playbook(self, playbook: str, *arguments: str, **variables: Any) -> PlaybookResult:
        """Run a playbook that must succeed."""
        result = self.try_playbook(playbook, *arguments, **variables)
        assert result.status == 0, result.messages + result.errors
        return result

    def refusal(self, playbook: str = "deploy_core", **variables: Any) -> str:
        """What a playbook says that refuses before it has made anything."""
        result = self.try_playbook(playbook, **variables)
        assert result.status == 2, result.messages
        assert self.objects() == {}, "something was made before the refusal"
        return result.messages

    def get(self, what: str) -> list[dict[str, Any]]:
        command = f"--namespace {self.namespace} get {what} --ignore-not-found --output json"
        found = self.cluster.kubectl(command)
        return list(json.loads(found)["items"]) if found else []

    def objects(self) -> dict[str, list[str]]:
        """Names of what is in the namespace by kind, without what Kubernetes itself puts there."""
        found: dict[str, list[str]] = {}
        for one in self.get(KINDS):
            if (one["kind"], one["metadata"]["name"]) != ("ServiceAccount", "default"):
                found.setdefault(one["kind"], []).append(one["metadata"]["name"])
        return found

    def places(self) -> dict[str, str]:
        """Node of each NF, of which there is one pod that is ready."""
        found: dict[str, str] = {}
        for pod in self.get("pods --selector organic.core5g/nf"):
            nf = pod["metadata"]["labels"]["organic.core5g/nf"]
            assert nf not in found, f"{nf} has two pods"
            conditions = {one["type"]: one["status"] for one in pod["status"]["conditions"]}
            assert conditions["Ready"] == "True", pod["status"]
            found[nf] = pod["spec"]["nodeName"]
        return found

    def restarts(self) -> dict[str, int]:
        """How often each NF was started again in its pod."""
        return {
            pod["metadata"]["labels"]["organic.core5g/nf"]: pod["status"]["containerStatuses"][0]["restartCount"]
            for pod in self.get("pods --selector organic.core5g/nf")
        }

    def starts(self) -> dict[str, str]:
        """Identity of the pod of each NF: the same if nothing was done to it."""
        return {pod["metadata"]["labels"]["organic.core5g/nf"]: pod["metadata"]["uid"] for pod in self.get("pods")}

    def inside(self, nf: str, command: str) -> str:
        """Output of a command of a node in the network of an NF's pod."""
        node = next(worker for worker in self.cluster.workers if worker.name == self.places()[nf])
        [pid] = self.cluster.nf_pids(node, self.namespace, nf)
        return node.run(f"nsenter --target {pid} --net {command}")

    def leftovers(self) -> list[str]:
        """What is left of the core on the cluster and its nodes."""
        nodes = json.loads(self.cluster.kubectl("get nodes --output json"))["items"]
        labels = [label for node in nodes for label in node["metadata"]["labels"]]
        found = [label for label in labels if label.startswith(f"organic.core5g/{self.namespace}.")]
        found += [f"{kind} {name}" for kind, names in self.objects().items() for name in names]
        for worker in self.cluster.workers:
            found += worker.run("ls /sys/class/net | grep '^br-core5g' || true").split()
        return found

    def remove(self) -> None:
        self.playbook("remove_core", "--limit", "nf_hosts", nf_names=[])


def user_with_the_rights_of_the_example(cluster: Cluster, namespace: str, directory: Path) -> str:
    """Kubeconfig of a user who may do what the example says, in its namespace under another name, and nothing else.

    The user is a service account, as every cluster can give it a token.
    """
    account = f"organic-{namespace}"
    name = f"system:serviceaccount:default:{account}"
    objects = [one for one in yaml_load_all(RIGHTS.read_text()) if one]
    for one in objects:
        if one["kind"] == "Namespace":
            one["metadata"]["name"] = namespace
        elif "namespace" in one["metadata"]:
            one["metadata"]["namespace"] = namespace
        for subject in one.get("subjects", ()):
            subject["name"] = name
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": "default"}})
    cluster.apply(*objects)
    token = cluster.kubectl(f"--namespace default create token {account} --duration 1h").strip()
    administrator = json.loads(cluster.kubectl("config view --raw --output json"))
    administrator["users"] = [{"name": "organic", "user": {"token": token}}]
    for context in administrator["contexts"]:
        context["context"]["user"] = "organic"
    path = directory / "organic.kubeconfig"
    path.write_text(json.dumps(administrator))
    path.chmod(0o600)
    may = f"auth can-i list nodes --as {name}"
    until(lambda: cluster.kubectl(f"{may} || true").strip().endswith("yes"), "the rights are in force")
    return str(path)


def remove_user(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl(f"delete namespace {namespace} --ignore-not-found")
    cluster.kubectl(f"--namespace default delete serviceaccount organic-{namespace} --ignore-not-found")
    for kind in ("clusterrolebinding", "clusterrole"):
        cluster.kubectl(f"delete {kind} organic-core5g-nodes --ignore-not-found")
