#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible.utils 6.0.0 (in PyPI's ansible 12.3.0; 6.1.1 has the same code), the filters that take keys out of data and rename them.
#
# - remove_keys "removes specific keys from a data recursively". Expected: all else stays. Seen: every 0, false, null, empty text, list and
#   mapping that is an item of a list goes as well, anywhere in the data, whether the key is there or not: a pattern of slots [0, 1, 0, 3] is
#   [1, 3], [true, false] is [true], and what stands behind has moved. No warning. The filter of that name in community.general, and
#   this one where 0 is a value of a mapping, leave them.
# - replace_keys takes a list of names before and after. Expected: two names can be swapped. Seen: they are renamed one after the other,
#   so that the second value of two is lost.
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
    wanted = ("ansible_collections/ansible/utils/", "ansible_collections/community/general/")
    wheel.extractall(members=[name for name in wheel.namelist() if name.startswith(wanted)])
PYTHON
grep '"version"' ansible_collections/ansible/utils/MANIFEST.json
cat >play.yml <<'YAML'
- hosts: localhost
  gather_facts: false
  vars:
    cell:
      password: x
      offset: 0
      slots: [0, 1, 0, 3]
      ports: [{active: [true, false]}, {}, {names: ["", n78]}]
    names: {first: 1, second: 2}
    swap: [{before: first, after: second}, {before: second, after: first}]
  tasks:
    - copy:
        dest: "{{ playbook_dir }}/seen"
        content: |
          ansible.utils: {{ cell | ansible.utils.remove_keys(target=['password']) | to_json(sort_keys=true) }}
          no such key: {{ cell.slots | ansible.utils.remove_keys(target=['nonesuch']) | to_json }}
          community.general: {{ [cell] | community.general.remove_keys(target=['password']) | first | to_json(sort_keys=true) }}
          swapped: {{ names | ansible.utils.replace_keys(target=swap) | to_json }}
YAML
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_HOME=$scratch/home ANSIBLE_COLLECTIONS_PATH=$scratch
venv/bin/ansible-playbook -i localhost, -c local -e ansible_python_interpreter="$scratch/venv/bin/python" play.yml >log 2>&1 || { cat log; exit 1; }
cat seen
diff seen - <<'SEEN'
ansible.utils: {"offset": 0, "ports": [{"active": [true]}, {"names": ["n78"]}], "slots": [1, 3]}
no such key: [1, 3]
community.general: {"offset": 0, "ports": [{"active": [true, false]}, {}, {"names": ["", "n78"]}], "slots": [0, 1, 0, 3]}
swapped: {"first": 1}
SEEN
