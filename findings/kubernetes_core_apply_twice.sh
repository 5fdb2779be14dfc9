#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kubernetes.core 6.2.0 (in PyPI's ansible 12.3.0; 6.6.0 has the same code): the module k8s with "apply: true", whose patch apply_patch()
# makes out of the definition, the one applied last (an annotation) and what the cluster has.
#
# A Service or a container may have one port number for two protocols: 443 of TCP and UDP for HTTP/3, 53 for DNS.
# Expected: the same definition again changes nothing, as apply "compares the desired resource definition with the previously supplied"
# one. Seen: ports are told apart by their number alone (the API's patchMergeKey; its x-kubernetes-list-map-keys have the protocol as
# well), and the patch is sent as a merge patch, in which a list replaces the list (RFC 7396). The first run creates both ports, the second one removes all but the last.
# No error; the task is "changed". Use server_side_apply, whose lists have both keys.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14
venv/bin/pip download --quiet --disable-pip-version-check --no-deps ansible==12.3.0
python3 - <<'PYTHON'
import zipfile
from pathlib import Path

with zipfile.ZipFile(next(Path().glob("ansible-*.whl"))) as wheel:
    wheel.extractall(members=[name for name in wheel.namelist() if name.startswith("ansible_collections/kubernetes/core/")])
PYTHON
grep '"version": "6.2.0"' ansible_collections/kubernetes/core/MANIFEST.json
PYTHONPATH=$scratch venv/bin/python - <<'PYTHON'
from ansible.module_utils.common.dict_transformations import dict_merge
from ansible_collections.kubernetes.core.plugins.module_utils.apply import annotate, apply_patch


def applied_again(definition):
    """The spec in the patch of a second run, where the cluster has what the first one created, and nothing else."""
    in_cluster = dict_merge(definition, annotate(definition))
    return apply_patch(in_cluster, definition)[1]["spec"]


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


def service(*ports):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nrf"}, "spec": {"ports": list(ports)}}


metrics = {"name": "metrics", "port": 9090, "protocol": "TCP"}
http2 = {"name": "http2", "port": 443, "protocol": "TCP"}
http3 = {"name": "http3", "port": 443, "protocol": "UDP"}
expect("two numbers", applied_again(service(http2, metrics))["ports"], [http2, metrics])
expect("one number, two protocols", applied_again(service(http2, http3))["ports"], [http3])

udp, tcp = ({"containerPort": 53, "protocol": protocol} for protocol in ("UDP", "TCP"))
pod = {"containers": [{"name": "dns", "image": "dns", "ports": [udp, tcp]}]}
deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dns"}, "spec": {"template": {"spec": pod}}}
[container] = applied_again(deployment)["template"]["spec"]["containers"]
expect("a container", container["ports"], [tcp])
PYTHON
