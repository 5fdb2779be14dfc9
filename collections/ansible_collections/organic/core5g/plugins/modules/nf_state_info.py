#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nf_state_info
short_description: Read the state of network functions
version_added: 0.1.0
description:
  - Reads the state endpoint of every network function (NF) of a 5G core whose container is on this host.
  - The endpoint is asked from inside the container's own network namespace, so that it can be reached with every
    network driver, and only the NF of this host answers, even where its address is on two hosts for a moment.
author:
  - Organic 5GC contributors (@organic-5gc)
requirements:
  - root on the host
  - Docker on the host
options:
  nfs:
    description:
      - The address of each NF that is asked, by the NF's name. The container has the name of its NF, or is that of a
        service of a Docker Swarm with this name.
      - V(dynamic) in place of an address is the one that the Swarm has given the container.
    type: dict
    required: true
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
      - Where an NF reports its state, by its name, if it is another place than O(port) and O(path), as
        RV(organic.core5g.nf_description#module:sources) of M(organic.core5g.nf_description) says.
    type: dict
    default: {}
    version_added: 0.2.0
  must_run:
    description:
      - Fail if an NF has no running container on this host, or does not answer.
      - If V(false), the RV(nfs[].error) of such an NF tells why, and its RV(nfs[].state) is V(none).
    type: bool
    default: true
  wait_s:
    description:
      - Await for so many seconds that every NF answers, is registered at the NRF and has its PFCP associations up.
      - V(0) reads once and asks for an answer only.
    type: float
    default: 0
  await_start:
    description:
      - In the time of O(wait_s), await the start of the container, too. A cluster starts it after it was asked to.
    type: bool
    default: false
    version_added: 0.2.0
  watch_s:
    description:
      - Read the state again and again for so many seconds. While users come and go, RV(nfs[].sessions) tells the range.
      - V(0) reads it once.
    type: float
    default: 0
  associations:
    description:
      - How many PFCP associations must be up for an NF to count as ready; see O(wait_s).
    type: int
    default: 0
extends_documentation_fragment:
  - organic.core5g.nf_engine
  - organic.core5g.read_only
"""

EXAMPLES = r"""
- name: Read the state of the SMF
  organic.core5g.nf_state_info:
    nfs:
      smf: 192.0.2.34
  register: found

- name: Show how many PDU sessions it holds
  ansible.builtin.debug:
    msg: "{{ found.nfs[0].state.sessions }}"

- name: Await the SMF's registration and its association with the UPF
  organic.core5g.nf_state_info:
    nfs:
      smf: 192.0.2.34
    associations: 1
    wait_s: 20

- name: Find out which NFs run on this host
  organic.core5g.nf_state_info:
    nfs: "{{ nf_addresses }}"
    must_run: false
"""

RETURN = r"""
nfs:
  description: One entry for each NF that was asked for, in that order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the NF and of its container.
      type: str
      sample: smf
    address:
      description: Address that was asked.
      type: str
      sample: 192.0.2.34
    container:
      description: What the engine says about the container.
      type: dict
      contains:
        status:
          description:
            - The engine's word, V(absent) if there is no such container on this host.
            - V(awaiting) if it runs without the NF, which a migration is to bring or, interrupted, was to bring.
          type: str
          sample: running
        id:
          description: Identity of the container.
          type: str
        pid:
          description: PID of its first process on the host, none if the NF does not run in it.
          type: int
        restart_policy:
          description: Name of its restart policy. V(no) in a container that the NF has left by migration.
          type: str
          sample: unless-stopped
        started_at:
          description: Time of its start (RFC 3339).
          type: str
        service:
          description: Name of the service of a Docker Swarm whose container it is; none if it is one on its own.
          type: str
          version_added: 0.2.0
    sessions:
      description: Range of the number of sessions in that time, none if the NF did not answer.
      type: dict
      contains:
        least:
          description: Least number of sessions.
          type: int
        most:
          description: Greatest number of sessions.
          type: int
        by_peer:
          description: The same of each PFCP association, by the peer's address.
          type: dict
    counts:
      description: Range of every whole number of the state in that time, by its path with dots. None without an answer.
      type: dict
      version_added: 0.2.0
      sample: {"ues.registered": {"least": 200, "most": 201}}
    error:
      description: Why there is no state; none if there is.
      type: str
    state:
      description: The NF's last answer, none if it did not answer.
      type: dict
      contains:
        nf_type:
          description: Type of the NF (TS 29.510, clause 6.1.6.3.3).
          type: str
          sample: SMF
        nf_instance_id:
          description: Identity of this instance. A restarted NF may have another.
          type: str
        uptime_s:
          description: Seconds since the NF's start.
          type: float
        nrf_registered:
          description: Whether the NF's registration at the NRF is alive. Not of the NRF itself.
          type: bool
        registrations:
          description: The instances that are registered. Of the NRF only.
          type: list
          elements: dict
        sessions:
          description: Number of PDU sessions (SMF) or PFCP sessions (UPF).
          type: int
          sample: 200
        digest:
          description: SHA-256 over the sorted state of the sessions.
          type: str
        pfcp:
          description: The PFCP associations (TS 29.244, clause 6.2.6).
          type: list
          elements: dict
          contains:
            peer:
              description: Address of the peer.
              type: str
            up:
              description: Whether the association is set up.
              type: bool
            recovery_time_stamp:
              description: When the peer started, by the peer's own word (TS 29.244, clause 8.2.65).
              type: int
            local_recovery_time_stamp:
              description: When this NF started, as it told the peer.
              type: int
            sessions:
              description: Number of sessions over this association.
              type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.organic.core5g.plugins.module_utils import nf_engine
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError
from ansible_collections.organic.core5g.plugins.module_utils.nf_source import Source
from ansible_collections.organic.core5g.plugins.module_utils.nf_state import NfReader, Wanted
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nfs": {"type": "dict", "required": True},
            "port": {"type": "int", "default": 8000},
            "path": {"type": "str", "default": "/minicore/v1/state"},
            "sources": {"type": "dict", "default": {}},
            "must_run": {"type": "bool", "default": True},
            "wait_s": {"type": "float", "default": 0},
            "await_start": {"type": "bool", "default": False},
            "watch_s": {"type": "float", "default": 0},
            "associations": {"type": "int", "default": 0},
            **nf_engine.OPTIONS,
        },
        supports_check_mode=True,
    )
    options = module.params
    wanted = Wanted(options["must_run"], options["watch_s"], options["wait_s"], options["await_start"])
    default = Source(options["port"], options["path"], associations=options["associations"])
    sources = {name: Source.of(source) for name, source in options["sources"].items()}
    try:
        engine = nf_engine.connect(options)
        entries = NfReader(engine, default, sources).entries(options["nfs"], wanted)
    except (CoreError, MigrationError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, nfs=entries)


if __name__ == "__main__":
    main()
