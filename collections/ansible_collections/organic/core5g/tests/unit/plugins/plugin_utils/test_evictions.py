# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evictions. The API server is fake: a budget that allows one pod at a time; tests/kubernetes has a real one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.organic.core5g.plugins.plugin_utils import evictions
from ansible_collections.organic.core5g.plugins.plugin_utils.kubernetes_cluster import ApiError

OWNED = [{"kind": "ReplicaSet", "name": "web", "controller": True}]


def pod(name: str, **changes: Any) -> dict[str, Any]:
    metadata = {"namespace": "web", "name": name, "uid": f"uid-{name}", "ownerReferences": OWNED}
    return {"metadata": {**metadata, **changes.pop("metadata", {})}, "spec": {}, "status": {}, **changes}


class OneAtATime:
    """Lets a pod go when the one before it has gone, which is seen at the next look."""

    def __init__(self, pods: list[dict[str, Any]], is_closed: bool = False) -> None:
        self.pods = {one["metadata"]["name"]: one for one in pods}
        self.going: list[str] = []
        self.asked: list[str] = []
        self.is_closed = is_closed

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            for name in self.going:
                del self.pods[name]
            self.going = []
            return {"items": list(self.pods.values())}
        name = path.split("/")[-2]
        assert body["deleteOptions"]["preconditions"]["uid"] == f"uid-{name}"
        self.asked.append(name)
        if self.is_closed or self.going:
            raise ApiError("Cannot evict pod as it would violate the pod's disruption budget.", 429)
        self.going = [name]
        return {}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evictions, "_POLL_S", 0.001)


def test_what_a_budget_refuses_is_asked_for_again() -> None:
    api = OneAtATime([pod("a"), pod("b"), pod("c", metadata={"labels": {"organic.core5g/nf": "nssf"}})])
    done = evictions.evict(api, "edge-a", 10)
    assert (done.evicted, done.left) == (["web/a", "web/b", "web/c"], [])
    assert api.asked.count("c") > 1


def test_what_stays_is_named_and_not_asked() -> None:
    daemon = [{"kind": "DaemonSet", "name": "cni", "controller": True}]
    pods = [
        pod(
            "nf",
            metadata={"labels": {"organic.core5g/nf": "smf"}},
            spec={"nodeSelector": {"organic.core5g/web.smf": "here"}},
        ),
        pod("daemon", metadata={"ownerReferences": daemon}),
        pod("static", metadata={"annotations": {"kubernetes.io/config.mirror": "x"}}),
        pod("job", status={"phase": "Succeeded"}),
        pod("bare", metadata={"ownerReferences": []}),
        pod("local", spec={"volumes": [{"name": "cache", "emptyDir": {}}]}),
    ]
    api = OneAtATime(pods)
    done = evictions.evict(api, "edge-a", 10)
    assert (done.evicted, api.asked) == ([], [])
    bare, local = done.left
    assert bare.startswith("web/bare: it belongs to nothing")
    assert local.startswith("web/local: its volume cache (emptyDir)")


def test_a_budget_that_never_allows_it_is_the_reason() -> None:
    done = evictions.evict(OneAtATime([pod("a")], is_closed=True), "edge-a", 0.01)
    assert (done.evicted, done.left) == (
        [],
        ["web/a: Cannot evict pod as it would violate the pod's disruption budget."],
    )


def test_what_the_api_server_refuses_otherwise_is_raised() -> None:
    class Forbidding(OneAtATime):
        def call(self, method: str, path: str, body: Any = None) -> Any:
            if method == "POST":
                raise ApiError("forbidden", 403)
            return super().call(method, path, body)

    with pytest.raises(ApiError, match="forbidden"):
        evictions.evict(Forbidding([pod("a")]), "edge-a", 10)
