#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# podman 5.8.0 (PyPI, "podman-py"): what containers.create() asks Podman for.
#
# - nano_cpus is described as "CPU quota in units of 1e-9 CPUs". Expected: that quota, or an error, as for the twelve arguments that the
#   library says are "not supported". Seen: it is left out, and the container has no limit. cpu_quota and cpu_period are sent.
# - mounts are "expected to be a Mount object". Expected: one of docker-py is understood whole, as its Target, Source and Type are. Seen: its
#   ReadOnly and the propagation of its BindOptions are left out: a host's folder that was to be read only can be written.
# - extended_mode and mode of volumes are described as usable together. Seen: mode is appended to the caller's own list: where two volumes
#   share a list of options, both get the modes of both ("noexec ro rw"), and a list that is used again grows.
# No error in any case.
#
# Podman's service is a stand-in of some lines that keeps what is posted. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check podman==5.8.0 docker==7.2.0
"$scratch/venv/bin/python" - <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from docker.types import Mount
from podman import PodmanClient

posted = []


class Service(BaseHTTPRequestHandler):
    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {"Id": "created", "Name": "created"})

    def do_POST(self):
        posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(201, {"Id": "created", "Warnings": []})

    def log_message(self, *arguments):
        pass


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
with PodmanClient(base_url=f"tcp://127.0.0.1:{server.server_port}") as client:

    def asked(**options):
        client.containers.create("upf:1", **options)
        return posted.pop()

    limits = asked(cpu_quota=50000, cpu_period=100000)["resource_limits"]["cpu"]
    expect("half a CPU as a quota", limits, {"quota": 50000, "period": 100000})
    body = asked(nano_cpus=500_000_000)
    expect("half a CPU as nano_cpus", (body.get("resource_limits", {}).get("cpu"), "nano" in json.dumps(body)), (None, False))

    [mount] = asked(mounts=[{"type": "bind", "source": "/etc/upf", "target": "/etc/upf", "read_only": True}])["mounts"]
    expect("a mount as in the description", mount["options"], ["ro"])
    [mount] = asked(mounts=[Mount("/etc/upf", "/etc/upf", type="bind", read_only=True, propagation="rslave")])["mounts"]
    expect("Mount of docker-py", (mount["type"], mount["destination"], mount["options"]), ("bind", "/etc/upf", []))

    common = ["noexec"]
    body = asked(volumes={
        "configuration": {"bind": "/etc/upf", "extended_mode": common, "mode": "ro"},
        "state": {"bind": "/var/lib/upf", "extended_mode": common, "mode": "rw"},
    })
    seen = {volume["Name"]: volume["Options"] for volume in body["volumes"]}
    expect("two volumes with a list", seen, dict.fromkeys(("configuration", "state"), ["noexec", "ro", "rw"]))
    expect("the caller's list", common, ["noexec", "ro", "rw"])
PYTHON
