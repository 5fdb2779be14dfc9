#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: namespace_lab
short_description: Hosts made of Linux namespaces on this machine
version_added: 0.1.0
author:
  - Organic 5GC contributors (@organic-5gc)
description:
  - Brings up or takes down a lab of hosts. Each has its own namespaces, cgroups, root file system, PID 1 and sshd.
  - All hosts are connected by C(eth0), with an address, and C(eth1), without one, to two bridges in a network namespace
    of their own. The machine reaches them by a link called like the lab with a C(0) appended.
  - Returns when sshd answers on every host, and the Docker engine where there is one.
  - A host that has died is started again and keeps its disk. A host that is to be another is started again; its disk
    is created again when the image has changed.
requirements:
  - iproute2
  - ssh-keygen
  - root
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed or would change in C(diff_mode).
    support: none
options:
  name:
    description:
      - The lab. Network namespaces are called NAME-HOST.
      - At most eight lower case letters and digits.
    type: str
    required: true
  state:
    description: Whether the lab is there. With V(absent), half-built labs are cleaned up as well.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description: Where the lab keeps its state, disks and keys. V(state=absent) removes it.
    type: path
    required: true
  controller_address:
    description: Address of this machine in the lab, with prefix length.
    type: str
    required: true
  layers:
    description: Directories of the root image, top first, see M(organic.lab.root_image). Needed where O(state=present).
    type: list
    elements: path
    default: []
  hosts:
    description: The hosts. Others that the lab has are removed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the host, at most 13 characters.
        type: str
        required: true
      address:
        description: Address of C(eth0), with prefix length.
        type: str
        required: true
      engine:
        description: Configuration of the Docker engine (C(daemon.json)). Without it there is no engine.
        type: dict
      services:
        description: Programs that PID 1 keeps running, besides sshd and the engine. Their output is in C(/var/log).
        type: list
        elements: dict
        default: []
        version_added: 0.2.0
        suboptions:
          name:
            description: Name of the service, and of its log.
            type: str
            required: true
          command:
            description: Program and arguments.
            type: list
            elements: str
            required: true
          after:
            description: Path of a Unix socket that has to listen before.
            type: path
      files:
        description: Files of this host. A host whose files change is started again.
        type: list
        elements: dict
        default: []
        version_added: 0.2.0
        suboptions:
          path:
            description: Path on the host.
            type: path
            required: true
          content:
            description: Content of the file. Use O(hosts[].files[].source) for secrets, modules log their options.
            type: str
          source:
            description: File of this machine whose content it has.
            type: path
          mode:
            description: Access rights, in octal digits.
            type: str
            default: "0644"
      disks:
        description:
          - Directories below C(/var/lib) that are on the machine's own file system, besides those of the engine.
          - The others are on an overlay, which cannot be the upper layer of another one.
        type: list
        elements: str
        default: []
        version_added: 0.2.0
  timeout_s:
    description: How long to wait until all hosts are ready, in seconds.
    type: float
    default: 180
seealso:
  - module: organic.lab.root_image
"""

EXAMPLES = r"""
- name: Two hosts with an engine
  organic.lab.namespace_lab:
    name: lab
    directory: /var/lib/organic-lab/lab
    controller_address: 10.55.0.1/24
    layers: "{{ image.layers }}"
    hosts:
      - name: edge-a
        address: 10.55.0.11/24
        engine: {experimental: true}
      - name: edge-b
        address: 10.55.0.12/24
        engine: {experimental: true}

- name: Take the lab down
  organic.lab.namespace_lab:
    name: lab
    directory: /var/lib/organic-lab/lab
    controller_address: 10.55.0.1/24
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [create switch, start edge-a]
hosts:
  description: The hosts.
  returned: O(state=present)
  type: list
  elements: dict
  sample: [{name: edge-a, address: 10.55.0.11, pid: 4711, network_namespace: lab-edge-a}]
private_key:
  description: Key that logs in as root.
  returned: O(state=present)
  type: str
  sample: /var/lib/organic-lab/lab/id_ed25519
known_hosts:
  description: Host keys, for ssh's C(UserKnownHostsFile).
  returned: O(state=present)
  type: str
  sample: /var/lib/organic-lab/lab/known_hosts
"""

import os
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, locked
from ansible_collections.organic.lab.plugins.module_utils.host_spec import HostFile, HostService, HostSpec
from ansible_collections.organic.lab.plugins.module_utils.laboratory import LOCK, Laboratory


def specifications(params: dict[str, Any]) -> list[HostSpec]:
    """The hosts that the options ask for."""
    # Link names have at most 15 characters.
    if not re.fullmatch(r"[a-z][a-z0-9]{0,7}", params["name"]):
        raise LabError(f"name of the lab: at most eight lower case letters and digits, not {params['name']}")
    for host in params["hosts"]:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,12}", host["name"]) or host["name"] == "switch":
            raise LabError(f"name of a host: at most 13 lower case letters, digits and dashes, not {host['name']}")
    return [
        HostSpec(
            host["name"],
            host["address"],
            tuple(params["layers"]),
            host["engine"],
            tuple(HostService(entry["name"], tuple(entry["command"]), entry["after"]) for entry in host["services"]),
            tuple(HostFile(**{name: value or "" for name, value in entry.items()}) for entry in host["files"]),
            tuple(host["disks"]),
        )
        for host in params["hosts"]
    ]


def execute(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Do what the options ask for."""
    if os.geteuid():
        raise LabError("namespaces, links and cgroups need root")
    lab = Laboratory(params["name"], Path(params["directory"]), params["controller_address"], specifications(params))
    with locked(LOCK):
        if params["state"] == "absent":
            actions = lab.remove(check)
            return {"changed": bool(actions), "actions": actions}
        if not params["layers"]:
            raise LabError("layers: an image is needed")
        actions = lab.ensure(params["timeout_s"], check)
    return {
        "changed": bool(actions),
        "actions": actions,
        "hosts": lab.facts(),
        "private_key": str(lab.private_key),
        "known_hosts": str(lab.known_hosts),
    }


def main() -> None:
    """Entry of the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "directory": {"type": "path", "required": True},
            "controller_address": {"type": "str", "required": True},
            "layers": {"type": "list", "elements": "path", "default": []},
            "hosts": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "address": {"type": "str", "required": True},
                    "engine": {"type": "dict"},
                    "services": {
                        "type": "list",
                        "elements": "dict",
                        "default": [],
                        "options": {
                            "name": {"type": "str", "required": True},
                            "command": {"type": "list", "elements": "str", "required": True},
                            "after": {"type": "path"},
                        },
                    },
                    "files": {
                        "type": "list",
                        "elements": "dict",
                        "default": [],
                        "mutually_exclusive": [("content", "source")],
                        "options": {
                            "path": {"type": "path", "required": True},
                            "content": {"type": "str"},
                            "source": {"type": "path"},
                            "mode": {"type": "str", "default": "0644"},
                        },
                    },
                    "disks": {"type": "list", "elements": "str", "default": []},
                },
            },
            "timeout_s": {"type": "float", "default": 180},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**execute(module.params, module.check_mode))
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
