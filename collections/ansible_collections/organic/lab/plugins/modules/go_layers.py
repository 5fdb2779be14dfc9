#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: go_layers
short_description: Programs from pinned Go modules, built once and cached as layers of a root file system
version_added: 0.2.0
author:
  - Organic 5GC contributors (@organic-5gc)
description:
  - Builds the programs of components in a cache directory, under the hash of the files of each, unless they are there.
  - A component is a directory with C(go.mod), C(go.sum) and C(component.json), see the collection's README.
  - What Go downloads and compiles for it is removed afterwards, except where C(GOCACHE) and C(GOMODCACHE) are set.
  - There is no O(ignore:state=absent); M(organic.lab.root_image) removes the whole cache.
requirements:
  - Go 1.21 or later
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed or would change in C(diff_mode).
    support: none
options:
  cache:
    description: Directory of the cache.
    type: path
    required: true
  components:
    description: Directories of the components.
    type: list
    elements: path
    required: true
seealso:
  - module: organic.lab.root_image
  - module: organic.lab.namespace_lab
"""

EXAMPLES = r"""
- name: Build etcd and containerd
  organic.lab.go_layers:
    cache: /var/cache/organic-lab
    components:
      - "{{ playbook_dir }}/../tools/kubernetes/etcd"
      - "{{ playbook_dir }}/../tools/kubernetes/containerd"
  register: programs
"""

RETURN = r"""
layers:
  description: Directories of the layers, in the order of O(components). In check mode they may not exist yet.
  returned: success
  type: list
  elements: str
  sample: [/var/cache/organic-lab/etcd-0123456789abcdef]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, locked
from ansible_collections.organic.lab.plugins.module_utils.go_build import LOCK, Component, GoLayers, find_go


def execute(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Do what the options ask for."""
    layers = GoLayers(Path(params["cache"]), [Component.read(Path(source)) for source in params["components"]])
    with locked(LOCK):
        missing = layers.missing()
        if missing and check:
            find_go()
        elif missing:
            layers.build(lambda _text: None)
    return {"changed": bool(missing), "layers": [str(layer) for layer in layers.layers()]}


def main() -> None:
    """Entry of the module."""
    module = AnsibleModule(
        argument_spec={
            "cache": {"type": "path", "required": True},
            "components": {"type": "list", "elements": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**execute(module.params, module.check_mode))
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
