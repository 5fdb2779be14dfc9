# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that everything shares that looks at a migration from one host to another."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of the container, on both hosts.
    type: str
    required: true
  target_host:
    description:
      - Inventory name of the host to which the container moves.
      - The source host is the one that the task runs on.
    type: str
    required: true
  target_address:
    description:
      - Address of the target host at which the source host reaches it for the transfer.
      - The default is the target's variable C(migration_address), then C(ansible_host), then its inventory name.
    type: str
  memory_reserve_mb:
    description:
      - Memory that must stay available on the target host after the migration, in MiB.
    type: int
    default: 256
  shared_volumes:
    description:
      - Paths in the container of writable volumes and bind mounts that lie on storage which both hosts see.
      - Any other writable volume is a reason not to migrate.
      - A read-only one that is named here is not compared. Any other must have the same content on both hosts.
    type: list
    elements: str
    default: []
  copy_missing_mounts:
    description:
      - Copy what the container's read-only bind mounts hold to the target host, where nothing is there.
      - That passes through the controller, up to 1 MiB in all, and is shown at verbosity 3. Copy secrets by other
        means.
      - What differs is never overwritten, but is a reason not to migrate. Not for a service of a cluster.
    type: bool
    default: false
    version_added: 0.2.0
  end_cluster_connections:
    description:
      - Move a pod although connections of its process run over the address in the cluster's own network, which stays on
        the node. They end when it has moved; check mode lists them in C(prediction.doubts).
      - Without it such a pod is not moved.
    type: bool
    default: false
    version_added: 0.2.0
  trial_dump:
    description:
      - Before anything else, have CRIU dump the process on the source host, without its private memory, and let it run
        on. What CRIU refuses is then a reason not to migrate, and known before anything is prepared.
      - The process is stopped meanwhile, also in check mode, for about as long as its dump takes in a migration, and
        for C(switchover_timeout_ms) of M(organic.live_migration.container_migrate) at most. Packets that arrive are
        kept for it.
      - Worth it once for a program that has never migrated. Only for O(method=resident).
    type: bool
    default: false
    version_added: 0.2.0
  timeout_s:
    description:
      - How long the migration may take, in seconds, before it is rolled back and the process runs on where it was.
        The target host may take as long to be prepared before it, or 45 seconds if that is longer.
      - In the downtime before the commit, the migration is rolled back after 8 seconds without progress, and a little
        more where much is to be unpacked on the target host.
    type: int
    default: 120
notes:
  - With V(kubernetes) as the host variable C(orchestrator), or C(migration_engine), the pod of a Deployment moves,
    whose resident init is called NAMESPACE.DEPLOYMENT; C(kubeconfig) and C(kubernetes_context) name its cluster, and
    C(kubernetes_node) the node of a host with another inventory name. Else the container engine is Docker.
requirements:
  - cryptography on the controller; kubernetes, too, where a cluster places the container
  - Docker or a Kubernetes node, nsenter, iproute2 and iptables on both hosts
  - the resident runtime on both hosts (role organic.live_migration.migration_host)
author:
  - Organic 5GC contributors (@organic-5gc)
"""
