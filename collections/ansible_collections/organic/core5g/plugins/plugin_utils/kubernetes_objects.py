# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a core on Kubernetes, as the API server takes them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_networks import (
    MANAGED_BY,
    Attachment,
    Network,
)

RUNTIME = "/opt/organic/resident"
INIT = f"{RUNTIME}/init"
CONTAINER = "nf"
"""Name of the container of an NF in its pod."""
NF_LABEL = "organic.core5g/nf"
CORE_LABEL = "organic.core5g/core"
NETWORKS_ANNOTATION = "k8s.v1.cni.cncf.io/networks"
SERVICE_ACCOUNT = "core5g-nf"
HERE = "here"
"""Value of the node label of an NF."""
_NET_ADMIN = "NET_ADMIN"
_NODE = "kubernetes.io/hostname"

Object = dict[str, Any]


def node_label(namespace: str, nf: str) -> str:
    """Label of the node on which the pod of an NF is: a move changes nodes' labels, and no Deployment."""
    return f"organic.core5g/{namespace}.{nf}"


@dataclasses.dataclass(frozen=True)
class File:
    """A file of an NF's configuration.

    Attributes:
        path: in the container.
        is_secret: it holds a password.
    """

    path: str
    content: str
    is_secret: bool = False

    @property
    def key(self) -> str:
        return PurePosixPath(self.path).name


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all NFs of a core have in common.

    Attributes:
        core: its name.
        pull_policy: Never where the images are imported on the nodes.
        pull_secret: name of the Secret with which images are pulled; empty for none.
        health_period_s: between two probes.
        failover_s: how long the pod of a floating NF waits for its node once the cluster has found it lost.
    """

    namespace: str
    core: str
    pull_policy: str = "Never"
    pull_secret: str = ""
    health_period_s: int = 1
    failover_s: int = 10


@dataclasses.dataclass(frozen=True)
class Nf:
    """A network function as a Deployment.

    Attributes:
        function: NF of the core that it is an instance of.
        ports: of its core's description.
        resources: requests and limits.
        is_floating: the scheduler places its pod on any node, and on another one when its node is lost; such an NF
            keeps no state, and is not migrated.
    """

    name: str
    function: str
    image: str
    command: Sequence[str]
    env: Mapping[str, str]
    attachments: Sequence[Attachment]
    ports: Sequence[Mapping[str, Any]] = ()
    devices: Sequence[str] = ()
    capabilities: Sequence[str] = ()
    sysctls: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: Sequence[File] = ()
    resources: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_floating: bool = False

    def objects(self, settings: Settings) -> list[Object]:
        """All of it but what it shares with the other NFs, in the order in which it is made."""
        return [*self._files(settings), self._service(settings), self._budget(settings), self._deployment(settings)]

    def _metadata(self, settings: Settings, name: str = "") -> Object:
        return {"name": name or self.name, "namespace": settings.namespace, "labels": self._labels(settings)}

    def _labels(self, settings: Settings) -> dict[str, str]:
        return {
            NF_LABEL: self.name,
            CORE_LABEL: settings.core,
            "app.kubernetes.io/name": self.function,
            "app.kubernetes.io/part-of": settings.core,
            **MANAGED_BY,
        }

    @property
    def _selector(self) -> Object:
        return {"matchLabels": {NF_LABEL: self.name}}

    def _files(self, settings: Settings) -> list[Object]:
        made: list[Object] = []
        for is_secret, kind in ((False, "ConfigMap"), (True, "Secret")):
            content = {one.key: one.content for one in self.files if one.is_secret == is_secret}
            if content:
                metadata = self._metadata(settings, f"{self.name}-configuration")
                base = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
                made.append(
                    {**base, "type": "Opaque", "stringData": content} if is_secret else {**base, "data": content}
                )
        return made

    def _service(self, settings: Settings) -> Object:
        """Without an address of its own: peers use the NF's fixed ones, which a move keeps."""
        ports = [
            {
                "name": f"{one['interface']}-{one['protocol']}".lower(),
                "port": one["port"],
                "protocol": str(one["protocol"]).upper(),
                "targetPort": one["port"],
            }
            for one in self.ports
        ]
        spec = {"clusterIP": "None", "selector": {NF_LABEL: self.name}, "ports": ports}
        return {"apiVersion": "v1", "kind": "Service", "metadata": self._metadata(settings), "spec": spec}

    def _budget(self, settings: Settings) -> Object:
        """What evicts pods (kubectl drain) has to wait until the NF has moved; a floating one starts elsewhere."""
        return {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": self._metadata(settings),
            "spec": {"maxUnavailable": int(self.is_floating), "selector": self._selector},
        }

    def _deployment(self, settings: Settings) -> Object:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": self._metadata(settings),
            "spec": {
                "replicas": 1,
                "revisionHistoryLimit": 2,
                "progressDeadlineSeconds": 120,
                # A changed template never starts a second live instance with the same addresses.
                "strategy": {"type": "Recreate"},
                "selector": self._selector,
                "template": {
                    "metadata": {"labels": self._labels(settings), "annotations": self._annotations()},
                    "spec": self._pod(settings),
                },
            },
        }

    def _annotations(self) -> dict[str, str]:
        made = {}
        if self.attachments:
            made[NETWORKS_ANNOTATION] = json.dumps([one.selection() for one in self.attachments])
        if self.files:
            # The NF reads the files at its start.
            content = json.dumps([dataclasses.asdict(one) for one in self.files])
            made["organic.core5g/configuration"] = hashlib.sha256(content.encode()).hexdigest()
        return made

    def _pod(self, settings: Settings) -> Object:
        alone = {"topologyKey": _NODE, "labelSelector": self._selector}
        spec: Object = {
            **self._placement(settings),
            # A move has two pods for a moment, which must not be on one node.
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [alone]}},
            "serviceAccountName": SERVICE_ACCOUNT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 10,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [self._container(settings)],
            "volumes": [volume for volume, _mount in self._volumes()],
        }
        if self.sysctls:
            spec["securityContext"]["sysctls"] = [
                {"name": name, "value": str(value)} for name, value in sorted(self.sysctls.items())
            ]
        if settings.pull_secret:
            spec["imagePullSecrets"] = [{"name": settings.pull_secret}]
        return spec

    def _placement(self, settings: Settings) -> Object:
        """Where the pod may be, and how long it stays bound to a node that is lost."""
        if not self.is_floating:
            return {"nodeSelector": {node_label(settings.namespace, self.name): HERE}}
        lost = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        bound = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": settings.failover_s}
        return {"tolerations": [{"key": key, **bound} for key in lost]}

    def _container(self, settings: Settings) -> Object:
        addresses = [option for one in self.attachments for option in one.init_options()]
        gives_up = ["--drop-net-admin"] if addresses and _NET_ADMIN not in self.capabilities else []
        # The init sets the addresses, then takes the capability from itself and the NF, for which it needs another.
        of_init = {*([_NET_ADMIN] if addresses else []), *(["SETPCAP"] if gives_up else [])}
        capabilities = sorted({*self.capabilities, *of_init})
        return {
            "name": CONTAINER,
            "image": self.image,
            "imagePullPolicy": settings.pull_policy,
            "command": [INIT, "--name", f"{settings.namespace}.{self.name}", *addresses, *gives_up, "--"],
            "args": list(self.command),
            "env": [{"name": name, "value": str(value)} for name, value in self.env.items()],
            "ports": [
                {
                    "name": f"{one['protocol']}-{one['port']}",
                    "containerPort": one["port"],
                    "protocol": str(one["protocol"]).upper(),
                }
                for one in self.ports
            ],
            "readinessProbe": {
                "exec": {"command": [INIT, "ready"]},
                "periodSeconds": settings.health_period_s,
                "timeoutSeconds": 5,
                "failureThreshold": 1,
            },
            "resources": dict(self.resources),
            "securityContext": {
                "privileged": False,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"], **({"add": capabilities} if capabilities else {})},
            },
            "volumeMounts": [mount for _volume, mount in self._volumes()],
        }

    def _volumes(self) -> list[tuple[Object, Object]]:
        """Each volume with its mount."""

        def host_path(name: str, source: str, kind: str, target: str, read_only: bool) -> tuple[Object, Object]:
            mount: Object = {"name": name, "mountPath": target}
            if read_only:
                mount["readOnly"] = True
            return {"name": name, "hostPath": {"path": source, "type": kind}}, mount

        made = [
            host_path("resident", RUNTIME, "Directory", RUNTIME, True),
            host_path("kerndat", f"{RUNTIME}/criu.kdat", "File", "/run/criu.kdat", True),
        ]
        made += [host_path(PurePosixPath(device).name, device, "CharDevice", device, False) for device in self.devices]
        name = f"{self.name}-configuration"
        for is_secret in sorted({one.is_secret for one in self.files}):
            source = {"secret": {"secretName": name}} if is_secret else {"configMap": {"name": name}}
            volume = "secrets" if is_secret else "configuration"
            made += [
                (
                    {"name": volume, **source},
                    {"name": volume, "mountPath": one.path, "subPath": one.key, "readOnly": True},
                )
                for one in self.files
                if one.is_secret == is_secret
            ]
        return list({json.dumps(pair, sort_keys=True): pair for pair in made}.values())


def namespace(name: str) -> Object:
    """The namespace of a core."""
    # The resident runtime is a volume of the kind hostPath, which the levels baseline and restricted forbid.
    labels = {"pod-security.kubernetes.io/enforce": "privileged", **MANAGED_BY}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def shared(settings: Settings, networks: Sequence[Network]) -> list[Object]:
    """What all NFs of a core need in its namespace, in the order in which it is made."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": SERVICE_ACCOUNT, "namespace": settings.namespace, "labels": dict(MANAGED_BY)},
            "automountServiceAccountToken": False,
        },
        *(network.definition(settings.namespace) for network in networks),
    ]
