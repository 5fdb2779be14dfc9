#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# yaml 2.9.1 (npm) writes a file of variables, and ansible-core 2.19.14 (PyPI) reads it.
#
# A MAC address, a time and other text with colons is text in YAML 1.2, which the package writes, and a number to base 60 in YAML 1.1, which
# Ansible reads: if all parts are digits, the first does not begin with 0, and the others are below 60. Expected: text of digits is quoted, as the package does with "001010000000001". Seen: a MAC
# address is written without quotes. Most have a letter and go well; of those that begin with 52:54:00, as virtual machines have them,
# 52:54:00:12:34:56 is 41135085296 to Ansible, without an error, and so is a window of 12:30 as 750. 52:54:00:12:34:67 is text again.
# Each keeps to its version of YAML. Write with {version: "1.1"} for readers of YAML 1.1.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" yaml@2.9.1 >/dev/null
cat >write.js <<'JS'
const fs = require("fs");
const YAML = require("yaml");

const variables = {
  imsi: "001010000000001",
  window: "12:30",
  n3: "52:54:00:12:34:56",
  n6: "52:54:00:12:34:67",
  n9: "52:54:00:ab:cd:ef",
};
fs.writeFileSync("plain.yml", YAML.stringify(variables));
fs.writeFileSync("for_1_1.yml", YAML.stringify(variables, { version: "1.1" }));
JS
node write.js
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14
venv/bin/python - <<'PYTHON'
from ansible.parsing.dataloader import DataLoader


def expect(what, seen, expected):
    print(f"{what}: {seen}")
    assert seen == expected, f"it was {expected}"


text = {"imsi": "001010000000001", "n6": "52:54:00:12:34:67", "n9": "52:54:00:ab:cd:ef"}
loader = DataLoader()
expect("plain", loader.load_from_file("plain.yml"), {**text, "window": 750, "n3": 41135085296})
expect("for YAML 1.1", loader.load_from_file("for_1_1.yml"), {**text, "window": "12:30", "n3": "52:54:00:12:34:56"})
PYTHON
