#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ran_driver
short_description: Start and stop the client that stands for gNB, AMF and UE
version_added: 0.1.0
description:
  - Runs the RAN driver of minicore in the background. It sets up PDU sessions, keeps signalling and user traffic going,
    and measures what its clients see.
  - It is known by its process ID and start time, and keeps its files in a directory of its own.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Python 3.11 or newer on the host
options:
  state:
    description:
      - V(started) starts it and awaits that all sessions are set up. If it runs with the same settings, nothing is
        changed; if it runs with others, that is an error, as its measurement would be lost.
      - V(stopped) ends it with SIGTERM and returns what it measured.
      - V(absent) also removes its files.
    type: str
    choices:
      - started
      - stopped
      - absent
    default: started
  smf:
    description:
      - URL of the SMF. Required if O(state=started).
    type: str
  upf:
    description:
      - Address of the UPF. Required if O(state=started).
    type: str
  address:
    description:
      - Own address on N3. By default the address that this host reaches the UPF from.
    type: str
  sessions:
    description:
      - Number of PDU sessions.
    type: int
    default: 200
  rate:
    description:
      - Requests to the SMF a second.
    type: int
    default: 200
  ping_interval_ms:
    description:
      - Milliseconds between two pings through the user plane.
    type: int
    default: 5
  timeout_s:
    description:
      - Seconds to await the sessions, or the end.
    type: float
    default: 60
  directory:
    description:
      - Directory of its files.
    type: path
    default: /run/minicore-ran
  package_path:
    description:
      - Directory that holds the Python package C(minicore).
    type: path
    default: /opt/minicore
  python:
    description:
      - Python interpreter that runs it.
    type: path
    default: /usr/bin/python3
attributes:
  check_mode:
    description: Tells what would change.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Set up 200 PDU sessions and keep 200 requests a second going
  organic.core5g.ran_driver:
    state: started
    smf: http://192.0.2.34:8000
    upf: 192.0.2.35

- name: Stop
  organic.core5g.ran_driver:
    state: stopped
  register: ran
"""

RETURN = r"""
pid:
  description: Process ID of the driver.
  returned: when O(state=started) and not in check mode
  type: int
address:
  description: Own address on N3.
  returned: when O(state=started)
  type: str
summary:
  description: What the driver measured, none if it has measured nothing.
  returned: when O(state=stopped)
  type: dict
  sample:
    requests: {answered: 4000, failed: 0, duplicated: 0, rate: 200.0}
    service_gap_ms: 61.2
    sessions: {created: 200, active: 200}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.ran import RanDriver, RanSettings, address_towards


def start(driver: RanDriver, module: AnsibleModule) -> dict[str, object]:
    wanted = module.params
    settings = RanSettings(
        smf=wanted["smf"],
        upf=wanted["upf"],
        address=wanted["address"] or address_towards(wanted["upf"]),
        sessions=wanted["sessions"],
        rate=wanted["rate"],
        ping_interval_ms=wanted["ping_interval_ms"],
    )
    changed = not driver.runs_with(settings)
    result: dict[str, object] = {"changed": changed, "address": settings.address}
    if not module.check_mode:
        result["pid"] = driver.start(settings) if changed else driver.pid()
        driver.await_ready(wanted["timeout_s"])
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
            "smf": {"type": "str"},
            "upf": {"type": "str"},
            "address": {"type": "str"},
            "sessions": {"type": "int", "default": 200},
            "rate": {"type": "int", "default": 200},
            "ping_interval_ms": {"type": "int", "default": 5},
            "timeout_s": {"type": "float", "default": 60},
            "directory": {"type": "path", "default": "/run/minicore-ran"},
            "package_path": {"type": "path", "default": "/opt/minicore"},
            "python": {"type": "path", "default": "/usr/bin/python3"},
        },
        required_if=[("state", "started", ("smf", "upf"))],
        supports_check_mode=True,
    )
    wanted = module.params
    driver = RanDriver(wanted["directory"], wanted["package_path"], wanted["python"])
    try:
        if wanted["state"] == "started":
            result = start(driver, module)
        else:
            result = driver.end(wanted["state"], module.check_mode, wanted["timeout_s"])
    except CoreError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
