#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: resident_runtime
short_description: Install what live migration needs inside the containers of a host
version_added: 0.1.0
description:
  - Installs the resident runtime in C(/opt/organic/resident). Containers that shall be migrated mount it read-only.
  - It holds the resident init, the host's own CRIU made self-contained (with its libraries and loader), what this CRIU
    found out about the running kernel (C(criu.kdat)), a directory of await files and C(manifest.json).
  - Proves that it works by moving two processes with an established TCP connection between two sandboxes on the host.
    The proof is repeated only after a boot or when a file of the runtime changed.
  - Raises C(fs.pipe-max-size) where root lacks C(CAP_SYS_RESOURCE), and only there.
  - Role P(organic.live_migration.migration_host#role) builds the init and calls this module.
author:
  - Organic 5GC contributors (@organic-5gc)
options:
  state:
    description:
      - V(present) installs, repairs and proves the runtime.
      - V(absent) removes it and sets C(fs.pipe-max-size) back.
    type: str
    choices: [present, absent]
    default: present
  init:
    description:
      - Path on the host of the resident init, a static program. It may be where it belongs already.
    type: path
    default: /opt/organic/resident/init
  pager:
    description:
      - Path on the host of the pager, a static program. It may be where it belongs already.
    type: path
    default: /opt/organic/resident/pager
  mirror:
    description:
      - Path on the host of the packet mirror, a static program, with which a process and its clone get the same input.
        It may be where it belongs already.
    type: path
    default: /opt/organic/resident/mirror
    version_added: 0.2.0
  preload:
    description:
      - Path on the host of C(preload.so), with which CRIU leaves the memory to the pager, and can dump processes of any
        user where root lacks C(CAP_SYS_RESOURCE). It may be where it belongs already.
    type: path
    default: /opt/organic/resident/lib/preload.so
  force:
    description:
      - With O(state=absent), remove the runtime though a running container has it mounted.
    type: bool
    default: false
requirements:
  - criu >= 4.2
  - Linux with CONFIG_CHECKPOINT_RESTORE
  - root
attributes:
  check_mode:
    support: full
    description: Can run in check_mode and return changed status prediction without modifying target.
  diff_mode:
    support: full
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
  platform:
    support: full
    platforms: linux
    description: Target OS/families that can be operated against.
seealso:
  - module: organic.live_migration.resident_runtime_info
"""

EXAMPLES = r"""
- name: Install the resident runtime
  organic.live_migration.resident_runtime:
    init: /root/build/init
    pager: /root/build/pager
    mirror: /root/build/mirror
    preload: /root/build/preload.so

- name: Remove it
  organic.live_migration.resident_runtime:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode; of V(files), V(sysctl), V(kerndat), V(proof), V(manifest).
  returned: success
  type: list
  elements: str
  sample: [files, kerndat, proof, manifest]
manifest:
  description: What is installed, as in C(/opt/organic/resident/manifest.json).
  returned: success
  type: dict
  contains:
    version:
      description: Version of the manifest's format.
      type: int
    criu_version:
      description: Version of CRIU.
      type: str
    arch:
      description: Machine, as C(uname -m) names it.
      type: str
    boot_id:
      description: Boot in which C(criu.kdat) was made.
      type: str
    files:
      description: SHA-256 digest of every file, by its path below C(/opt/organic/resident).
      type: dict
    sysctl:
      description: Kernel settings that were changed, with their values before.
      type: dict
    proof:
      description: The proof that CRIU works here.
      type: dict
      contains:
        runtime:
          description: Digest of the runtime that was proven.
          type: str
        boot_id:
          description: Boot in which it was proven.
          type: str
        dump_ms:
          description: Duration of the dump in milliseconds.
          type: float
        restore_ms:
          description: Duration of the restore in milliseconds.
          type: float
        image_bytes:
          description: Size of the images in bytes.
          type: int
commands:
  description: The programs that were run.
  returned: always
  type: list
  elements: str
in_use_by:
  description: The containers that have the runtime mounted.
  returned: when O(state=absent) is refused
  type: list
  elements: str
criu_log:
  description: CRIU's own error lines.
  returned: when the proof fails
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.criu.runtime import ResidentRuntime
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.host import commands


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "init": {"type": "path", "default": paths.INIT},
            "pager": {"type": "path", "default": paths.PAGER},
            "mirror": {"type": "path", "default": paths.MIRROR},
            "preload": {"type": "path", "default": paths.PRELOAD},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        runtime = ResidentRuntime(check=module.check_mode)
        if module.params["state"] == "present":
            programs = (Path(module.params[name]) for name in ("init", "pager", "mirror", "preload"))
            outcome = runtime.install(*programs)
        else:
            outcome = runtime.remove(force=module.params["force"])
    except (MigrationError, OSError) as error:
        details = error.details if isinstance(error, MigrationError) else {}
        module.fail_json(msg=str(error), commands=commands.history(), **details)
    module.exit_json(
        changed=bool(outcome.actions),
        actions=outcome.actions,
        manifest=outcome.manifest,
        commands=commands.history(),
        diff={"before": outcome.before, "after": outcome.after},
    )


if __name__ == "__main__":
    main()
