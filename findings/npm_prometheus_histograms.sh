#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# parse-prometheus-text-format 1.1.1 (npm), which reads what a server exposes for Prometheus, "compatible with prom2json".
#
# A histogram or a summary has labels of its own beside "le" and "quantile": one series for each DNN, path or peer. Expected: one entry
# for each, with its labels, buckets, count and sum. Seen, without an error: one entry for all of them. Its buckets are those of the last
# series, and there are neither labels nor count nor sum. The README has a histogram without labels, which is right. A summary of count and
# sum alone is right as well, and so are counters and gauges.
# From N3 with 1 slow session of 2 and N9 with 5 of 9, only 5 of 9 is left, of nobody knows what.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" parse-prometheus-text-format@1.1.1 >/dev/null
cat >main.js <<'JS'
const assert = require("assert");
const parse = require("parse-prometheus-text-format");

function expect(what, text, expected) {
  const [family] = parse(text.join("\n") + "\n");
  console.log(`${what}: ${JSON.stringify(family.metrics)}`);
  assert.deepStrictEqual(family.metrics, expected, "it is no longer as described");
}

const histogram = (labels, slow, all, sum) => [
  `delay_bucket{${labels}le="1"} ${slow}`,
  `delay_bucket{${labels}le="+Inf"} ${all}`,
  `delay_sum${labels && `{${labels}}`} ${sum}`,
  `delay_count${labels && `{${labels}}`} ${all}`,
];
const type = (name) => `# TYPE delay ${name}`;

expect("histogram without labels", [type("histogram"), ...histogram("", 1, 2, 3)], [
  { buckets: { 1: "1", "+Inf": "2" }, count: "2", sum: "3" },
]);
expect("histogram with a label", [type("histogram"), ...histogram('interface="N3",', 1, 2, 3)], [
  { buckets: { 1: "1", "+Inf": "2" } },
]);
expect(
  "histogram of two series",
  [type("histogram"), ...histogram('interface="N3",', 1, 2, 3), ...histogram('interface="N9",', 5, 9, 30)],
  [{ buckets: { 1: "5", "+Inf": "9" } }],
);

const summary = (label, median) => [
  `delay{${label},quantile="0.5"} ${median}`,
  `delay_sum{${label}} 3`,
  `delay_count{${label}} 2`,
];
expect(
  "summary of two series",
  [type("summary"), ...summary('interface="N3"', 1), ...summary('interface="N9"', 4)],
  [{ quantiles: { 0.5: "4" } }],
);
expect("counter of two series", ["# TYPE sent counter", 'sent{interface="N3"} 1', 'sent{interface="N9"} 2'], [
  { value: "1", labels: { interface: "N3" } },
  { value: "2", labels: { interface: "N9" } },
]);
JS
node main.js
