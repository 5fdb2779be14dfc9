#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# oras 0.2.43 (PyPI), a client of OCI registries, and docker-parse-image 3.0.1 (npm): the parts of an image reference.
#
# What stands before the first "/" is a registry if it has a "." or a ":", or is "localhost"; only images of Docker Hub without a folder are
# below "library/" (as github.com/distribution/reference has it, which Docker and containerd use).
# - oras. Expected: localhost/upf:1, as Podman names what is built on the host, is at localhost. Seen: it is the image localhost/upf of
#   docker.io, where push() and pull() go.
# - docker-parse-image. Seen: registry.example:5000/upf has the full name registry.example:5000/library/upf, another image; core/nf/upf is at a registry
#   "core"; localhost/upf is a folder; a digest becomes a tag behind ":", which no registry takes; of more than three parts nothing is told.
# No error in any case.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check oras==0.2.43
venv/bin/python - <<'PYTHON'
from oras.container import Container

for reference, seen in (
    ("registry.example/core/upf:1", ("registry.example", "core/upf")),
    ("localhost:5000/upf:1", ("localhost:5000", "upf")),
    ("localhost/upf:1", ("docker.io", "localhost/upf")),
):
    container = Container(reference)
    print(f"oras, {reference}: {container.registry}, {container.api_prefix}")
    assert (container.registry, container.api_prefix) == seen, f"it was {seen}"
PYTHON
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" docker-parse-image@3.0.1 >/dev/null
cat >main.js <<'JS'
const assert = require("assert");
const parse = require("docker-parse-image");

const digest = `sha256:${"0".repeat(64)}`;
for (const [reference, registry, name] of [
  ["registry.example/core/upf:1", "registry.example", "registry.example/core/upf:1"],
  ["registry.example:5000/upf:1", "registry.example:5000", "registry.example:5000/library/upf:1"],
  ["core/nf/upf:1", "core", "core/nf/upf:1"],
  ["localhost/upf:1", null, "localhost/upf:1"],
  [`core/upf@${digest}`, null, `core/upf:${digest}`],
]) {
  const seen = parse(reference);
  console.log(`docker-parse-image, ${reference}: ${seen.registry}, ${seen.fullname}`);
  assert.deepStrictEqual([seen.registry, seen.fullname], [registry, name]);
}
assert.strictEqual(parse("registry.example/core/nf/upf:1"), null);
JS
node main.js
