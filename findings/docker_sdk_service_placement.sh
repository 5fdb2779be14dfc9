#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docker 7.2.0 (PyPI), the SDK: Service.update(), "similar to the docker service update command", whose parameters constraints, preferences,
# platforms and maxreplicas say where the tasks of a service may run.
#
# Expected: a parameter that is not given stays as it is, as with env, labels, user and the other ones, and as with the command's
# --replicas-max-per-node. Seen: maxreplicas or constraints alone drops the other three without a warning. update(maxreplicas=1) takes away the constraints,
# so that the manager may start tasks on every node, and the platforms that the command had found for the image.
# Read attrs["Spec"]["TaskTemplate"]["Placement"] and give all four again; platforms as (architecture, os) pairs, not as found there.
#
# The manager of the swarm is a stand-in of some lines that shows one service and keeps what is posted.
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check docker==7.2.0
"$scratch/venv/bin/python" - <<'PYTHON'
import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import docker

PLACEMENT = {
    "Constraints": ["node.labels.n6 == yes"],
    "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}],
    "MaxReplicas": 2,
    "Platforms": [{"Architecture": "amd64", "OS": "linux"}],
}
CONTAINER = {"Image": "upf:1", "Env": ["LOG=info"], "User": "upf"}
SERVICE = {
    "ID": "upf",
    "Version": {"Index": 7},
    "Spec": {
        "Name": "upf",
        "Mode": {"Replicated": {"Replicas": 2}},
        "TaskTemplate": {"ContainerSpec": CONTAINER, "Placement": PLACEMENT},
    },
}
posted = []


class Manager(BaseHTTPRequestHandler):
    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(SERVICE)

    def do_POST(self):
        posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["TaskTemplate"])
        self.answer({"Warnings": None})

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), Manager)
threading.Thread(target=server.serve_forever, daemon=True).start()
service = docker.DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.48").services.get("upf")


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def placement_after(**given):
    service.update(**copy.deepcopy(given))
    template = posted.pop()
    return {name: value for name, value in template["Placement"].items() if value}, template["ContainerSpec"]


expect("user", placement_after(user="root"), (PLACEMENT, {**CONTAINER, "User": "root"}))
expect("maxreplicas", placement_after(maxreplicas=1), ({"MaxReplicas": 1}, CONTAINER))
constraints = ["node.labels.n6 == yes", "node.role == worker"]
expect("constraints", placement_after(constraints=constraints), ({"Constraints": constraints}, CONTAINER))
PYTHON
