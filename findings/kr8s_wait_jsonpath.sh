#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kr8s 0.20.15 (PyPI), a client of Kubernetes that is modelled on kubectl: wait("jsonpath='{...}'=value").
#
# - What is waited for is mostly not there yet: status.podIP, an address of a load balancer. Expected: wait() waits, as "kubectl wait" does
#   with the same condition. Seen: it ends at once with "ValueError: not enough values to unpack". A pod that has its address already is fine,
#   and so tests pass where the cluster is quick.
# - A boolean. Expected: {.spec.hostNetwork}=true is met, as with kubectl. Seen: only {.spec.hostNetwork}=True is, as Python's spelling is
#   compared. Conditions such as "condition=Ready=false" accept false and False.
#
# The API server is a stand-in with one pod. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check kr8s==0.20.15
timeout 120 venv/bin/python - <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kr8s
from kr8s.objects import Pod

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "upf", "namespace": "core", "uid": "1", "resourceVersion": "5"},
    "spec": {"hostNetwork": True, "containers": []},
    "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}]},
}
PODS = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list", "watch"]}
ANSWERS = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [PODS]},
    "/apis": {"kind": "APIGroupList", "groups": []},
    "/api/v1/namespaces/core/pods/upf": POD,
}
ended = threading.Event()


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        watched = "watch=" in query
        answer = {"type": "ADDED", "object": POD} if watched else ANSWERS[path.rstrip("/")]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode() + b"\n")
        if watched:
            ended.wait()

    def log_message(self, *arguments):
        pass


def outcome(condition):
    try:
        pod.wait(condition, timeout=2)
    except (TimeoutError, ValueError) as error:
        return f"{type(error).__name__} {error}".strip()
    return "met"


def expect(condition, expected):
    seen = outcome(condition)
    print(f"{condition}: {seen}")
    assert seen == expected, f"it was {expected}"


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
pod = Pod(POD, api=kr8s.api(url=f"http://127.0.0.1:{server.server_port}"))
expect("jsonpath='{.status.phase}'=Pending", "met")
expect("jsonpath='{.status.phase}'=Running", "TimeoutError")
expect("jsonpath='{.status.podIP}'=10.0.0.1", "ValueError not enough values to unpack (expected 1, got 0)")
expect("jsonpath='{.spec.hostNetwork}'=true", "TimeoutError")
expect("jsonpath='{.spec.hostNetwork}'=True", "met")
expect("condition=Ready=false", "met")
expect("condition=Ready=False", "met")
ended.set()
PYTHON
