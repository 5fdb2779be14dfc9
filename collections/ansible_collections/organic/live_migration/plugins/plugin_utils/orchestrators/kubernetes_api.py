# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a move asks of a Kubernetes API server, through the client that kubernetes.core uses as well."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.organic.live_migration.plugins.module_utils import decoded
from ansible_collections.organic.live_migration.plugins.module_utils.decoded import JsonObject

try:
    import kubernetes.config
    import urllib3.exceptions

    HAS_KUBERNETES = True
except ImportError:
    HAS_KUBERNETES = False

FIELD_MANAGER = "organic-live-migration"
_TIMEOUT_S = 10
_FORBIDDEN, _NOT_FOUND = 403, 404
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

    def _get(self, path: str) -> JsonObject | None:
        """An object; None where there is none."""
        try:
            return self._call("GET", path)
        except ApiRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _listed(self, path: str) -> list[JsonObject]:
        return decoded.sections(self._call("GET", path), "items")

    def _call(self, method: str, path: str, body: object = None, patch: str = "") -> JsonObject:
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
        if answer.status >= 400:
            raise ApiRefused(_explanation(answer.status, answer.data), answer.status)
        return decoded.parse(answer.data)

    def deployment(self, namespace: str, name: str) -> JsonObject | None:
        """A Deployment as the API server describes it."""
        return self._get(_deployment(namespace, name))

    def node(self, name: str) -> JsonObject | None:
        """A node as the API server describes it."""
        return self._get(f"/api/v1/nodes/{name}")

    def pods(self, namespace: str, deployment: str) -> list[Pod]:
        """The pods that the selector of a Deployment finds."""
        found = self.deployment(namespace, deployment)
        if found is None:
            raise ApiRefused(f"Deployment '{deployment}' has been deleted")
        labels = decoded.labels(found, "spec", "selector", "matchLabels").items()
        selector = "%2C".join(f"{label.replace('/', '%2F')}%3D{value}" for label, value in labels)
        return [_pod_of(item) for item in self._listed(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")]

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

    def deployments(self, namespace: str) -> list[JsonObject]:
        """Those of all namespaces, or of this one if the user may not read others."""
        try:
            return self._listed("/apis/apps/v1/deployments")
        except ApiRefused as error:
            if error.status != _FORBIDDEN or not namespace:
                raise
        return self._listed(f"/apis/apps/v1/namespaces/{namespace}/deployments")

    def pods_on(self, namespace: str, node: str) -> list[JsonObject]:
        """All of a namespace on a node, as the API server describes them."""
        return self._listed(f"/api/v1/namespaces/{namespace}/pods?fieldSelector=spec.nodeName%3D{node}")

    def labelled_nodes(self, label: str, value: str) -> list[str]:
        """Names of the nodes that have a label of this value."""
        selector = f"{label.replace('/', '%2F')}%3D{value}"
        return [
            decoded.text(one, "metadata", "name") for one in self._listed(f"/api/v1/nodes?labelSelector={selector}")
        ]

    def autoscalers(self, namespace: str) -> list[JsonObject] | None:
        """The HorizontalPodAutoscalers of a namespace; None if the user may not read them."""
        return self._readable(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")

    def all_pods_on(self, node: str) -> list[JsonObject] | None:
        """The pods of all namespaces on a node; None if the user may not read them."""
        return self._readable(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")

    def claims(self, namespace: str) -> list[JsonObject] | None:
        """The PersistentVolumeClaims of a namespace; None if the user may not read them."""
        return self._readable(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")

    def services(self, namespace: str) -> list[JsonObject] | None:
        """The Services of a namespace; None if the user may not read them."""
        return self._readable(f"/api/v1/namespaces/{namespace}/services")

    def _readable(self, path: str) -> list[JsonObject] | None:
        try:
            return self._listed(path)
        except ApiRefused as error:
            if error.status == _NOT_FOUND:  # the cluster has no such resource
                return []
            if error.status == _FORBIDDEN:
                return None
            raise

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
            if not decoded.value(answer, "status", "allowed"):
                missing.append(f"{verb} {resource}{'/' + part if part else ''}")
        return missing


def _deployment(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


def _explanation(status: int, answer: bytes) -> str:
    try:
        return decoded.text(decoded.parse(answer), "message")
    except ValueError:
        return f"HTTP status {status}"


def _pod_of(item: JsonObject) -> Pod:
    conditions = {decoded.text(one, "type"): one for one in decoded.sections(item, "status", "conditions")}
    containers = [decoded.section(one, "state") for one in decoded.sections(item, "status", "containerStatuses")]
    waiting = [decoded.section(state, "waiting") for state in containers if "waiting" in state]
    reasons = [
        f"{decoded.text(one, 'reason', default='')}: {decoded.text(one, 'message', default='')}".rstrip(": ")
        for one in waiting
    ]
    scheduled, ready = (conditions.get(name, {}) for name in ("PodScheduled", "Ready"))
    if decoded.value(scheduled, "status") == "False":
        reasons.append(decoded.text(scheduled, "message", default=""))
    return Pod(
        name=decoded.text(item, "metadata", "name"),
        node=decoded.text(item, "spec", "nodeName", default=""),
        created=decoded.text(item, "metadata", "creationTimestamp"),
        running=bool(containers) and all("running" in state for state in containers),
        ready=decoded.value(ready, "status") == "True",
        ending=decoded.value(item, "metadata", "deletionTimestamp") is not None,
        reason="; ".join(reasons),
    )
