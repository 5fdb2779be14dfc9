#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nf_metrics
short_description: Write metrics of network functions for Prometheus
version_added: 0.2.0
description:
  - Reads the state of every network function (NF) whose container is on this host, and writes metrics of it for
    node_exporter's textfile collector, into the directory that the role P(organic.live_migration.migration_host#role)
    was given.
  - Metrics of migrations are written by the hosts themselves, when a migration ends. Those of NFs are as new as the
    last run of this module; node_exporter's C(node_textfile_mtime_seconds) says when that was.
  - The file can be read by those who can read its directory. It is replaced at once.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Docker on the host
options:
  state:
    description:
      - V(absent) removes the metrics of NFs from this host.
    type: str
    choices: [present, absent]
    default: present
  nfs:
    description:
      - The address of each NF that is asked, by the NF's name, as
        O(organic.core5g.nf_state_info#module:nfs). Needed with O(state=present).
    type: dict
    default: {}
  port:
    description:
      - TCP port of the state endpoint.
    type: int
    default: 8000
  path:
    description:
      - Path of the state endpoint.
    type: str
    default: /minicore/v1/state
  sources:
    description:
      - As O(organic.core5g.nf_state_info#module:sources).
    type: dict
    default: {}
extends_documentation_fragment:
  - organic.core5g.nf_engine
attributes:
  check_mode:
    description: Says whether the file would change.
    support: full
  diff_mode:
    description: Shows the metrics before and after.
    support: full
seealso:
  - module: organic.core5g.nf_state_info
"""

EXAMPLES = r"""
- name: Write metrics of the NFs on this host
  organic.core5g.nf_metrics:
    nfs:
      smf: 192.0.2.34
      upf: 192.0.2.38

- name: Remove them
  organic.core5g.nf_metrics:
    state: absent
"""

RETURN = r"""
samples:
  description: Time series that were written, with their values.
  returned: with O(state=present)
  type: dict
  sample: {"organic_nf_up{nf=\"smf\"}": 1.0, "organic_nf_sessions{nf=\"smf\"}": 100.0}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import nf_engine
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.nf_metrics import Metrics, samples
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import Source
from ansible_collections.organic.core5g.plugins.module_utils.nf_state import NfReader, Wanted
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "nfs": {"type": "dict", "default": {}},
            "port": {"type": "int", "default": 8000},
            "path": {"type": "str", "default": "/minicore/v1/state"},
            "sources": {"type": "dict", "default": {}},
            **nf_engine.OPTIONS,
        },
        required_if=[("state", "present", ["nfs"])],
        supports_check_mode=True,
    )
    options = module.params
    metrics = Metrics()
    before = metrics.text()
    found = {}
    try:
        if options["state"] == "absent":
            changed = metrics.absent(module.check_mode)
            after = ""
        else:
            sources = {name: Source.of(source) for name, source in options["sources"].items()}
            engine = nf_engine.connect(options)
            reader = NfReader(engine, Source(options["port"], options["path"]), sources)
            entries = reader.entries(options["nfs"], Wanted(must_run=False))
            changed = metrics.present(entries, module.check_mode)
            after = metrics.render(entries)
            found = {"samples": {str(sample): value for sample, value in samples(entries).items()}}
    except (CoreError, MigrationError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed, diff={"before": before, "after": after}, **found)


if __name__ == "__main__":
    main()
