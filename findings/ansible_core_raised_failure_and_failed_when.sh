#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-core 2.19.14 (PyPI): an action plugin that fails, and a task with failed_when and until.
#
# A plugin may raise AnsibleActionFail, or return a result with failed. Expected: the task is then treated alike, as the exception
# holds such a result. Seen: the exception leaves the loop in which failed_when, changed_when, until and retries are looked at. The
# task fails although failed_when says that it does not, and it is not tried again.
# An action plugin whose failure somebody may want to judge (a poll, a clean-up) returns it.
#
# Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14
mkdir action_plugins
cat >action_plugins/try_it.py <<'PYTHON'
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        with Path(self._task.args["tries"]).open("a") as file:
            file.write("x")
        if self._task.args["how"] == "raise":
            raise AnsibleActionFail("not yet")
        return {"failed": True, "msg": "not yet"}
PYTHON
cat >judged.yml <<'YAML'
- hosts: localhost
  gather_facts: false
  tasks:
    - try_it: { how: "{{ how }}", tries: "{{ playbook_dir }}/{{ how }}.judged" }
      failed_when: false
YAML
cat >again.yml <<'YAML'
- hosts: localhost
  gather_facts: false
  tasks:
    - try_it: { how: "{{ how }}", tries: "{{ playbook_dir }}/{{ how }}.again" }
      register: answer
      until: answer is not failed
      retries: 2
      delay: 0
YAML
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_HOME=$scratch/home
for how in return raise; do
    for play in judged again; do
        status=0
        venv/bin/ansible-playbook -i localhost, -c local -e "how=$how" "$play.yml" >log 2>&1 || status=$?
        echo "$how $play: exit status $status, tries: $(wc -c <"$how.$play")" | tee -a seen
    done
done
diff seen - <<'SEEN'
return judged: exit status 0, tries: 1
return again: exit status 2, tries: 3
raise judged: exit status 2, tries: 1
raise again: exit status 2, tries: 1
SEEN
