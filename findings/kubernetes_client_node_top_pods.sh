#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# @kubernetes/client-node 2.0.1 (npm): topPods(), for what "kubectl top pod" shows, with the requests and limits beside it.
#
# - The memory that a pod requests. Expected: the sum over its containers, as it is for the processor, and for the limits of both.
#   Seen: the limits of all containers before the last one, plus the request of the last: of two containers that request 64 MiB and may use
#   1 GiB each it is 1088 MiB in place of 128. Pods of one container are right, and so are the containers themselves.
# - All namespaces (no namespace given). Expected: each pod's own usage. Seen: a pod is looked up among the metrics by its name alone.
#   Pods of a StatefulSet have the same names in each namespace (upf-0), and all of them show the usage of the last one in the list.
# No error in either case. Ask for one namespace at a time, and add the memory up from the containers.
#
# The clients for pods and metrics are stand-ins that list two pods. Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" @kubernetes/client-node@2.0.1 >/dev/null
cat >main.mjs <<'JS'
import assert from "node:assert";
import { topPods } from "./node_modules/@kubernetes/client-node/dist/top.js";

const names = ["core", "log"];
const pod = (namespace) => ({
  metadata: { name: "upf-0", namespace },
  spec: {
    containers: names.map((name) => ({
      name,
      resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "1", memory: "1Gi" } },
    })),
  },
});
const metrics = (namespace, memory) => ({
  metadata: { name: "upf-0", namespace },
  containers: names.map((name) => ({ name, usage: { cpu: "1m", memory } })),
});
const usage = { east: "10Mi", west: "50Mi" };
const list = (make) => async () => ({ items: Object.keys(usage).map(make) });
const api = { listPodForAllNamespaces: list(pod) };

const MiB = 2n ** 20n;
const inMiB = (octets) => Number(BigInt(octets) / MiB);
const pods = await topPods(api, { getPodMetrics: list((one) => metrics(one, usage[one])) });

const seen = pods.map(({ Pod, CPU, Memory, Containers }) => ({
  namespace: Pod.metadata.namespace,
  "CPU requested": CPU.RequestTotal,
  "MiB requested": inMiB(Memory.RequestTotal),
  "of its containers": Containers.map((one) => inMiB(one.MemoryUsage.RequestTotal)).join(" + "),
  "MiB limit": inMiB(Memory.LimitTotal),
  "MiB used": inMiB(Memory.CurrentUsage),
  "by the metrics": 2 * parseInt(usage[Pod.metadata.namespace]),
}));
console.table(seen);
const alike = { "CPU requested": 0.2, "MiB requested": 1088, "of its containers": "64 + 64", "MiB limit": 2048, "MiB used": 100 };
assert.deepStrictEqual(seen, [
  { namespace: "east", ...alike, "by the metrics": 20 },
  { namespace: "west", ...alike, "by the metrics": 100 },
], "it is no longer as described");
JS
node main.mjs
