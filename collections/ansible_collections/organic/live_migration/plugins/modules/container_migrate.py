#!/usr/bin/python
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_migrate
short_description: Move the processes of a running container to another host
version_added: 0.1.0
description:
  - Moves the process tree of a container, with its memory, open connections and files, into a container of the same
    name, image and addresses on another host, by CRIU. The process never ends; its clients' connections stay open.
  - The critical path runs between two agents on the two hosts, over a mutually authenticated TLS connection with
    certificates made for this migration. The memory pages cross on connections that were authenticated the same way;
    whether they are encrypted is for O(encryption) to say. Ansible prepares and reports.
  - Until the commit point every failure (of either agent, the link, the controller, CRIU, a full memory file system)
    resumes the process where it was. After it the process never runs on the source host again.
  - One failure is an exception. When CRIU is killed (by SIGKILL, for example by the out-of-memory killer) in the few
    milliseconds in which it reads the process, the process runs on at once, and connections that it uses in that moment
    may break.
  - The flags of memory mappings, such as those of madvise(2), are read right before the freeze. A change of flags
    between that and the freeze does not go along, unless the mapping itself changes, too; the task then warns.
  - The container must have been started with the resident init; see the role
    P(organic.live_migration.migration_host#role).
extends_documentation_fragment:
  - organic.live_migration.migration
  - organic.live_migration.convergence
  - organic.live_migration.transfer
  - organic.live_migration.ppm
attributes:
  check_mode:
    support: full
    description: Runs the whole preflight on both hosts; predicts downtime, migration time and bytes of each strategy.
  diff_mode:
    support: full
    description: The container on both hosts before and after, whether it runs, restart policy, networks, addresses.
  idempotent:
    support: none
    description: The container leaves the host on which the task runs; a second run finds it gone and says so.
options:
  strategy:
    description:
      - How the memory gets to the target host.
      - V(inter_copy) freezes the process, copies all of its memory and restores it. Everything is sent once.
      - V(pre_copy) copies memory in rounds while the process runs, and freezes it for what it wrote in the last round.
      - V(post_copy) freezes the process, moves the least it needs, and fetches its memory while it runs on the target
        host. Its downtime is the shortest; when the source host is lost before all pages came, so is the process.
      - V(hybrid) makes one round of pre-copy, then goes on as V(post_copy) with what was written meanwhile.
      - V(auto) measures the memory, how much of it is written, and the link, predicts downtime and time of each, and
        takes the one with the shortest downtime that stays within O(downtime_limit_ms) and O(downtime_budget_ms).
      - V(ppm) runs a clone of the process on the target host, gives both the same packets, and lets the clone take over
        once it has said the same for O(ppm_verify_ms). The process stops for its dump alone, and for the milliseconds
        in which the clone takes over. It is new in 0.3.0, and used only where it is named here; see docs/strategies.md.
    type: str
    choices: [auto, inter_copy, pre_copy, post_copy, hybrid, ppm]
    default: inter_copy
  downtime_limit_ms:
    description: Target downtime in milliseconds. Rounds of pre-copy go on until the expected downtime is below it.
    type: int
    default: 300
  downtime_budget_ms:
    description: Milliseconds of downtime that the clients tolerate; used by O(strategy=auto). V(0) is no budget.
    type: int
    default: 0
  pause_before_switchover:
    description: Stop before the process is frozen, and wait for M(organic.live_migration.container_migration_continue).
    type: bool
    default: false
  max_parallel:
    description: How many migrations may leave the source host, and arrive at the target host, at once. Others queue.
    type: int
    default: 2
  method:
    description:
      - V(resident) moves the process tree between two running containers.
      - V(engine) has the Docker engine checkpoint and restore the whole container. It is slow; it is for containers
        that were not started with the resident init, and for comparison. It needs an engine with experimental features.
    type: str
    choices: [resident, engine]
    default: resident
seealso:
  - module: organic.live_migration.container_migration_preflight
  - module: organic.live_migration.container_migration_cancel
  - module: organic.live_migration.container_migration_continue
  - module: organic.live_migration.container_migration_recover
  - module: organic.live_migration.container_migration_info
"""

EXAMPLES = r"""
- name: Move the SMF to edge-b
  organic.live_migration.container_migrate:
    name: smf
    target_host: edge-b
  register: moved

- name: Move a larger one in rounds while it runs, and stop it for a tenth of a second
  organic.live_migration.container_migrate:
    name: udr
    target_host: edge-b
    strategy: pre_copy
    downtime_limit_ms: 100
    on_no_convergence: post_copy

- name: Show the process downtime
  ansible.builtin.debug:
    msg: "{{ moved.migration.process_downtime_ms }} ms"
"""

RETURN = r"""
migration:
  description: What was done, and how long it took.
  returned: when a migration was begun
  type: dict
  contains:
    name:
      description: Name of the container.
      type: str
      sample: smf
    strategy:
      description: How the memory was copied.
      type: str
      sample: inter_copy
    method:
      description: How the process was moved.
      type: str
      sample: resident
    status:
      description: V(completed), V(failed) or V(cancelled). Where the process is then, RV(migration.outcome) says.
      type: str
      sample: completed
    outcome:
      description:
        - V(completed) when the process runs on the target host.
        - V(rolled_back) when the migration failed before its commit point, and V(cancelled) when it was cancelled; the
          process runs on the source host as before.
        - V(in_doubt) when it failed at its commit point or later. The target host was asked; the message says what it
          reported, or that it could not be reached and the process stays frozen on the source host.
        - V(state_lost) when post-copy failed after the process had run on the target host.
        - V(process_exited) when the process exited, or was killed, before the commit point.
      type: str
      sample: completed
    source_host:
      description: Inventory name of the host that it left.
      type: str
      sample: edge-a
    target_host:
      description: Inventory name of the host that it moved to.
      type: str
      sample: edge-b
    migration_time_ms:
      description: From the start of the action until the source was released, in milliseconds.
      type: float
      sample: 2150.3
    process_downtime_ms:
      description: From the freeze on the source until the process ran on the target, or on the source again, in
        milliseconds. With O(strategy=ppm) the longest time that it was stopped, to be cloned or to be replaced.
      type: float
      sample: 61.2
    bytes_sent:
      description: Payload bytes that the source sent, retransmissions included.
      type: int
      sample: 25165824
    memory_bytes:
      description: Memory that the processes had in use before.
      type: int
      sample: 24117248
    steps:
      description: In the order of their ends, in milliseconds since the start; C(freeze) to C(run) are the downtime.
      type: list
      elements: dict
      sample: [{"name": "freeze", "start_ms": 1903.1, "duration_ms": 0.4}]
    target_steps:
      description: The target's own steps, in milliseconds since its preparation.
      type: list
      elements: dict
    clone_pause_ms:
      description: How long the process was stopped to be cloned, from its last packet on, in milliseconds.
      type: float
      returned: with O(strategy=ppm)
      sample: 12.4
    handover_ms:
      description: From the last packet that the process was given until the clone was heard, in milliseconds.
      type: float
      returned: with O(strategy=ppm)
    parallel_ms:
      description: How long the process and its clone ran beside each other, in milliseconds.
      type: float
    inputs:
      description: Packets that the clone got, in the same order as the process; C(chain) is a hash over them.
      type: int
    answers_compared:
      description: Packets of the process that the clone said as well.
      type: int
    turnstile_wait_ms:
      description: How long a packet waited on average until the process was at rest, in milliseconds.
      type: float
    divergence:
      description: Where the clone parted from the process, as C(flow), C(offset) and both bytes; else empty.
      type: dict
      returned: with O(strategy=ppm)
    attempts:
      description: Clones that were given up before, each with C(reason), C(message), C(divergence), C(parallel_ms).
      type: list
      elements: dict
      returned: with O(strategy=ppm)
    held_packets:
      description: Packets that arrived for the process in its downtime, and were held for it.
      type: int
      sample: 58
    lost_packets:
      description: Packets that came for the process in its downtime and did not reach it, by the kernel's counters.
      type: int
      sample: 0
      version_added: "0.2.0"
    prediction:
      description: What was predicted before, as in RV(prediction.forecast), to be compared with the other figures.
      type: dict
      returned: with O(strategy=auto)
    statistics:
      description: Figures of the memory transfer, and the states that the migration entered, with QEMU's names.
      type: dict
      contains:
        state:
          description:
            - V(setup), V(active), V(pre-switchover), V(switchover), V(cloned), V(postcopy-active), V(postcopy-paused),
              V(completed), V(cancelling), V(cancelled) or V(failed).
          type: str
        round:
          description: Rounds of pre-copy.
          type: int
        total_bytes:
          description: Memory in use.
          type: int
        transferred_bytes:
          description: Memory that was sent.
          type: int
        remaining_bytes:
          description: Memory that was still to be sent.
          type: int
        duplicate_pages:
          description: Pages of zeros, which were not sent.
          type: int
        skipped_pages:
          description: Pages that were unmapped before they were sent.
          type: int
        dirty_pages_per_s:
          description: Pages of 4096 bytes that the process wrote in a second.
          type: float
        page_tracking:
          description: Dirty-page tracking method, as in O(page_tracking); empty without rounds.
          type: str
          sample: write_protection
        tracking_stop_ms:
          description: How long the process was stopped in all rounds together, so that they could be found.
          type: float
        throughput_bytes_per_s:
          description: Memory that was sent in a second, by the order that sent most.
          type: float
        expected_downtime_ms:
          description: Downtime as it was expected at the last round.
          type: float
        downtime_limit_ms:
          description: As in O(downtime_limit_ms).
          type: int
        setup_ms:
          description: Time before the first page.
          type: float
        elapsed_ms:
          description: Time since the agent on the source host began.
          type: float
        throttle_percent:
          description: CPU time that was taken from the container.
          type: int
        events:
          description: Each state, and when it was entered, in milliseconds since the agent on the source host began.
          type: list
          elements: dict
          sample: [{"state": "setup", "at_ms": 0.1}, {"state": "active", "at_ms": 160.2}]
        started_at:
          description: When the agent on the source host began, in seconds since 1970, by the clock of that host.
          type: float
          version_added: 0.2.0
          sample: 1796027312.413
        rounds:
          description:
            - Each round of pre-copy, with its C(number) (0 is what is sent again after a pause before the switchover),
              its begin C(at_ms) as in C(events), its C(duration_ms), the C(pages_written) that it found, of 4096 bytes,
              and C(bytes_sent).
          type: list
          elements: dict
          version_added: 0.2.0
          sample: [{"number": 1, "at_ms": 160.3, "duration_ms": 20.1, "pages_written": 5000, "bytes_sent": 20480000}]
    criu:
      description: CRIU's own statistics of the dump and the restore.
      type: dict
    commands:
      description: Commands that were run on C(source) and C(target).
      type: dict
prediction:
  description: What the preflight saw, and what is to be expected.
  returned: in check mode
  type: dict
  contains:
    source_host:
      description: Inventory name of the host that the container is on.
      type: str
    target_host:
      description: Inventory name of the host that it would move to.
      type: str
    memory_bytes:
      description: Memory that its processes have in use.
      type: int
    processes:
      description: How many processes would move.
      type: int
    predicted_downtime_ms:
      description: Downtime of the strategy that would be used.
      type: float
    trial_downtime_ms:
      description: How long the process was stopped for the trial dump.
      returned: with O(trial_dump=true), if nothing else prevents the migration on the source host
      type: float
      version_added: 0.2.0
    doubts:
      description: What may keep the chosen strategy from succeeding, in whole sentences; then another one is used.
      type: list
      elements: str
    forecast:
      description:
        - What the cost model was given, and what it predicts. Without O(strategy=auto), C(dirty_pages_per_s) and
          C(link_bytes_per_s) are null; nothing is taken to be written then, and the link for no limit.
      type: dict
      contains:
        memory_bytes:
          description: Memory in use.
          type: int
        dirty_pages_per_s:
          description: Pages of 4096 bytes that are written in a second.
          type: float
        link_bytes_per_s:
          description: Rate of the link between the hosts.
          type: float
        files_bytes:
          description: What the files of its own layer and of its tmpfs mounts hold; they are sent while it runs.
          type: int
          version_added: 0.2.0
        compared_bytes:
          description: Size of large files that processes may change anywhere, not only append to; all is compared.
          type: int
          version_added: 0.2.0
        holdings:
          description: C(processes), further C(threads), TCP C(connections), C(shared_bytes), C(system_v_bytes).
          version_added: 0.2.0
          type: dict
        cpu_slowdown:
          description: Seconds that a second on a CPU takes on the source host with its load; 1 on an idle one.
          version_added: 0.2.0
          type: float
        strategy:
          description: The strategy that is used.
          type: str
          sample: pre_copy
        reason:
          description: Why it was chosen; empty when the user chose it.
          type: str
        downtime_ms:
          description: Its downtime.
          type: float
        migration_time_ms:
          description: Its time from the start until the source is released.
          type: float
        bytes_sent:
          description: Memory that it would send.
          type: int
        strategies:
          description: The same of all, with C(rounds), C(degraded_ms) (it runs and lacks pages), and C(converges).
          type: list
          elements: dict
blockers:
  description: What prevents the migration, each with its remedy. Nothing was changed.
  returned: when refused, and in check mode
  type: list
  elements: dict
  sample: [{"code": "image_missing", "message": "The image is missing on the target host", "remedy": "Load it there"}]
summary:
  description:
    - A short table of the migration or, in check mode, of the prediction, as lines of at most 80 columns.
    - It is also shown on the terminal by P(ansible.builtin.default#callback) in a playbook, and by
      P(organic.live_migration.migration_progress#callback); not with C(display_ok_hosts=false), nor with C(no_log).
  returned: when a migration was begun, and in check mode
  type: list
  elements: str
  sample: ["smf: edge-a -> edge-b, completed", "  strategy          inter_copy, method resident"]
details:
  description: Details of the failure, for example C(criu_log), the error lines of CRIU's log.
  returned: when a migration failed
  type: dict
"""
