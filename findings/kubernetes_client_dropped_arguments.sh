#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kubernetes 37.0.2 (PyPI), the client, whose models are pydantic's now: fields whose names are words of Python, such as "from" and
# "except" of a NetworkPolicy and "not" of a CustomResourceDefinition.
#
# The field is called var_from: so does str() print it, so do type checkers and editors complete it, and it is read and set by that
# name. Expected: the constructor takes it too, or refuses it, as it refuses every other name that it does not know. Seen: it drops
# the argument without a word. A NetworkPolicy that is to let in one network has an empty rule, which lets in all; one that is to leave out
# a range does not. Up to version 35 the name was an error. Write _from and _except in the constructor.
# A mapping that is given (labels) is also copied since, so that what is put into it afterwards is not seen.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check kubernetes==37.0.2
"$scratch/venv/bin/python" - <<'PYTHON'
from kubernetes.client import ApiClient, V1IPBlock, V1NetworkPolicyIngressRule, V1NetworkPolicyPeer, V1ObjectMeta


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


sent = ApiClient().sanitize_for_serialization
block = V1IPBlock(cidr="10.0.0.0/8")
peers = [V1NetworkPolicyPeer(ip_block=block)]
right = {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}
expect("_from", sent(V1NetworkPolicyIngressRule(_from=peers)), right)
expect("var_from", sent(V1NetworkPolicyIngressRule(var_from=peers)), {})
expect("var_except", sent(V1IPBlock(cidr="10.0.0.0/8", var_except=["10.1.0.0/16"])), {"cidr": "10.0.0.0/8"})

rule = V1NetworkPolicyIngressRule()
expect("str()", str(rule), "var_from=None ports=None")
rule.var_from = peers
expect("var_from, set afterwards", sent(rule), right)

try:
    V1NetworkPolicyIngressRule(var_form=peers)
except ValueError as error:
    print("another unknown name:", str(error).splitlines()[2].strip())
else:
    raise SystemExit("it is no longer as described")

labels = {"app": "smf"}
metadata = V1ObjectMeta(labels=labels)
labels["release"] = "1"
expect("labels", sent(metadata), {"labels": {"app": "smf"}})
PYTHON
