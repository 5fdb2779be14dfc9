#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# openapi-python-client 0.29.1 (PyPI), which makes a client out of an OpenAPI file: query parameters as 3GPP's files have them.
#
# - "explode: false" (service-names of TS 29.510, dataset-names of TS 29.503): the items of an array are one text with commas (OpenAPI 3.0,
#   parameter object, style "form"). Expected: service-names=nudm-sdm,nudm-uecm, or an error. Seen: service-names=nudm-sdm&
#   service-names=nudm-uecm, as if explode were true. A server that follows the file takes one of the two, or refuses the request.
# - "content: application/json" in place of "schema" (snssais of TS 29.510, single-nssai of TS 29.503): the value is JSON. Expected: that, or
#   that the generator says what it leaves out, as it does elsewhere. Seen: the function has no such parameter, and there is no warning: an
#   NRF is asked for all SMFs in place of those of a slice.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1 ruff==0.15.0
cat >nrf.yaml <<'YAML'
openapi: 3.0.0
info: {title: NRF, version: 1.0.0}
paths:
  /nf-instances:
    get:
      operationId: SearchNFInstances
      tags: [discovery]
      parameters:
        - name: target-nf-type
          in: query
          required: true
          schema: {type: string}
        - name: service-names
          in: query
          style: form
          explode: false
          schema: {type: array, items: {type: string}, minItems: 2}
        - name: snssais
          in: query
          content:
            application/json:
              schema: {type: array, items: {$ref: '#/components/schemas/Snssai'}}
      responses:
        '204': {description: none}
components:
  schemas:
    Snssai:
      type: object
      required: [sst]
      properties:
        sst: {type: integer}
YAML
PATH=$scratch/venv/bin:$PATH venv/bin/openapi-python-client generate --path nrf.yaml --meta none --output-path nrf --fail-on-warning >log 2>&1 ||
  { cat log; exit 1; }
venv/bin/python - <<'PYTHON'
import inspect
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from nrf.api.discovery import search_nf_instances
from nrf.client import Client

asked = []


class Nrf(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


server = HTTPServer(("127.0.0.1", 0), Nrf)
threading.Thread(target=server.serve_forever, daemon=True).start()
with Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
    search_nf_instances.sync_detailed(client=client, target_nf_type="UDM", service_names=["nudm-sdm", "nudm-uecm"])
expect("two services", asked, ["/nf-instances?target-nf-type=UDM&service-names=nudm-sdm&service-names=nudm-uecm"])
parameters = list(inspect.signature(search_nf_instances.sync_detailed).parameters)
expect("parameters", parameters, ["client", "target_nf_type", "service_names"])
PYTHON
