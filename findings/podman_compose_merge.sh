#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# podman-compose 1.6.0 (PyPI), an implementation of the Compose Specification: a file and one that overrides it (-f twice), and durations.
#
# - healthcheck.test, as command and entrypoint, "is overridden by the latest Compose file, and not appended" (chapter Merge). Seen: it is
#   appended: [CMD, upf-ctl, ping] and [CMD, upf-ctl, sessions] become one command of six words. Where the program ignores the
#   further words, the old check goes on, and nobody is told.
# - Volumes are merged by their target. Expected: the later one replaces the earlier. Seen: in the short syntax it does, in the long one
#   both are kept, two mounts at one place. A port that is in both files is published twice.
# - A duration has us, ms, s, m and h. Expected: "stop" waits as long as stop_grace_period says. Seen: with 90s and 1m30s it does;
#   "1h" and "45000ms" are dropped without a word, and Podman kills after its own 10 s.
#
# Podman is a stand-in that shows what it is asked for. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check podman-compose==1.6.0
cat >compose.yml <<'YAML'
name: core
services:
  upf:
    image: upf:1
    healthcheck: {test: [CMD, upf-ctl, ping]}
    command: [upf, --base]
    ports: ["8805:8805/udp"]
    volumes:
      - state:/var/lib/upf
      - {type: volume, source: logs, target: /var/log/upf}
volumes: {state: {}, logs: {}, other: {}}
YAML
cat >override.yml <<'YAML'
services:
  upf:
    healthcheck: {test: [CMD, upf-ctl, sessions]}
    command: [upf, --override]
    ports: ["8805:8805/udp"]
    volumes:
      - other:/var/lib/upf
      - {type: volume, source: other, target: /var/log/upf}
YAML
mkdir bin
cat >bin/podman <<'SHELL'
#!/bin/sh
if [ "$1" = --version ]; then echo podman version 5.4.0; else echo "asked: $*" >&2; fi
SHELL
chmod +x bin/podman
export PATH=$scratch/bin:$PATH
venv/bin/podman-compose -f compose.yml -f override.yml config >merged.yml 2>log || { cat log; exit 1; }
venv/bin/python - <<'PYTHON'
import yaml

with open("merged.yml") as file:
    upf = yaml.safe_load(file)["services"]["upf"]


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


expect("command", upf["command"], ["upf", "--override"])
expect("healthcheck.test", upf["healthcheck"]["test"], ["CMD", "upf-ctl", "ping", "CMD", "upf-ctl", "sessions"])
volumes = [one if isinstance(one, str) else f"{one['source']}:{one['target']}, long" for one in upf["volumes"]]
expect("volumes", sorted(volumes), ["logs:/var/log/upf, long", "other:/var/lib/upf", "other:/var/log/upf, long"])
expect("ports", upf["ports"], ["8805:8805/udp"] * 2)
PYTHON
for period in 90s 1m30s 1h 45000ms; do
  printf 'services:\n  upf:\n    stop_grace_period: %s\n' "$period" >override.yml
  echo "$period: $(venv/bin/podman-compose -f compose.yml -f override.yml stop 2>&1 | grep -o 'asked: stop.*')"
done | tee seen
diff seen - <<'SEEN'
90s: asked: stop -t 90 core_upf_1
1m30s: asked: stop -t 90 core_upf_1
1h: asked: stop core_upf_1
45000ms: asked: stop core_upf_1
SEEN
