#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: resident_runtime_info
short_description: Say what a host has and lacks for live migration
version_added: 0.1.0
description:
  - Looks for the programs that live migration needs, for criu >= 4.2 and for the resident runtime.
  - Where criu is missing or too old, lists the versions that the host's apt sources offer, as last fetched.
author:
  - Organic 5GC contributors (@organic-5gc)
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in check_mode and return changed status prediction without modifying target.
  diff_mode:
    support: none
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
  platform:
    support: full
    platforms: linux
    description: Target OS/families that can be operated against.
seealso:
  - module: organic.live_migration.resident_runtime
"""

EXAMPLES = r"""
- name: Look what is missing
  organic.live_migration.resident_runtime_info:
  register: host

- name: Show it
  ansible.builtin.debug:
    var: host.missing
"""

RETURN = r"""
missing:
  description: What the host lacks.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description: The program, Python package or fault.
      type: str
    package:
      description: The Debian package that brings it.
      type: str
  sample: [{what: criu 4.1.1 is older than 4.2, package: criu}]
criu_version:
  description: Version of the host's criu, empty without one.
  returned: success
  type: str
criu_offers:
  description: Versions of criu in the host's apt sources, newest first. Only looked for when criu is among RV(missing).
  returned: success
  type: list
  elements: dict
  contains:
    version:
      description: Version of the package.
      type: str
    release:
      description: Apt release that has it.
      type: str
criu_suitable:
  description: Those of RV(criu_offers) that are new enough.
  returned: success
  type: list
  elements: dict
criu_remedy:
  description: What to do when none is.
  returned: success
  type: str
manifest:
  description: The manifest of the resident runtime, empty when it is not installed.
  returned: success
  type: dict
in_use_by:
  description: The containers that have the runtime mounted.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils.criu.requirements import HostRequirements
from ansible_collections.organic.live_migration.plugins.module_utils.criu.runtime import (
    ResidentRuntime,
    containers_with_runtime,
)
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        report = HostRequirements().report()
        manifest = ResidentRuntime().manifest
    except (MigrationError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, manifest=manifest, in_use_by=containers_with_runtime(), **report)


if __name__ == "__main__":
    main()
