#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-core 2.19.14 (PyPI): a filter that puts a mapping into a dataclass.
#
# Since 2.19 a filter gets mappings and lists of a class of Ansible's, a subclass of dict or list. Expected: they behave as
# dict and list do. Seen: dataclasses.asdict(), which builds each container again by its own class, is refused with "Direct
# construction of lazy containers is not supported", even for a mapping of plain text without a template. copy.deepcopy() is
# no way out, as its copies are of that class again; dict() gives a plain one, of the outermost mapping only.
# A filter with typed classes inside takes its input apart first.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14
mkdir filter_plugins
cat >filter_plugins/boxed.py <<'PYTHON'
import copy
import dataclasses


@dataclasses.dataclass
class Box:
    content: object


class FilterModule:
    def filters(self):
        return {
            "boxed": lambda value: dataclasses.asdict(Box(value)),
            "boxed_copy": lambda value: dataclasses.asdict(Box(dict(value))),
            "kind": lambda value: f"{type(value).__name__} {isinstance(value, dict)} {type(copy.deepcopy(value)).__name__}",
        }
PYTHON
cat >play.yml <<'YAML'
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "{{ {'a': 'plain'} | kind }}"}
    - ansible.builtin.debug: {msg: "{{ {'a': 'plain'} | boxed_copy }}"}
    - ansible.builtin.debug: {msg: "{{ {'a': 'plain'} | boxed }}"}
YAML
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
venv/bin/ansible-playbook play.yml >output 2>&1 || status=$?
grep -E 'msg|"a"|lazy|ok=' output | sort --unique
[[ ${status:-0} == 2 ]]
grep -q '_AnsibleLazyTemplateDict True _AnsibleLazyTemplateDict' output
grep -q '"content": {' output
grep -q "filter plugin 'boxed' failed: Direct construction of lazy containers is not supported" output
grep -q 'ok=2 .*failed=1' output
