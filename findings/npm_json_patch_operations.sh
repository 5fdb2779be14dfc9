#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# json8-patch 1.0.6, jsonpatch 3.1.0 and immutable-json-patch 6.0.3 (npm), beside fast-json-patch 3.1.1 and rfc6902 5.4.0: the same JSON
# Patch on the same document, as an NF changes its profile at the NRF (TS 29.510, NFUpdate).
#
# Expected: what RFC 6902 says, as from the last two. Seen:
# - copy is the same as add with the value (clause 4.5). json8-patch: the copy and the original stay one object, and what a later operation
#   does to one of them happens to the other, too. It "passes the entire" public test suite.
# - test: objects are equal if they have the same members (clause 4.6). jsonpatch: one with fewer members is equal to one with
#   more, so that a patch that is to be applied to an unchanged profile is applied to a changed one. immutable-json-patch: {a, b} and {b, a}
#   are not equal, and a patch that fits is refused.
# - remove and replace: the target must exist (clauses 4.2 and 4.3). immutable-json-patch: they do nothing, without an error, and so does a
#   move of what is not there.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" \
	json8-patch@1.0.6 jsonpatch@3.1.0 immutable-json-patch@6.0.3 fast-json-patch@3.1.1 rfc6902@5.4.0 >/dev/null
cat >main.mjs <<'JS'
import assert from "node:assert";
import fast from "fast-json-patch";
import { immutableJSONPatch } from "immutable-json-patch";
import json8 from "json8-patch";
import jsonpatch from "jsonpatch";
import { applyPatch } from "rfc6902";

const libraries = {
  "fast-json-patch": (document, patch) => fast.applyPatch(document, patch, true).newDocument,
  rfc6902: (document, patch) => {
    for (const error of applyPatch(document, patch)) if (error) throw error;
    return document;
  },
  "json8-patch": (document, patch) => json8.apply(document, patch).doc,
  jsonpatch: jsonpatch.apply_patch,
  "immutable-json-patch": immutableJSONPatch,
};
const refused = "refused";

function check(document, patch, right, wrong) {
  const text = JSON.stringify(document);
  console.log(`${text} and ${JSON.stringify(patch)}`);
  for (const [name, apply] of Object.entries(libraries)) {
    let seen = refused;
    try {
      seen = JSON.stringify(apply(JSON.parse(text), structuredClone(patch)));
    } catch {
      // Each has errors of its own.
    }
    console.log(`  ${name}: ${seen}`);
    assert.strictEqual(seen, wrong[name] ?? right, "it is no longer as described");
  }
}

const slice = { sst: 1, sd: "000001" };
check(
  { a: { sst: 1 } },
  [{ op: "copy", from: "/a", path: "/b" }, { op: "replace", path: "/b/sst", value: 2 }],
  '{"a":{"sst":1},"b":{"sst":2}}',
  { "json8-patch": '{"a":{"sst":2},"b":{"sst":2}}' },
);
const all = JSON.stringify({ a: slice });
check({ a: slice }, [{ op: "test", path: "/a", value: { sst: 1 } }], refused, { jsonpatch: all });
check({ a: slice }, [{ op: "test", path: "/a", value: { sd: "000001", sst: 1 } }], all, { "immutable-json-patch": refused });
check({ a: 1 }, [{ op: "replace", path: "/load", value: 50 }], refused, { "immutable-json-patch": '{"a":1}' });
check({ a: 1 }, [{ op: "remove", path: "/load" }], refused, { "immutable-json-patch": '{"a":1}' });
check({ a: 1 }, [{ op: "move", from: "/load", path: "/b" }], refused, { "immutable-json-patch": '{"a":1}' });
JS
node main.mjs
