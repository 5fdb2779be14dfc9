#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-core 2.21.5 (PyPI): what a callback plugin gets when one item of a loop has failed. ansible-runner's events
# (event_data.res.results) hold the same.
#
# Expected: each item's result says failed, as what the task registers does, and as up to 2.19. Seen: in the results of
# v2_runner_on_failed no item has the key; a failed one is told from the others by "exception" alone. A report or a client that takes
# the items with failed to find the reasons finds none, and says that the task failed for no reason.
# Look at whether an item has "exception" as well.
#
# Needs Python 3.12 or newer: PYTHON=python3.13 names it. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.21.5
mkdir callback_plugins
cat >callback_plugins/keys.py <<'PYTHON'
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "keys"

    def v2_runner_on_failed(self, result, ignore_errors=False):
        for item in result.result["results"]:
            keys = " ".join(key for key in ("failed", "exception") if key in item)
            print(f"callback: {item['item']} has {keys or 'neither'}")
PYTHON
cat >play.yml <<'YAML'
- hosts: localhost
  gather_facts: false
  tasks:
    - command: ls {{ item }}
      loop: [/, /nonesuch]
      register: listed
      ignore_errors: true
    - debug:
        msg: "registered: {{ listed.results | selectattr('failed') | map(attribute='item') | join }} failed"
YAML
export ANSIBLE_CALLBACKS_ENABLED=keys ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_HOME=$scratch/home
venv/bin/ansible-playbook -i localhost, -c local -e ansible_python_interpreter="$scratch/venv/bin/python" play.yml >log
grep -oE '(callback|registered): [^"]*' log | tee seen
diff seen - <<'SEEN'
callback: / has neither
callback: /nonesuch has exception
registered: /nonesuch failed
SEEN
