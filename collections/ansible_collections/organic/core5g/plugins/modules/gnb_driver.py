#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gnb_driver
short_description: Start and stop gNBs with UEs
version_added: 0.1.0
description:
  - Runs the gNB driver of minicore in the background. It is one or more gNBs whose UEs register through N2, set up PDU
    sessions and ping through them. It keeps procedures going, and measures what gNBs, UEs and clients of the SBI see.
  - It is known by its process ID and start time, and keeps its files in a directory of its own.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Python 3.11 or newer on the host
  - python3-cryptography on the host
  - libusrsctp on the host if O(transport=sctp) and its kernel has no SCTP
options:
  state:
    description:
      - V(started) starts it and awaits that all UEs are registered. If it runs with the same settings, nothing is
        changed; if it runs with others, that is an error, as its measurement would be lost.
      - V(stopped) ends it with SIGTERM and returns what it measured.
      - V(absent) also removes its files.
    type: str
    choices:
      - started
      - stopped
      - absent
    default: started
  front:
    description:
      - Address of N2, which is the N2 front's or the AMF's. Required if O(state=started).
    type: str
  transport:
    description:
      - What carries N2. V(tcp) is the link between N2 front and AMF, for an AMF without a front.
    type: str
    choices:
      - sctp
      - tcp
    default: sctp
  upf:
    description:
      - Address of the UPF on N3. If it is set, a tunnel that ends elsewhere is a failure of its PDU session.
    type: str
  address:
    description:
      - Own address on N2 and N3. By default the address that this host reaches O(front) from.
    type: str
  plmn:
    description:
      - Mobile country code and mobile network code.
    type: str
    default: "00101"
  tac:
    description:
      - Tracking area code of all gNBs.
    type: int
    default: 1
  gnbs:
    description:
      - Number of gNBs, 1 to 4. UEs move between them.
    type: int
    default: 2
  ues:
    description:
      - Number of UEs.
    type: int
    default: 200
  first_supi:
    description:
      - SUPI of the first UE, as C(imsi-) and 15 digits; the others follow it. By default the first of O(plmn).
    type: str
  k:
    description:
      - Key of all subscribers, 32 hexadecimal digits. By default that of the test subscribers.
      - It reaches the driver by its environment, not by its command line.
    type: str
  opc:
    description:
      - OPc of all subscribers, 32 hexadecimal digits. By default that of the test subscribers.
    type: str
  rate:
    description:
      - Registrations a second when it starts.
    type: float
    default: 20
  procedures_rate:
    description:
      - Procedures a second after all UEs are registered.
    type: float
    default: 20
  mix:
    description:
      - Weights of the procedures by their names, such as five for C(path_switch). By default the mix of the driver.
    type: dict
  sessions_per_ue:
    description:
      - PDU sessions of each UE, 0 or 1.
    type: int
    choices:
      - 0
      - 1
    default: 1
  session_type:
    description:
      - Type of the PDU sessions. The subscription has to allow it, and a UPF to carry it.
      - V(IPV6) UEs ask for their prefix by a router solicitation, which the session has to carry, and ping by ICMPv6.
      - V(ETHERNET) UEs have a MAC address by their SUPI and an IPv4 address of O(ethernet_network). They ask for
        O(ping_target) by ARP and ping it in Ethernet frames. The UPF of minicore needs C(MINICORE_TAP) for that.
    type: str
    choices:
      - IPV4
      - IPV6
      - ETHERNET
    default: IPV4
  ethernet_network:
    description:
      - IPv4 network of O(ping_target) if O(session_type=ETHERNET). The UEs have its last addresses, the first UE the
        last one. By default C(10.46.0.0/16).
    type: str
  probes:
    description:
      - URLs that are read at a steady rate, each over one kept HTTP/2 connection, by the names that the summary gives
        them.
    type: dict
    default: {}
  probe_interval_ms:
    description:
      - Milliseconds between two readings of each URL in O(probes).
    type: float
    default: 5
    version_added: 0.2.0
  ping_interval_ms:
    description:
      - Milliseconds between two pings through the user plane.
    type: float
    default: 5
  ping_target:
    description:
      - Address on N6 that is pinged, IPv6 if O(session_type=IPV6), else IPv4. By default C(10.45.0.1) for V(IPV4),
        C(fd45::1) for V(IPV6), C(10.46.0.1) for V(ETHERNET).
    type: str
  timeout_s:
    description:
      - Seconds to await the registrations, or the end.
    type: float
    default: 120
  directory:
    description:
      - Directory of its files.
    type: path
    default: /run/minicore-gnb
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
seealso:
  - module: organic.core5g.ran_driver
"""

EXAMPLES = r"""
- name: Register 200 UEs and keep 50 procedures a second going
  organic.core5g.gnb_driver:
    state: started
    front: 192.0.2.43
    ues: 200
    procedures_rate: 50
    probes:
      nrf: http://192.0.2.33:8000/nnrf-disc/v1/nf-instances?target-nf-type=SMF&requester-nf-type=AMF

- name: Register 20 UEs with Ethernet sessions
  organic.core5g.gnb_driver:
    state: started
    front: 192.0.2.43
    ues: 20
    session_type: ETHERNET
    ethernet_network: 198.51.100.0/24
    ping_target: 198.51.100.1

- name: Stop
  organic.core5g.gnb_driver:
    state: stopped
  register: gnb
"""

RETURN = r"""
pid:
  description: Process ID of the driver.
  returned: when O(state=started) and not in check mode
  type: int
  sample: 4711
address:
  description: Own address on N2 and N3.
  returned: when O(state=started)
  type: str
  sample: 192.0.2.13
summary:
  description: What the driver measured, none if it has measured nothing.
  returned: when O(state=stopped)
  type: dict
  sample:
    ues: {count: 200, registered: 200, connected: 150, idle: 50}
    reauthentications: 0
    gaps_ms: {n2: 61.2, n3: 5.2, procedures: 84.0, sbi: {nrf: 5.3}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.ran import GnbSettings, RanDriver, address_towards


def start(driver: RanDriver, module: AnsibleModule) -> dict[str, object]:
    wanted = module.params
    own = (
        *(
            "front",
            "transport",
            "upf",
            "plmn",
            "tac",
            "gnbs",
            "ues",
            "first_supi",
            "k",
            "opc",
            "rate",
            "procedures_rate",
        ),
        *("sessions_per_ue", "session_type", "ethernet_network"),
        *("probe_interval_ms", "ping_interval_ms", "ping_target"),
    )
    settings = GnbSettings(
        address=wanted["address"] or address_towards(wanted["front"]),
        mix=",".join(f"{name}={weight}" for name, weight in sorted(wanted["mix"].items())) if wanted["mix"] else None,
        setup_timeout=wanted["timeout_s"],
        probe=tuple(f"{name}={url}" for name, url in sorted(wanted["probes"].items())),
        **{name: wanted[name] for name in own},
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
            "front": {"type": "str"},
            "transport": {"type": "str", "choices": ["sctp", "tcp"], "default": "sctp"},
            "upf": {"type": "str"},
            "address": {"type": "str"},
            "plmn": {"type": "str", "default": "00101"},
            "tac": {"type": "int", "default": 1},
            "gnbs": {"type": "int", "default": 2},
            "ues": {"type": "int", "default": 200},
            "first_supi": {"type": "str"},
            "k": {"type": "str", "no_log": True},
            "opc": {"type": "str", "no_log": True},
            "rate": {"type": "float", "default": 20},
            "procedures_rate": {"type": "float", "default": 20},
            "mix": {"type": "dict"},
            "sessions_per_ue": {"type": "int", "choices": [0, 1], "default": 1},
            "session_type": {"type": "str", "choices": ["IPV4", "IPV6", "ETHERNET"], "default": "IPV4"},
            "ethernet_network": {"type": "str"},
            "probes": {"type": "dict", "default": {}},
            "probe_interval_ms": {"type": "float", "default": 5},
            "ping_interval_ms": {"type": "float", "default": 5},
            "ping_target": {"type": "str"},
            "timeout_s": {"type": "float", "default": 120},
            "directory": {"type": "path", "default": "/run/minicore-gnb"},
            "package_path": {"type": "path", "default": "/opt/minicore"},
            "python": {"type": "path", "default": "/usr/bin/python3"},
        },
        required_if=[("state", "started", ("front",))],
        supports_check_mode=True,
    )
    wanted = module.params
    driver = RanDriver(wanted["directory"], wanted["package_path"], wanted["python"], "gnb")
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
