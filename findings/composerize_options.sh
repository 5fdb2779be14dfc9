#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# composerize 1.7.6 (npm), which turns "docker run" into a Compose file, and says in a comment which options it has to ignore.
#
# Expected: what is not in that comment has the same meaning in the file. Seen, without a comment:
# - "--mount type=bind,...,readonly" becomes a mount that can be written.
# - "--network n2 --network n4", two networks, becomes one with the name "n2,n4".
# - "--stop-timeout 60" becomes stop_grace_period: "60", which is no duration of the Compose Specification (60s), and is refused there.
# - "--volumes-from" becomes volume_from, which the specification does not have (volumes_from), and "tmpfs-size" is put beside the mount's
#   target (tmpfs: size).
# - "$" in a value is not doubled: what the shell had passed on as it is, Compose replaces with a variable of its own environment.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --ignore-scripts --cache "$scratch/cache" composerize@1.7.6 >/dev/null
cat >main.js <<'JS'
const composerize = require("composerize");

/** The lines of the service that an option adds, or comments. */
function service(options) {
  const lines = composerize(`docker run ${options} upf:1`).split("\n");
  const first = lines.findIndex((line) => line === "services:");
  const end = lines.findIndex((line, index) => index > first && /^\S/.test(line));
  const added = lines.slice(first + 2, end < 0 ? undefined : end).filter((line) => line && !line.endsWith("image: upf:1"));
  return lines.filter((line) => line.startsWith("# ")).slice(0, 1).concat(added.map((line) => line.trim())).join("; ");
}

for (const options of [
  "-v /etc/upf:/etc/upf:ro",
  "--mount type=bind,source=/etc/upf,target=/etc/upf,readonly",
  "--mount type=tmpfs,target=/tmp,tmpfs-size=1000",
  "--stop-timeout 60",
  "--volumes-from data",
  "-e 'SECRET=a$b'",
  "--dns-option ndots:2",
])
  console.log(`${options} -> ${service(options)}`);
const networks = service("--network n2 --network n4").split("; ").slice(1);
console.log(`two networks -> ${networks.join("; ")}`);
JS
node --no-deprecation main.js | tee seen
diff seen - <<'SEEN'
-v /etc/upf:/etc/upf:ro -> volumes:; - /etc/upf:/etc/upf:ro
--mount type=bind,source=/etc/upf,target=/etc/upf,readonly -> volumes:; - type: bind; source: /etc/upf; target: /etc/upf
--mount type=tmpfs,target=/tmp,tmpfs-size=1000 -> volumes:; - type: tmpfs; target: /tmp; tmpfs-size: 1000
--stop-timeout 60 -> stop_grace_period: "60"
--volumes-from data -> volume_from:; - data
-e 'SECRET=a$b' -> environment:; - SECRET=a$b
--dns-option ndots:2 -> # ignored options for 'upf'
two networks -> networks:; - n2,n4
SEEN
