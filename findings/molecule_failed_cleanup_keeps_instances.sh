#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# molecule 26.10.0 (PyPI) with ansible-core 2.19.14: `molecule test`, whose default is --destroy=always.
#
# Expected: the instances are destroyed at the end, whatever failed before. Seen: when the playbook cleanup fails (which runs
# before destroy, for what lies outside of the instances), destroy is not run, and what create has made stays. It does not
# matter whether verify had failed or succeeded: after a failed cleanup molecule runs cleanup once more, which fails again,
# and ends. There is no scenario recap then, and --report shows nothing either.
# Run `molecule destroy` in any case behind `molecule test`; with a cleanup that fails it needs a destroy_sequence without it.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check molecule==26.10.0 ansible-core==2.19.14
export PATH=$scratch/venv/bin:$PATH HOME=$scratch/home INSTANCE=$scratch/instance
mkdir -p home molecule/one
printf -- '---\ndriver:\n  name: default\nplatforms:\n  - name: instance\nprovisioner:\n  name: ansible\n' >molecule/one/molecule.yml

playbook() { # name, command as a list: one task on this machine
    printf -- '---\n- name: %s\n  hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n' "$1"
    printf -- '    - name: Run\n      ansible.builtin.command:\n        argv: %s\n      changed_when: false\n' "$2"
} >"molecule/one/$1.yml"
file='"{{ lookup('"'env', 'INSTANCE'"') }}"'
playbook create "[touch, $file]"
playbook destroy "[rm, -f, $file]"
playbook converge '["true"]'

expect() { # what fails, exit status, whether the instance is left
    local status=0 left=no
    rm -f instance
    molecule test --scenario-name one --report >output 2>&1 || status=$?
    [ ! -e instance ] || left=yes
    echo "$1: exit status $status, instance left: $left, recap: $(grep -c 'SCENARIO RECAP' output || true)"
    [ "$status $left $(grep -c 'SCENARIO RECAP' output || true)" = "$2 $3 $4" ]
}
playbook cleanup '["true"]'
playbook verify '["false"]'
expect "verify fails" 2 no 1
playbook cleanup "[test, \"!\", -e, $file]" # well before create, not behind it
expect "verify fails, then cleanup" 2 yes 0
playbook verify '["true"]'
expect "cleanup fails" 2 yes 0
