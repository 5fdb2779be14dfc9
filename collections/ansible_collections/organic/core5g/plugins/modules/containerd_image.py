#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_image
short_description: Have images in the containerd of a Kubernetes node
version_added: 0.2.0
description:
  - Imports an archive of images into containerd, so that pods of this node can use them without a registry.
  - Their content is noted as a label, by which they are known again.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - containerd with its client C(ctr) on the host
options:
  names:
    description:
      - Names of the images in the archive.
    type: list
    elements: str
    required: true
  content:
    description:
      - What tells this content from another under the same names. Required for O(state=present).
    type: str
  archive:
    description:
      - The archive on this host, as C(docker save) or an OCI layout. Not needed where the images are there already.
    type: path
  namespace:
    description:
      - Namespace of containerd. The kubelet uses V(k8s.io).
    type: str
    default: k8s.io
  state:
    description:
      - Whether the images are there.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Says what it would change.
    support: full
  diff_mode:
    description: Shows the content of each image.
    support: full
"""

EXAMPLES = r"""
- name: Import the image of minicore
  organic.core5g.containerd_image:
    names: [organic/minicore:latest]
    content: 3f6a1e
    archive: /var/tmp/minicore-image.tar

- name: Remove it
  organic.core5g.containerd_image:
    names: [organic/minicore:latest]
    state: absent
"""

RETURN = r"""
contents:
  description: Content of each image before, by its name; empty if it was imported by others, none if it was not there.
  returned: success
  type: dict
  sample: {"organic/minicore:latest": 3f6a1e}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils.containerd import Images
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "content": {"type": "str"},
            "archive": {"type": "path"},
            "namespace": {"type": "str", "default": "k8s.io"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["content"])],
        supports_check_mode=True,
    )
    options = module.params
    wanted = options["content"] if options["state"] == "present" else None
    try:
        images = Images(options["namespace"])
        before = {name: images.content(name) for name in options["names"]}
        differing = [name for name in options["names"] if before[name] != wanted]
        if differing and not module.check_mode:
            if wanted is None:
                for name in differing:
                    images.remove(name)
            elif options["archive"] is None:
                module.fail_json(msg=f"The host lacks {', '.join(differing)}: set archive to a file that has it")
            else:
                images.load(options["archive"], options["names"], wanted)
    except CoreError as error:
        module.fail_json(msg=str(error))
    after = dict.fromkeys(options["names"], wanted)
    module.exit_json(changed=bool(differing), contents=before, diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
