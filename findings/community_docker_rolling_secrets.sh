#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# community.docker 4.8.5 (in PyPI's ansible 12.3.0; 5.4.0 has the same condition): the module docker_secret with rolling_versions, which
# numbers the versions of a secret (n4_v1, n4_v2, ...) and removes old ones. docker_config has the same code.
#
# Its own secrets have a label with the version. Expected: only those are old versions, or only names that end in _v and a number. Seen:
# every secret whose name begins with the name and "_v" is taken for one: for "n4" also "n4_vault_key" and "n4_vpn_psk". Without a label
# they are the oldest version, 0, so that "state: present" removes them first once there are more than versions_to_keep (5), in a run that
# reports no change as well, and "state: absent" removes all of them. No warning. The engine refuses only what a service uses.
# Workaround: no other secret's name may begin with NAME_v.
#
# The manager of the swarm is a stand-in of some lines that lists, creates and removes secrets as the Engine API says.
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
manager=
trap '[ -z "$manager" ] || kill "$manager"; rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14 docker==7.1.0
venv/bin/pip download --quiet --disable-pip-version-check --no-deps ansible==12.3.0
python3 - <<'PYTHON'
import zipfile
from pathlib import Path

with zipfile.ZipFile(next(Path().glob("ansible-*.whl"))) as wheel:
    wanted = ("ansible_collections/community/docker/", "ansible_collections/community/library_inventory_filtering_v1/")
    wheel.extractall(members=[name for name in wheel.namelist() if name.startswith(wanted)])
PYTHON
grep '"version"' ansible_collections/community/docker/MANIFEST.json
cat >manager.py <<'PYTHON'
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

secrets = {}  # by ID
numbers = count()


class Manager(BaseHTTPRequestHandler):
    def answer(self, status, content=None):
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        address = urlsplit(self.path)
        if address.path.endswith("/version"):
            self.answer(200, {"Version": "28.0.0", "ApiVersion": "1.48", "MinAPIVersion": "1.24"})
        elif address.path.endswith("/secrets"):
            filters = json.loads(parse_qs(address.query).get("filters", ["{}"])[0])
            names, ids = filters.get("name", [""]), filters.get("id", [""])
            self.answer(200, [
                secret for secret in secrets.values()
                if secret["Spec"]["Name"].startswith(tuple(names)) and secret["ID"].startswith(tuple(ids))
            ])
        else:
            self.answer(404, {"message": self.path})

    def do_POST(self):
        spec = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        created = f"{next(numbers):025}"
        secrets[created] = {"ID": created, "Version": {"Index": 1}, "Spec": spec}
        self.answer(201, {"ID": created})

    def do_DELETE(self):
        del secrets[urlsplit(self.path).path.rpartition("/")[2]]
        self.answer(204)

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), Manager)
Path("port").write_text(str(server.server_port))
server.serve_forever()
PYTHON
mkfifo port
python3 manager.py &
manager=$!
port=$(timeout 20 cat port)
cat >play.yml <<'YAML'
- hosts: localhost
  gather_facts: false
  module_defaults:
    community.docker.docker_secret: {docker_host: "tcp://127.0.0.1:{{ port }}"}
  tasks:
    - name: Secrets of others
      community.docker.docker_secret: {name: "{{ item }}", data: x}
      loop: [n4_vault_key, n4_vpn_psk, n4_key, n6_vault_key]
    - name: Two versions, and the second one once more
      community.docker.docker_secret: {name: n4, data: "{{ item.0 }}", rolling_versions: true, versions_to_keep: "{{ item.1 }}"}
      loop: [[first, 4], [second, 4], [second, 3]]
      register: rolled
    - include_tasks: {file: list.yml}
      vars: {when_seen: "after {{ rolled.results | map(attribute='changed') | join(', ') }}"}
    - community.docker.docker_secret: {name: n4, rolling_versions: true, state: absent}
    - include_tasks: {file: list.yml}
      vars: {when_seen: after absent}
YAML
cat >list.yml <<'YAML'
- uri: {url: "http://127.0.0.1:{{ port }}/secrets"}
  register: listed
- debug:
    msg: "{{ when_seen }}: {{ listed.json | map(attribute='Spec.Name') | sort | join(' ') }}"
YAML
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_HOME=$scratch/home ANSIBLE_COLLECTIONS_PATH=$scratch ANSIBLE_NOCOLOR=true
venv/bin/ansible-playbook -i localhost, -c local -e ansible_python_interpreter="$scratch/venv/bin/python" -e port="$port" play.yml \
  >log 2>&1 || { cat log; exit 1; }
grep -oE 'after [^"]*' log | tee seen
diff seen - <<'SEEN'
after True, True, False: n4_key n4_v1 n4_v2 n4_vpn_psk n6_vault_key
after absent: n4_key n6_vault_key
SEEN
