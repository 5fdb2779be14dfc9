#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-core 2.19.14 (PyPI; 2.17.14 and 2.21.5 do the same): "ansible-inventory --list --yaml --export", which writes an inventory as
# one file, and variables with the tag !unsafe, which says that a text is no template.
#
# Expected: the file is the same inventory, as with the other tag, !vault, which is kept. Seen: !unsafe is dropped without a word. What
# reads the file evaluates the text: of a password "{{7*7}}" it makes 49, and one that is no expression is an error where it is used.
# The same command without --yaml keeps the mark, as an object {"__ansible_unsafe": text} in place of the text, which "ansible -i"
# understands when a script prints it, and no other reader of JSON does.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14
export ANSIBLE_HOME=$scratch/home ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_VAULT_PASSWORD_FILE=$scratch/vault_password
export ANSIBLE_NOCOLOR=true
echo secret >vault_password
{
  printf 'all:\n  hosts:\n    localhost:\n      ansible_connection: local\n'
  printf '      password: !unsafe "{{7*7}}"\n      plain: text\n      vaulted: '
  venv/bin/ansible-vault encrypt_string 'in the vault' | sed '2,$s/^/        /'
} >given.yml
venv/bin/ansible-inventory -i given.yml --list --yaml --export >exported.yml
venv/bin/ansible-inventory -i given.yml --list --export >exported.json
printf '#!/bin/sh\ncat %q\n' "$scratch/exported.json" >exported_json
chmod +x exported_json

value() {
  venv/bin/ansible -i "$1" localhost -m ansible.builtin.debug -a "var=$2" | sed -n "s/^ *\"$2\": //p"
}

for inventory in given.yml exported.yml exported_json; do
  echo "$inventory: password $(value "$inventory" password), vaulted $(value "$inventory" vaulted), plain $(value "$inventory" plain)"
done | tee seen
grep -cE '!(unsafe|vault)' given.yml exported.yml | tee -a seen
grep -o '"__ansible_unsafe".*' exported.json | tee -a seen
diff seen - <<'SEEN'
given.yml: password "{{7*7}}", vaulted "in the vault", plain "text"
exported.yml: password 49, vaulted "in the vault", plain "text"
exported_json: password "{{7*7}}", vaulted "in the vault", plain "text"
given.yml:2
exported.yml:1
"__ansible_unsafe": "{{7*7}}"
SEEN
