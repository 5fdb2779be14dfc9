# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Kubernetes API server says about a cluster, and about objects that are to be made there. Changes nothing."""

from __future__ import annotations

import dataclasses
import json
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail

FIELD_MANAGER = "organic-core5g"
MOVE_ANNOTATION = "organic.live-migration/move"
"""On a Deployment while its pod moves."""
_TIMEOUT_S = 10
_POLL_S = 0.3
_CONFLICT = 409
_KINDS = {
    "Namespace": ("/api/v1", "namespaces"),
    "Node": ("/api/v1", "nodes"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "NetworkAttachmentDefinition": ("/apis/k8s.cni.cncf.io/v1", "network-attachment-definitions"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "Deployment": ("/apis/apps/v1", "deployments"),
}
"""Kinds of objects that a core has, and where the API server has them."""
_VERBS = ("get", "list", "create", "patch", "delete")
_REMEDY = (
    "set the variable kubeconfig to a file with which 'kubectl --kubeconfig FILE get nodes' works on the controller"
)


class ApiError(Exception):
    """The API server's refusal.

    Attributes:
        status: of HTTP; 0 without an answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Requests to the API server of one kubeconfig.

    Args:
        kubeconfig: its path; empty for that of the environment variable KUBECONFIG or ~/.kube/config.
        context: of the kubeconfig; empty for its current one.

    Raises:
        AnsibleActionFail: the client is missing, or the file is none.
    """

    def __init__(self, kubeconfig: str = "", context: str = "") -> None:
        try:
            import kubernetes.config
            import urllib3.exceptions
        except ImportError as error:
            raise AnsibleActionFail(
                "The Python package 'kubernetes' is missing on the controller: install it beside ansible-core "
                "(requirements.txt has its version)"
            ) from error
        self._lost: type[Exception] = urllib3.exceptions.HTTPError
        try:
            connect: Callable[..., Any] = kubernetes.config.new_client_from_config
            self._client = connect(kubeconfig or None, context or None)
        except (kubernetes.config.ConfigException, OSError, ValueError) as error:
            name = kubeconfig or "of the environment"
            raise AnsibleActionFail(f"The kubeconfig {name} cannot be used ({error}): {_REMEDY}") from error

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The JSON of the answer; None where there is no such object."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        settings = self._client.configuration
        # Not by call_api, whose arguments differ between releases of the client.
        headers.update(
            {
                way["key"]: way["value"]
                for way in settings.auth_settings().values()
                if way["in"] == "header" and way["value"]
            }
        )
        url = settings.host.rstrip("/") + path
        content = None if body is None else json.dumps(body)
        try:
            answer = self._client.rest_client.pool_manager.request(
                method, url, body=content, headers=headers, timeout=_TIMEOUT_S, retries=False
            )
        except self._lost as error:
            raise ApiError(str(error)) from None
        if answer.status == 404 and method == "GET":
            return None
        if answer.status >= 400:
            raise ApiError(_explanation(answer.status, answer.data), answer.status)
        return json.loads(answer.data)


def _explanation(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (KeyError, TypeError, ValueError):
        return f"HTTP status {status}"


def path_of(made: Mapping[str, Any]) -> str:
    """Where the API server has an object."""
    base, plural = _KINDS[made["kind"]]
    metadata = made["metadata"]
    where = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{base}{where}/{plural}/{metadata['name']}"


@dataclasses.dataclass(frozen=True)
class Trial:
    """What the API server says about objects.

    Attributes:
        differing: those that it would change or make.
        refusals: what it would refuse, with the reason.
    """

    differing: list[Mapping[str, Any]]
    refusals: list[str]


class Cluster:
    """A cluster, as far as a core's deployment has to know it.

    Args:
        api: of its API server.
        namespace: of the core.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def survey(self) -> dict[str, Any]:
        """Nodes, namespace, Deployments and rights; raises AnsibleActionFail where nobody answers."""
        try:
            version = self._api.call("GET", "/version")
            namespace = self._namespace_now()
            missing = self._missing_rights(namespace)
            nodes = [] if "list nodes" in missing else self._api.call("GET", "/api/v1/nodes")["items"]
            crd = self._api.call("GET", _KINDS["NetworkAttachmentDefinition"][0])
            found = self._list("Deployment") if namespace and "list deployments" not in missing else []
        except ApiError as error:
            raise AnsibleActionFail(
                f"The API server of the cluster does not answer as it should ({error}): {_REMEDY}"
            ) from error
        return {
            "version": version["gitVersion"],
            "missing_rights": missing,
            "nodes": {node["metadata"]["name"]: _node(node) for node in nodes},
            "namespace": _namespace(namespace),
            "has_multus": crd is not None,
            "deployments": {one["metadata"]["name"]: _deployment(one) for one in found},
            "objects": self._own_objects() if namespace and not missing else [],
            "bridges": self._bridges() if namespace and not missing else [],
        }

    def pods_of_nfs(self) -> list[dict[str, Any]]:
        """The pods with an NF in the namespace; raises AnsibleActionFail where nobody answers."""
        selector = urllib.parse.quote("organic.core5g/nf")
        try:
            found = self._api.call("GET", f"/api/v1/namespaces/{self._namespace}/pods?labelSelector={selector}")
        except ApiError as error:
            raise AnsibleActionFail(f"The API server does not list pods ({error}): {_REMEDY}") from error
        return list(found["items"])

    def _list(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        base, plural = _KINDS[kind]
        path = f"{base}/namespaces/{self._namespace}/{plural}"
        found = self._api.call("GET", path + (f"?labelSelector={selector}" if selector else ""))
        return list(found["items"]) if found else []

    def _own_objects(self) -> list[list[str]]:
        """Kind and name of all that we have made in the namespace."""
        selector = urllib.parse.quote(f"app.kubernetes.io/managed-by={FIELD_MANAGER}")
        kinds = sorted(set(_KINDS) - {"Namespace", "Node"})
        return [[kind, one["metadata"]["name"]] for kind in kinds for one in self._list(kind, selector)]

    def _bridges(self) -> list[str]:
        """The Linux bridges of our networks, which the CNI plugin leaves on the nodes."""
        selector = urllib.parse.quote(f"app.kubernetes.io/managed-by={FIELD_MANAGER}")
        configs = [json.loads(one["spec"]["config"]) for one in self._list("NetworkAttachmentDefinition", selector)]
        return [str(config["bridge"]) for config in configs if config["type"] == "bridge"]

    def _namespace_now(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = None
        if self._may("get", "", "namespaces", True):
            found = self._api.call("GET", f"/api/v1/namespaces/{self._namespace}")
        return found

    def _missing_rights(self, namespace: Mapping[str, Any] | None) -> list[str]:
        """What this user may not do and a deployment needs, in words. A namespace that is not ours is left as it is."""
        wanted = [("list", "", "nodes", False), ("patch", "", "nodes", False), ("get", "", "namespaces", True)]
        wanted.append(("list", "", "pods", True))
        found = _namespace(namespace)
        if not found["exists"] or found["ours"]:
            wanted += [(verb, "", "namespaces", True) for verb in ("create", "patch", "delete")]
        for kind in sorted(set(_KINDS) - {"Namespace", "Node"}):
            base, plural = _KINDS[kind]
            group = base.split("/")[2] if base.startswith("/apis/") else ""
            wanted += [(verb, group, plural, True) for verb in _VERBS]
        return [
            f"{verb} {resource}"
            for verb, group, resource, inside in wanted
            if not self._may(verb, group, resource, inside)
        ]

    def _may(self, verb: str, group: str, resource: str, is_namespaced: bool) -> bool:
        attributes = {"verb": verb, "group": group, "resource": resource}
        if is_namespaced:
            attributes["namespace"] = self._namespace
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool(answer["status"].get("allowed"))

    def try_objects(self, objects: Sequence[Mapping[str, Any]]) -> Trial:
        """Have the API server apply objects by its own dry run."""
        differing, refusals = [], []
        for made in objects:
            try:
                if self._differs(made):
                    differing.append(made)
            except ApiError as error:
                refusals.append(_refusal(f"{made['kind']} {made['metadata']['name']}", error))
        return Trial(differing, refusals)

    def _differs(self, made: Mapping[str, Any]) -> bool:
        path = path_of(made)
        query = urllib.parse.urlencode({"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict"})
        before = self._api.call("GET", path)
        after = self._api.call("PATCH", f"{path}?{query}", made, "application/apply-patch+yaml")
        return before is None or _comparable(before) != _comparable(after)

    def await_rollout(self, names: Sequence[str], timeout_s: float) -> list[str]:
        """Await the Deployments' pods; why some are not ready in time, empty if all are."""
        deadline = time.monotonic() + timeout_s
        while True:
            # without a name nothing is asked, as the user may have no right to it, which the survey is to say
            found = self._list("Deployment") if names else []
            rolled_out = {one["metadata"]["name"] for one in found if _is_rolled_out(one)}
            late = [name for name in names if name not in rolled_out]
            if not late:
                return []
            if time.monotonic() >= deadline:
                return [self._explain(name, timeout_s) for name in late]
            time.sleep(_POLL_S)

    def _explain(self, name: str, timeout_s: float) -> str:
        selector = urllib.parse.quote(f"organic.core5g/nf={name}")
        path = f"/api/v1/namespaces/{self._namespace}/pods?labelSelector={selector}"
        pods = self._api.call("GET", path)["items"]
        reasons = [reason for pod in pods for reason in _reasons(pod)]
        why = "; ".join(dict.fromkeys(reasons)) or ("it does not get ready" if pods else "no pod was made")
        return (
            f"{name} was not ready within {timeout_s:g} s: {why} (kubectl --namespace {self._namespace} describe pod "
            f"--selector organic.core5g/nf={name}; kubectl logs deployment/{name})"
        )


def _comparable(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the API server counts, and notes about who has set what."""
    counted = ("managedFields", "resourceVersion", "generation")
    metadata = {name: value for name, value in found["metadata"].items() if name not in counted}
    return {**found, "metadata": metadata}


def _refusal(name: str, error: ApiError) -> str:
    if error.status == _CONFLICT:
        return (
            f"Others have changed what we set in {name} ({error}): have them leave these fields to us "
            "(docs/kubernetes.md), or take back what they set"
        )
    return f"The API server refuses {name}: {error}"


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    conditions = {one["type"]: one["status"] for one in node["status"].get("conditions", ())}
    return {
        "ready": conditions.get("Ready") == "True",
        "cordoned": bool(node["spec"].get("unschedulable")),
        "taints": [
            f"{one['key']}={one.get('value', '')}:{one['effect']}"
            for one in node["spec"].get("taints", ())
            if one["effect"] != "PreferNoSchedule" and not one["key"].startswith("node.kubernetes.io/")
        ],
        "labels": dict(node["metadata"].get("labels", {})),
    }


def _namespace(found: Mapping[str, Any] | None) -> dict[str, Any]:
    if found is None:
        return {"exists": False, "ours": False, "level": "", "ending": False}
    labels = found["metadata"].get("labels") or {}
    return {
        "exists": True,
        "ours": labels.get("app.kubernetes.io/managed-by") == FIELD_MANAGER,
        "level": labels.get("pod-security.kubernetes.io/enforce", ""),
        "ending": found["status"].get("phase") == "Terminating",
    }


def _deployment(one: Mapping[str, Any]) -> dict[str, Any]:
    metadata = one["metadata"]
    labels = metadata.get("labels") or {}
    return {
        "ours": labels.get("app.kubernetes.io/managed-by") == FIELD_MANAGER,
        "core": labels.get("organic.core5g/core", ""),
        "moving": MOVE_ANNOTATION in (metadata.get("annotations") or {}),
        "replicas": one["spec"].get("replicas", 1),
        "ready": one["status"].get("readyReplicas", 0),
    }


def _is_rolled_out(one: Mapping[str, Any]) -> bool:
    """As `kubectl rollout status` sees it."""
    status, wanted = one["status"], one["spec"].get("replicas", 1)
    counts = [status.get(name, 0) for name in ("updatedReplicas", "readyReplicas", "replicas")]
    return status.get("observedGeneration", 0) >= one["metadata"]["generation"] and counts == [wanted] * 3


def _reasons(pod: Mapping[str, Any]) -> Iterator[str]:
    """In the words of the cluster."""
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield str(condition.get("message", ""))
    for container in pod["status"].get("containerStatuses", ()):
        for state in (container.get("state", {}), container.get("lastState", {})):
            for kind in ("waiting", "terminated"):
                if kind in state:
                    code = f" (exit code {state[kind]['exitCode']})" if "exitCode" in state[kind] else ""
                    text = f"{state[kind].get('reason', '')}: {state[kind].get('message', '')}".strip(": ")
                    yield f"{text}{code}"
