#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: root_image
short_description: Root file system from Debian's archive, built once and cached
version_added: 0.1.0
author:
  - Organic 5GC contributors (@organic-5gc)
description:
  - Builds a root file system with C(mmdebstrap) in a cache directory, under the hash of its recipe, unless it is there.
  - The mirror is the one that this machine's own apt uses.
  - Extra packages become a layer of their own on top, so that the image below is built only once.
requirements:
  - mmdebstrap
  - root
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
  state:
    description: With V(absent), the whole cache is removed. This is refused while a running host stands on it.
    type: str
    choices: [present, absent]
    default: present
  suite:
    description: Code name of Debian's release.
    type: str
    default: trixie
  packages:
    description: Packages besides the essential ones.
    type: list
    elements: str
    default: []
  newer_suite:
    description: Code name of a newer release.
    type: str
    default: forky
  newer_packages:
    description: Packages, with the libraries they need, that are taken from O(newer_suite).
    type: list
    elements: str
    default: []
  extra_packages:
    description: Packages of a second layer.
    type: list
    elements: str
    default: []
  mirror:
    description: URL of the mirror. By default it is read from this machine's apt.
    type: str
    default: ''
seealso:
  - module: organic.lab.namespace_lab
"""

EXAMPLES = r"""
- name: A small Debian with Docker and a newer CRIU
  organic.lab.root_image:
    cache: /var/cache/organic-lab
    packages: [docker.io, docker-cli, openssh-server, python3]
    newer_packages: [criu, libcompel1, libnet9, libnl-3-200]
  register: image

- name: Remove the cache
  organic.lab.root_image:
    cache: /var/cache/organic-lab
    state: absent
"""

RETURN = r"""
layers:
  description: Directories of the image, top first.
  returned: O(state=present)
  type: list
  elements: str
  sample: [/var/cache/organic-lab/trixie-0123456789abcdef]
"""

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, locked
from ansible_collections.organic.lab.plugins.module_utils.root_image import LOCK, Recipe, RootImage


def execute(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Do what the options ask for."""
    if os.geteuid():
        raise LabError("a root file system can be built by root only")
    cache = Path(params["cache"])
    recipe = Recipe(
        params["suite"],
        tuple(sorted(params["packages"])),
        params["newer_suite"],
        tuple(sorted(params["newer_packages"])),
        tuple(sorted(params["extra_packages"])),
    )
    image = RootImage(cache, recipe, params["mirror"])
    with locked(LOCK):
        if params["state"] == "absent":
            return {"changed": cache.exists() if check else image.remove()}
        missing = image.missing()
        if missing and not check:
            image.build()
    return {"changed": bool(missing), "layers": [str(layer) for layer in image.layers()]}


def main() -> None:
    """Entry of the module."""
    module = AnsibleModule(
        argument_spec={
            "cache": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "suite": {"type": "str", "default": "trixie"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "newer_suite": {"type": "str", "default": "forky"},
            "newer_packages": {"type": "list", "elements": "str", "default": []},
            "extra_packages": {"type": "list", "elements": "str", "default": []},
            "mirror": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**execute(module.params, module.check_mode))
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
