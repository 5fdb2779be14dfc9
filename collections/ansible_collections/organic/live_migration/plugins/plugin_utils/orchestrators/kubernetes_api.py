# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a move asks of a Kubernetes API server, through the client that kubernetes.core uses as well."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

try:
    import kubernetes.config
    import urllib3.exceptions

    HAS_KUBERNETES = True
except ImportError:
    HAS_KUBERNETES = False

FIELD_MANAGER = "organic-live-migration"
_TIMEOUT_S = 10
_FORBIDDEN = 403
_TEST_FAILED = 422
"""HTTP status where the test of a JSON Patch fails (RFC 6902; the API server's Invalid)."""
_MERGE, _JSON = "merge-patch", "json-patch"
_RIGHTS = (
    ("get", "apps", "deployments", "", True),
    ("patch", "apps", "deployments", "", True),
    ("patch", "apps", "deployments", "scale", True),
    ("list", "", "pods", "", True),
    ("patch", "", "pods", "", True),
    ("get", "", "nodes", "", False),
    ("list", "", "nodes", "", False),
    ("patch", "", "nodes", "", False),
)
"""Verb, group, resource, its part, and whether it is in a namespace."""


class ApiRefused(Exception):
    """The API server refused, or does not answer.

    Attributes:
        status: of HTTP; 0 without an answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Pod:
    """A pod of a Deployment.

    Attributes:
        node: empty where it is not placed yet.
        created: time in ISO 8601.
        running: all its containers run.
        ending: it is being deleted.
        reason: why it does not run, in the words of the cluster; empty where none is given.
    """

    name: str
    node: str
    created: str
    running: bool
    ready: bool
    ending: bool
    reason: str


class KubernetesApi:
    """The API server of one kubeconfig.

    Args:
        kubeconfig: path; empty for the client's own default.
        context: of the kubeconfig; empty for its current one.

    Raises:
        ApiRefused: the client is missing, or the file is none.
    """

    def __init__(self, kubeconfig: str, context: str) -> None:
        if not HAS_KUBERNETES:
            raise ApiRefused(
                "the Python package 'kubernetes' is missing on the controller; install it beside ansible-core"
            )
        try:
            connect: Callable[..., Any] = kubernetes.config.new_client_from_config
            self._client = connect(kubeconfig or None, context or None)
        except (kubernetes.config.ConfigException, OSError, ValueError) as error:
            raise ApiRefused(f"kubeconfig {kubeconfig or '(default)'}: {error}") from None

    def _call(self, method: str, path: str, body: Any = None, patch: str = "") -> Any:
        """The JSON of an answer; None where there is no such object."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if patch:
            headers["Content-Type"] = f"application/{patch}+json"
            path += f"?fieldManager={FIELD_MANAGER}"
        # not call_api, whose arguments are others in each version of the client
        for way in self._client.configuration.auth_settings().values():
            if way["in"] == "header" and way["value"]:
                headers[way["key"]] = way["value"]
        url = self._client.configuration.host.rstrip("/") + path
        content = None if body is None else json.dumps(body)
        try:
            answer = self._client.rest_client.pool_manager.request(
                method, url, body=content, headers=headers, timeout=_TIMEOUT_S, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiRefused(str(error)) from None
        if answer.status == 404 and method == "GET":
            return None
        if answer.status >= 400:
            raise ApiRefused(_explanation(answer.status, answer.data), answer.status)
        return json.loads(answer.data)

    def deployment(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A Deployment as the API server describes it."""
        found: dict[str, Any] | None = self._call("GET", _deployment(namespace, name))
        return found

    def node(self, name: str) -> dict[str, Any] | None:
        """A node as the API server describes it."""
        found: dict[str, Any] | None = self._call("GET", f"/api/v1/nodes/{name}")
        return found

    def pods(self, namespace: str, deployment: str) -> list[Pod]:
        """The pods that the selector of a Deployment finds."""
        found = self.deployment(namespace, deployment)
        if found is None:
            raise ApiRefused(f"Deployment '{deployment}' has been deleted")
        labels = (found["spec"]["selector"].get("matchLabels") or {}).items()
        selector = "%2C".join(f"{label.replace('/', '%2F')}%3D{value}" for label, value in labels)
        listed = self._call("GET", f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")
        return [_pod_of(item) for item in listed["items"]]

    def annotate_deployment(self, namespace: str, name: str, annotations: dict[str, str | None]) -> None:
        """Set annotations, or remove those that are None."""
        self._call("PATCH", _deployment(namespace, name), {"metadata": {"annotations": annotations}}, patch=_MERGE)

    def annotate_pod(self, namespace: str, name: str, annotations: dict[str, str | None]) -> None:
        """The same of a pod."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        self._call("PATCH", path, {"metadata": {"annotations": annotations}}, patch=_MERGE)

    def label_node(self, name: str, labels: dict[str, str | None]) -> None:
        """Set labels of a node, or remove those that are None."""
        self._call("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": labels}}, patch=_MERGE)

    def scale(self, namespace: str, name: str, replicas: int, expected: int) -> bool:
        """Have a Deployment run so many pods; False, and nothing is changed, unless it is scaled as expected now."""
        patch = [
            {"op": "test", "path": "/spec/replicas", "value": expected},
            {"op": "replace", "path": "/spec/replicas", "value": replicas},
        ]
        try:
            self._call("PATCH", f"{_deployment(namespace, name)}/scale", patch, patch=_JSON)
        except ApiRefused as error:
            if error.status == _TEST_FAILED:
                return False
            raise
        return True

    def deployments(self, namespace: str) -> list[dict[str, Any]]:
        """Those of all namespaces, or of this one if the user may not read others."""
        try:
            return list(self._call("GET", "/apis/apps/v1/deployments")["items"])
        except ApiRefused as error:
            if error.status != _FORBIDDEN or not namespace:
                raise
        return list(self._call("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"])

    def pods_on(self, namespace: str, node: str) -> list[dict[str, Any]]:
        """All of a namespace on a node, as the API server describes them."""
        path = f"/api/v1/namespaces/{namespace}/pods?fieldSelector=spec.nodeName%3D{node}"
        return list(self._call("GET", path)["items"])

    def labelled_nodes(self, label: str, value: str) -> list[str]:
        """Names of the nodes that have a label of this value."""
        selector = f"{label.replace('/', '%2F')}%3D{value}"
        return [
            one["metadata"]["name"] for one in self._call("GET", f"/api/v1/nodes?labelSelector={selector}")["items"]
        ]

    def autoscalers(self, namespace: str) -> list[dict[str, Any]] | None:
        """The HorizontalPodAutoscalers of a namespace; None if the user may not read them."""
        return self._readable(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")

    def all_pods_on(self, node: str) -> list[dict[str, Any]] | None:
        """The pods of all namespaces on a node; None if the user may not read them."""
        return self._readable(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")

    def claims(self, namespace: str) -> list[dict[str, Any]] | None:
        """The PersistentVolumeClaims of a namespace; None if the user may not read them."""
        return self._readable(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")

    def services(self, namespace: str) -> list[dict[str, Any]] | None:
        """The Services of a namespace; None if the user may not read them."""
        return self._readable(f"/api/v1/namespaces/{namespace}/services")

    def _readable(self, path: str) -> list[dict[str, Any]] | None:
        try:
            found = self._call("GET", path)
        except ApiRefused as error:
            if error.status == _FORBIDDEN:
                return None
            raise
        return [] if found is None else list(found["items"])

    def missing_rights(self, namespace: str) -> list[str]:
        """What this user may not do and a move needs, in words."""
        missing = []
        for verb, group, resource, part, is_namespaced in _RIGHTS:
            attributes = {"verb": verb, "group": group, "resource": resource, "subresource": part}
            if is_namespaced:
                attributes["namespace"] = namespace
            body = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
            answer = self._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
            if not answer["status"].get("allowed"):
                missing.append(f"{verb} {resource}{'/' + part if part else ''}")
        return missing


def _deployment(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


def _explanation(status: int, answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (KeyError, TypeError, ValueError):
        return f"HTTP status {status}"


def _pod_of(item: dict[str, Any]) -> Pod:
    status = item.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    containers = status.get("containerStatuses", ())
    waiting = [one["state"]["waiting"] for one in containers if "waiting" in one.get("state", {})]
    reasons = [f"{one.get('reason', '')}: {one.get('message', '')}".rstrip(": ") for one in waiting]
    if conditions.get("PodScheduled", {}).get("status") == "False":
        reasons.append(str(conditions["PodScheduled"].get("message", "")))
    return Pod(
        name=item["metadata"]["name"],
        node=item["spec"].get("nodeName", ""),
        created=item["metadata"]["creationTimestamp"],
        running=bool(containers) and all("running" in one.get("state", {}) for one in containers),
        ready=conditions.get("Ready", {}).get("status") == "True",
        ending="deletionTimestamp" in item["metadata"],
        reason="; ".join(reasons),
    )
